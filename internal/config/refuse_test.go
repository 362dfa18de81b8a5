package config

import (
	"testing"
	"time"

	"unibus/internal/bus"
)

func good() Serve {
	return Serve{Data: "/srv/unibus", Listen: "127.0.0.1:8443", NATS: "127.0.0.1:4222",
		Auth: bus.ModeEnforce, MaxInflight: bus.MaxInflight}
}

func TestServeValidate(t *testing.T) {
	t.Parallel()
	dev := func(s *Serve) { s.Dev, s.Data = true, "" }
	tests := []struct {
		name   string
		change func(*Serve)
		code   string // "" = accepted
		kind   bus.Kind
	}{
		{"as it is", func(*Serve) {}, "", 0},
		{"port 0 twice", func(s *Serve) { s.Listen, s.NATS = "127.0.0.1:0", "127.0.0.1:0" }, "", 0},
		{"public with a name", func(s *Serve) { s.Listen, s.Hosts = "0.0.0.0:8443", []string{"bus.example.org"} }, "", 0},
		{"one public address needs no name", func(s *Serve) { s.Listen = "192.0.2.7:8443" }, "", 0},
		{"IPv6", func(s *Serve) { s.Listen = "[::1]:8443" }, "", 0},
		{"dev", dev, "", 0},
		{"dev soft", func(s *Serve) { dev(s); s.Auth = bus.ModeSoft }, "", 0},
		{"dev off", func(s *Serve) { dev(s); s.Auth = bus.ModeOff }, "", 0},

		{"soft without dev", func(s *Serve) { s.Auth = bus.ModeSoft }, "unsafe_auth", bus.Unsafe},
		{"off without dev", func(s *Serve) { s.Auth = bus.ModeOff }, "unsafe_auth", bus.Unsafe},
		{"no mode", func(s *Serve) { s.Auth = "" }, "unsafe_auth", bus.Unsafe},
		{"no mode that dev knows", func(s *Serve) { dev(s); s.Auth = "lenient" }, "unsafe_auth", bus.Unsafe},
		{"dev on every address", func(s *Serve) { dev(s); s.Listen = ":8443" }, "unsafe_dev", bus.Unsafe},
		{"dev with a public data plane", func(s *Serve) { dev(s); s.NATS = "0.0.0.0:4222" }, "unsafe_dev", bus.Unsafe},
		{"dev on a name", func(s *Serve) { dev(s); s.Listen = "bus.example.org:8443" }, "unsafe_dev", bus.Unsafe},
		{"dev on kept data", func(s *Serve) { s.Dev = true }, "unsafe_dev", bus.Unsafe},
		{"dev without users", func(s *Serve) { dev(s); s.NoAdmin = true }, "bad_setting", bus.Invalid},
		{"no data", func(s *Serve) { s.Data = "" }, "bad_setting", bus.Invalid},
		{"no port", func(s *Serve) { s.Listen = "127.0.0.1" }, "bad_address", bus.Invalid},
		{"port too high", func(s *Serve) { s.NATS = "127.0.0.1:65536" }, "bad_address", bus.Invalid},
		{"port by name", func(s *Serve) { s.Listen = "127.0.0.1:https" }, "bad_address", bus.Invalid},
		{"port with zeros", func(s *Serve) { s.Listen = "127.0.0.1:08443" }, "bad_address", bus.Invalid},
		{"url", func(s *Serve) { s.Listen = "https://127.0.0.1:8443" }, "bad_address", bus.Invalid},
		{"host with a space", func(s *Serve) { s.Listen = "a b:8443" }, "bad_address", bus.Invalid},
		{"the same address twice", func(s *Serve) { s.NATS = s.Listen }, "bad_address", bus.Invalid},
		{"every address, no name", func(s *Serve) { s.Listen = "0.0.0.0:8443" }, "no_host", bus.Invalid},
		{"every IPv6 address, no name", func(s *Serve) { s.NATS = "[::]:4222" }, "no_host", bus.Invalid},
		{"name with scheme", func(s *Serve) { s.Hosts = []string{"https://bus"} }, "bad_host", bus.Invalid},
		{"name with port", func(s *Serve) { s.Hosts = []string{"bus:8443"} }, "bad_host", bus.Invalid},
		{"star name", func(s *Serve) { s.Hosts = []string{"*.example.org"} }, "bad_host", bus.Invalid},
		{"empty label", func(s *Serve) { s.Hosts = []string{"bus..example"} }, "bad_host", bus.Invalid},
		{"no budget", func(s *Serve) { s.MaxInflight = 0 }, "bad_setting", bus.Invalid},
		{"budget of one byte less", func(s *Serve) { s.MaxInflight = minInflight - 1 }, "bad_setting", bus.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := good()
			tt.change(&s)
			err := s.Validate()
			if tt.code == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted", err)
				}
				return
			}
			if err == nil || bus.CodeOf(err) != tt.code || bus.KindOf(err) != tt.kind {
				t.Errorf("got %v (%s, kind %d), want %s, kind %d", err, bus.CodeOf(err), bus.KindOf(err), tt.code, tt.kind)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:1": false, "127.9.9.9:1": false, "[::1]:1": false, "localhost:1": false, "[::ffff:127.0.0.1]:1": false,
		":1": true, "0.0.0.0:1": true, "[::]:1": true, "192.0.2.1:1": true, "localhost.example.org:1": true, "nonsense": true,
	} {
		s := good()
		s.Listen = address
		if got := s.Public(); got != want {
			t.Errorf("listen %q: got public %v, want %v", address, got, want)
		}
		s = good()
		s.NATS = address
		if got := s.Public(); got != want {
			t.Errorf("nats %q: got public %v, want %v", address, got, want)
		}
	}
}

func TestClientValidate(t *testing.T) {
	t.Parallel()
	for timeout, ok := range map[time.Duration]bool{
		time.Second: true, 24 * time.Hour: true, 0: false, -time.Second: false, 25 * time.Hour: false,
	} {
		if err := (Client{Timeout: timeout}).Validate(); (err == nil) != ok {
			t.Errorf("timeout %s: got %v, want accepted %v", timeout, err, ok)
		}
	}
}

func TestParseSync(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Sync{"always": 0, "200ms": Sync(200 * time.Millisecond), "1m": Sync(time.Minute)} {
		if got, err := ParseSync(text); err != nil || got != want {
			t.Errorf("%q: got %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "never", "0", "0s", "-1s", "999us", "61s", "200"} {
		if got, err := ParseSync(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

// What a stranger's file or argument holds must never make the parsers panic,
// and what is loopback must never be a wildcard.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"127.0.0.1:8443", "[::1]:1", ":0", "a:b:c", "[fe80::1%eth0]:1", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if loopback(s) && wildcard(s) {
			t.Errorf("%q: both loopback and wildcard", s)
		}
		if checkAddress("listen", s) == nil && !loopback(s) && !(Serve{Listen: s, NATS: "127.0.0.1:1"}).Public() {
			t.Errorf("%q: not loopback, yet not public", s)
		}
	})
}
