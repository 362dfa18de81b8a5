package signing

import (
	"net/netip"
	"strconv"
	"strings"

	"unibus/internal/bus"
)

// defaultPort is that of https, the only scheme of the control plane.
const defaultPort = "443"

var errAuthority = bus.Errorf(bus.Invalid, "bad_authority", "not a host name or address with a port").
	WithHint("use the address of the node as it was configured")

// Authority writes what stands in a Host header in the one form that is
// signed: lower case, without the default port 443, IPv6 addresses in brackets
// and shortened (RFC 5952). The error is Invalid, code bad_authority: user
// names, zones, empty labels and characters outside a-z 0-9 - _ are refused.
func Authority(host string) (string, error) {
	name, port, ok := splitPort(host)
	if !ok {
		return "", errAuthority
	}
	if name, ok = hostName(name); !ok {
		return "", errAuthority
	}
	if port == "" || port == defaultPort {
		return name, nil
	}
	return name + ":" + port, nil
}

// splitPort cuts a port off that is written the one way it can be.
func splitPort(host string) (name, port string, ok bool) {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || colon < strings.LastIndexByte(host, ']') {
		return host, "", true
	}
	name, port = host[:colon], host[colon+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	return name, port, err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

func hostName(name string) (string, bool) {
	if inside, ok := strings.CutPrefix(name, "["); ok {
		inside, closed := strings.CutSuffix(inside, "]")
		addr, err := netip.ParseAddr(inside)
		return "[" + addr.String() + "]", closed && err == nil && addr.Is6() && addr.Zone() == ""
	}
	name = strings.ToLower(name)
	if len(name) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", false
		}
	}
	return name, true
}

// Authorities is the list of names under which a node answers. Without it a
// request that was signed for one node could be repeated at another that knows
// the same signer. It is safe for concurrent use.
type Authorities struct{ known map[string]bool }

// NewAuthorities normalises a configured list; an error when an entry is none.
func NewAuthorities(hosts ...string) (Authorities, error) {
	a := Authorities{known: make(map[string]bool, len(hosts))}
	for _, host := range hosts {
		name, err := Authority(host)
		if err != nil {
			return Authorities{}, err
		}
		a.known[name] = true
	}
	return a, nil
}

// Accept normalises the Host of a request and refuses, as bad_authority, what
// is not on the list. An empty list accepts nothing.
func (a Authorities) Accept(host string) (string, error) {
	name, err := Authority(host)
	if err != nil {
		return "", err
	}
	if !a.known[name] {
		return "", bus.Errorf(bus.Invalid, errAuthority.Code, "this node does not answer under that name").
			WithHint("%s", errAuthority.Hint)
	}
	return name, nil
}
