package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"unibus/internal/bus"
)

// LinkKind says what a link is for.
type LinkKind uint8

// The numbers are written into links and never change.
const (
	LinkInvite   LinkKind = 1 // a new user
	LinkFounding LinkKind = 2 // the first admin of a bus that has none
	LinkDevice   LinkKind = 3 // another endpoint of a user
	LinkBus      LinkKind = 4 // the address and pins of a bus, no secret
)

func (k LinkKind) String() string {
	switch k {
	case LinkInvite:
		return "invite"
	case LinkFounding:
		return "founding"
	case LinkDevice:
		return "device"
	case LinkBus:
		return "bus"
	}
	return "unknown"
}

// Link is what one person hands to another: where the bus is, how to know it,
// and the seed of one-time keys. Its text is
//
//	unibus://HOST:PORT/#<base64url, no padding, of the bytes below>
//	version 1 | kind 1 | CA hash 32 | O hash 32 | id 16 | seed 32 | checksum 4
//
// A link of kind LinkBus holds neither id nor seed. All of it but the address
// stands behind #, which no client sends to a server. The checksum is the
// first 4 bytes of SHA-256 over "unibus/1 link" and the bytes before it; it
// finds what copying broke, and leaves the address free to be corrected.
type Link struct {
	Addr string // host:port; a host is a lower-case DNS name or an IP address
	Kind LinkKind
	CA   bus.Hash     // of the DER of the CA's certificate
	Org  bus.Hash     // of the organisation key; zero in a founding link, which comes before that key
	ID   bus.InviteID // of the invite or device link
	Seed [32]byte     // secret
}

const (
	linkScheme   = "unibus://"
	linkVersion  = 1
	linkChecksum = 4
	linkPins     = 1 + 1 + 32 + 32
	linkSecrets  = 16 + 32
	// maxLink is more than the longest link: 253 bytes of host name, 158 of fragment.
	maxLink = 512
)

// hasSecrets reports whether links of this kind carry an id and a seed.
func (k LinkKind) hasSecrets() bool { return k != LinkBus }

// String returns the whole link, with its secret: printing it is its purpose.
// Logs and %#v get Redacted.
func (l Link) String() string {
	b := append([]byte{linkVersion, byte(l.Kind)}, l.CA[:]...)
	b = append(b, l.Org[:]...)
	if l.Kind.hasSecrets() {
		b = append(b, l.ID[:]...)
		b = append(b, l.Seed[:]...)
	}
	sum := linkSum(b)
	b = append(b, sum[:]...)
	return linkScheme + l.Addr + "/#" + base64.RawURLEncoding.EncodeToString(b)
}

// Redacted returns the link without what stands behind #.
func (l Link) Redacted() string { return linkScheme + l.Addr + "/#" + placeholder }

// GoString keeps the seed out of dumps.
func (l Link) GoString() string { return l.Redacted() }

// LogValue keeps the seed out of logs.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.Redacted()) }

// Check tells why ParseLink would not read l's text: call it on a link before
// handing it out.
func (l Link) Check() error {
	if l.Kind < LinkInvite || l.Kind > LinkBus {
		return badLink("it is of a kind that this version does not know")
	}
	if !validAddr(l.Addr) {
		return badLink("%.80q is no HOST:PORT", l.Addr)
	}
	if (l.Org == bus.Hash{}) != (l.Kind == LinkFounding) {
		return badLink("it names no organisation key where it should, or one where none can be")
	}
	return nil
}

// ParseLink reads exactly what String writes; an error of kind Invalid and
// code bad_link for anything else. It does not trim white space.
func ParseLink(s string) (Link, error) {
	rest, ok := strings.CutPrefix(s, linkScheme)
	if !ok || len(s) > maxLink {
		return Link{}, badLink("it does not start with unibus://, or is too long")
	}
	addr, fragment, ok := strings.Cut(rest, "/#")
	if !ok {
		return Link{}, badLink("the part behind # is missing; quote the link in a shell")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(fragment)
	if err != nil {
		return Link{}, badLink("the part behind # is damaged")
	}
	l, err := parseLinkBytes(b)
	if err != nil {
		return Link{}, err
	}
	l.Addr = addr
	if err := l.Check(); err != nil {
		return Link{}, err
	}
	if l.String() != s {
		return Link{}, badLink("the part behind # is damaged")
	}
	return l, nil
}

func parseLinkBytes(b []byte) (l Link, err error) {
	if len(b) < linkPins+linkChecksum {
		return l, badLink("it is cut short")
	}
	end := len(b) - linkChecksum
	if linkSum(b[:end]) != [linkChecksum]byte(b[end:]) {
		return l, badLink("it is cut short or was changed: the checksum does not match")
	}
	if b[0] != linkVersion {
		return l, badLink("it is of another version of unibus")
	}
	l.Kind = LinkKind(b[1])
	want := linkPins
	if l.Kind.hasSecrets() {
		want += linkSecrets
	}
	if end != want {
		return l, badLink("it has a wrong length")
	}
	b = b[2:end]
	b = b[copy(l.CA[:], b):]
	b = b[copy(l.Org[:], b):]
	b = b[copy(l.ID[:], b):]
	copy(l.Seed[:], b)
	return l, nil
}

func linkSum(b []byte) [linkChecksum]byte {
	sum := sha256.Sum256(append([]byte("unibus/1 link"), b...))
	return [linkChecksum]byte(sum[:])
}

// badLink never quotes the part behind #.
func badLink(why string, args ...any) error {
	return bus.Errorf(bus.Invalid, "bad_link", "not a usable unibus link: %s", fmt.Sprintf(why, args...)).
		WithHint("copy it again, whole")
}

// validAddr accepts one spelling of host:port.
func validAddr(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.JoinHostPort(host, port) != addr {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" && ip.String() == host
	}
	return validHost(host)
}
