package cmd

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/profile"
)

func TestContextName(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"bus.example.org:8443": "bus.example.org", "127.0.0.1:1": "local", "[::1]:8443": "local", "localhost:1": "local", "[2001:db8::1]:1": "2001-db8--1",
		"BUS:1": "bus", "": "bus", "[::]:1": "bus", "x..:1": "x",
		"a-name-that-is-far-too-long-for-a-context.example.org:1": "a-name-that-is-far-too-long",
	} {
		got := contextName(addr)
		if got != want {
			t.Errorf("%s: got %q, want %q", addr, got, want)
		}
		home := profile.At(t.TempDir())
		if _, err := home.Context(got + "-99"); bus.KindOf(err) != bus.NotFound {
			t.Errorf("%s: %q is no name of a context: %v", addr, got, err)
		}
	}
}

func FuzzContextName(f *testing.F) {
	f.Add("bus.example.org:8443")
	f.Add("[::1]:1")
	f.Add("-.-:1")
	home := profile.At(f.TempDir())
	f.Fuzz(func(t *testing.T, addr string) {
		if name := contextName(addr); bus.KindOf(second(home.Context(name))) != bus.NotFound {
			t.Errorf("%q: %q is no name of a context", addr, name)
		}
	})
}

func second[A any](_ A, err error) error { return err }
