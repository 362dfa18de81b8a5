package identity

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func testLink(kind LinkKind, addr string) Link {
	l := Link{Addr: addr, Kind: kind, CA: bus.Hash{1, 2}, Org: bus.Hash{3, 4}, ID: bus.InviteID{5, 6}, Seed: secretSeed()}
	switch kind {
	case LinkFounding:
		l.Org = bus.Hash{}
	case LinkBus:
		l.ID, l.Seed = bus.InviteID{}, [32]byte{}
	}
	return l
}

func TestLinkRoundTrip(t *testing.T) {
	t.Parallel()
	for kind := LinkInvite; kind <= LinkBus; kind++ {
		for _, addr := range []string{"127.0.0.1:8443", "bus.example:1", "[::1]:8443", "localhost:65535", strings.Repeat("abc.", 62) + "abcde:8443"} {
			want := testLink(kind, addr)
			if err := want.Check(); err != nil {
				t.Errorf("%s %s: %v", kind, addr, err)
			}
			got, err := ParseLink(want.String())
			if err != nil || got != want {
				t.Errorf("%s %s: got %#v, %v", kind, addr, got, err)
			}
			if len(want.String()) > maxLink {
				t.Errorf("%s: %d characters", kind, len(want.String()))
			}
		}
	}
}

func TestParseLinkRefuses(t *testing.T) {
	t.Parallel()
	good := testLink(LinkInvite, "bus.example:8443").String()
	head, fragment, _ := strings.Cut(good, "#")
	raw, err := base64.RawURLEncoding.DecodeString(fragment)
	if err != nil {
		t.Fatal(err)
	}
	// sealed makes a link whose checksum holds although its bytes do not.
	sealed := func(b []byte) string {
		sum := linkSum(b)
		return head + "#" + base64.RawURLEncoding.EncodeToString(append(b, sum[:]...))
	}
	body := raw[:len(raw)-linkChecksum]
	with := func(i int, b byte) []byte { c := append([]byte(nil), body...); c[i] = b; return c }
	for name, s := range map[string]string{
		"empty":             "",
		"scheme":            strings.Replace(good, "unibus:", "https:", 1),
		"upper-case scheme": strings.Replace(good, "unibus:", "UNIBUS:", 1),
		"space before":      " " + good,
		"newline behind":    good + "\n",
		"no fragment":       head,
		"empty fragment":    head + "#",
		"no slash":          strings.Replace(good, "/#", "#", 1),
		"a path":            strings.Replace(good, "/#", "/x/#", 1),
		"a query":           strings.Replace(good, "/#", "/?x=1#", 1),
		"a user":            strings.Replace(good, "//", "//me@", 1),
		"no port":           strings.Replace(good, ":8443", "", 1),
		"port 0":            strings.Replace(good, ":8443", ":0", 1),
		"port 65536":        strings.Replace(good, ":8443", ":65536", 1),
		"port 08443":        strings.Replace(good, ":8443", ":08443", 1),
		"named port":        strings.Replace(good, ":8443", ":https", 1),
		"no host":           strings.Replace(good, "bus.example", "", 1),
		"upper-case host":   strings.Replace(good, "bus", "Bus", 1),
		"underscore":        strings.Replace(good, "bus", "b_s", 1),
		"long IPv6":         strings.Replace(good, "bus.example", "[0:0::1]", 1),
		"IPv6 zone":         strings.Replace(good, "bus.example", "[fe80::1%25a]", 1),
		"IPv4 octal":        strings.Replace(good, "bus.example", "127.0.0.01", 1),
		"bracketed IPv4":    strings.Replace(good, "bus.example", "[127.0.0.1]", 1),
		"cut":               good[:len(good)-1],
		"cut to the pins":   good[:len(head)+1+90],
		"longer":            good + "A",
		"padded":            good + "==",
		"newline inside":    good[:len(good)-4] + "\n" + good[len(good)-4:],
		"standard base64":   head + "#" + base64.StdEncoding.EncodeToString(raw),
		"second fragment":   good + "#",
		"too long":          "unibus://" + strings.Repeat("a", maxLink) + ":1/#" + fragment,
		"version 2":         sealed(with(0, 2)),
		"kind 0":            sealed(with(1, 0)),
		"kind 5":            sealed(with(1, 5)),
		"invite as bus":     sealed(with(1, byte(LinkBus))),
		"founding with O":   sealed(with(1, byte(LinkFounding))),
		"invite without O":  sealed(append(append(append([]byte(nil), body[:34]...), make([]byte, 32)...), body[66:]...)),
		"short body":        sealed(body[: len(body)-1 : len(body)-1]),
		"long body":         sealed(append(append([]byte(nil), body...), 0)),
	} {
		if l, err := ParseLink(s); bus.CodeOf(err) != "bad_link" || bus.KindOf(err) != bus.Invalid {
			t.Errorf("%s: got %#v, %v", name, l, err)
		} else if strings.Contains(err.Error(), fragment[100:110]) {
			t.Errorf("%s: the error holds the secret: %v", name, err)
		}
	}
}

// TestLinkChecksum: no single wrong character passes.
func TestLinkChecksum(t *testing.T) {
	t.Parallel()
	good := testLink(LinkInvite, "bus.example:8443").String()
	for i := strings.Index(good, "#") + 1; i < len(good); i++ {
		c := byte('A')
		if good[i] == c {
			c = 'B'
		}
		if _, err := ParseLink(good[:i] + string(c) + good[i+1:]); err == nil {
			t.Errorf("character %d changed: accepted", i)
		}
	}
}

func TestLinkCheck(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]Link{
		"zero":             {},
		"host":             testLink(LinkInvite, "Bus:1"),
		"kind":             {Addr: "a:1", Kind: 9, Org: bus.Hash{1}},
		"founding with O":  {Addr: "a:1", Kind: LinkFounding, Org: bus.Hash{1}},
		"invite without O": {Addr: "a:1", Kind: LinkInvite},
	} {
		if bus.CodeOf(l.Check()) != "bad_link" {
			t.Errorf("%s passes", name)
		}
	}
	if l := testLink(LinkInvite, "a:1"); fmt.Sprintf("%#v", l) != "unibus://a:1/#(secret)" || l.Redacted() != fmt.Sprintf("%#v", l) {
		t.Errorf("redacted: %#v", l)
	}
	if LinkKind(9).String() != "unknown" {
		t.Error("a kind that is none has a name")
	}
}

func FuzzParseLink(f *testing.F) {
	for kind := LinkInvite; kind <= LinkBus; kind++ {
		f.Add(testLink(kind, "bus.example:8443").String())
	}
	f.Add("unibus://[::1]:1/#AQE")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLink(s)
		if err == nil && (l.String() != s || l.Check() != nil) {
			t.Fatalf("%q is read as %q", s, l)
		}
	})
}
