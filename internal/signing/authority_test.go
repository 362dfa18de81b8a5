package signing

import (
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestAuthority(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"example.com":          "example.com",
		"Example.COM":          "example.com",
		"EXAMPLE.com:443":      "example.com",
		"example.com:8443":     "example.com:8443",
		"a_b-c.x1:1":           "a_b-c.x1:1",
		"localhost:80":         "localhost:80",
		"127.0.0.1:65535":      "127.0.0.1:65535",
		"[::1]":                "[::1]",
		"[::1]:443":            "[::1]",
		"[2001:DB8:0:0::1]:80": "[2001:db8::1]:80",
	} {
		got, err := Authority(host)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", host, got, err, want)
		}
		if again, err := Authority(got); err != nil || again != got {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	}
}

func TestAuthorityRefused(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"", ":443", ".", "a..b", ".a", "a.", "a b", "a\n", "é.example", "user@host", "host/path", "a,b", "*.a",
		"a:", "a:0", "a:00443", "a:0443", "a:65536", "a:-1", "a:+1", "a: 1", "a:https", "a:1:2", "::1", "2001:db8::1",
		"[]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:0", "[127.0.0.1]", "[fe80::1%eth0]", "[[::1]]", "x[::1]",
		strings.Repeat("a", 254),
	} {
		if got, err := Authority(host); bus.CodeOf(err) != "bad_authority" {
			t.Errorf("%.30q: got %q, %v; want a refusal", host, got, err)
		}
	}
}

func TestAuthorities(t *testing.T) {
	t.Parallel()
	a, err := NewAuthorities("Bus.example:443", "[::1]:8443")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"bus.example": "bus.example", "BUS.EXAMPLE:443": "bus.example", "[0::1]:8443": "[::1]:8443",
	} {
		if got, err := a.Accept(host); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", host, got, err, want)
		}
	}
	for _, host := range []string{"other.example", "bus.example:8443", "[::1]", "", "bus.example."} {
		if got, err := a.Accept(host); bus.KindOf(err) != bus.Invalid || bus.CodeOf(err) != "bad_authority" {
			t.Errorf("%s: got %q, %v; want a refusal", host, got, err)
		}
	}
	if _, err := (Authorities{}).Accept("bus.example"); err == nil {
		t.Error("an empty list accepts")
	}
	if _, err := NewAuthorities("bus.example", "no good"); err == nil {
		t.Error("a bad entry was taken into the list")
	}
}

func FuzzAuthority(f *testing.F) {
	for _, seed := range []string{"Example.com:443", "[::1]:80", "a:0", "[fe80::1%a]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		got, err := Authority(host)
		if err != nil {
			return
		}
		if again, err := Authority(got); err != nil || again != got {
			t.Errorf("%q gives %q, that gives %q, %v", host, got, again, err)
		}
		if strings.ContainsAny(got, "\n\r \"@/") || got != strings.ToLower(got) {
			t.Errorf("%q gives %q", host, got)
		}
	})
}
