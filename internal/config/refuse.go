package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"unibus/internal/bus"
)

// minInflight is the least budget with which one JSON body and one piece can
// be taken at all.
const minInflight = bus.MaxJSONBody + bus.PieceReserve

// Validate refuses settings that contradict each other, and every combination
// less safe than a node may run with. Each refusal names the setting, the
// reason and what to do. It reads nothing but s.
func (s Serve) Validate() error {
	for _, rule := range []func(Serve) error{
		refuseAddresses, refuseDev, refuseAuth, refuseData, refuseHosts, refuseInflight,
	} {
		if err := rule(s); err != nil {
			return err
		}
	}
	return nil
}

// Public reports whether somebody on another machine could reach the node.
func (s Serve) Public() bool { return !loopback(s.Listen) || !loopback(s.NATS) }

func refuseAddresses(s Serve) error {
	if err := checkAddress("listen", s.Listen); err != nil {
		return err
	}
	if err := checkAddress("nats", s.NATS); err != nil {
		return err
	}
	if s.Listen == s.NATS && !strings.HasSuffix(s.Listen, ":0") {
		return bus.Errorf(bus.Invalid, "bad_address", "--listen and --nats are the same address: %s", s.Listen).
			WithHint("give the two planes different ports")
	}
	return nil
}

func checkAddress(name, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil && (host == "" || validHost(host)) {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && strconv.FormatUint(n, 10) == port {
			return nil
		}
	}
	return bus.Errorf(bus.Invalid, "bad_address", "--%s: %q is not an address", name, address).
		WithHint("write host:port, for example 127.0.0.1:8443")
}

// refuseDev keeps the mode for trying things out away from other machines
// and from data that anybody keeps.
func refuseDev(s Serve) error {
	switch {
	case !s.Dev:
		return nil
	case s.Public():
		return bus.Errorf(bus.Unsafe, "unsafe_dev", "--dev listens on loopback only: --listen %s --nats %s", s.Listen, s.NATS).
			WithHint("leave out --dev, or use 127.0.0.1")
	case s.Data != "":
		return bus.Errorf(bus.Unsafe, "unsafe_dev", "--dev makes its own throwaway directory: it does not open %s", s.Data).
			WithHint("leave out --dev or --data")
	case s.NoAdmin:
		return bus.Errorf(bus.Invalid, "bad_setting", "--dev makes two users, --no-admin none").
			WithHint("leave out one of them")
	}
	return nil
}

func refuseAuth(s Serve) error {
	if s.Auth == bus.ModeEnforce || s.Dev && (s.Auth == bus.ModeSoft || s.Auth == bus.ModeOff) {
		return nil
	}
	return bus.Errorf(bus.Unsafe, "unsafe_auth", "--auth %s: requests would not be checked", s.Auth).
		WithHint("use --auth enforce, or try it with --dev")
}

func refuseData(s Serve) error {
	if s.Data != "" || s.Dev {
		return nil
	}
	return bus.Errorf(bus.Invalid, "bad_setting", "--data: no directory for the node, and HOME is not set").
		WithHint("name one with --data")
}

// refuseHosts wants a name for a node that listens on every address: nobody
// could check its certificate, and its links would lead nowhere.
func refuseHosts(s Serve) error {
	for _, h := range s.Hosts {
		if !validHost(h) {
			return bus.Errorf(bus.Invalid, "bad_host", "--host: %q is neither a host name nor an IP address", h).
				WithHint("write a name without scheme and port, for example bus.example.org")
		}
	}
	if len(s.Hosts) == 0 && (wildcard(s.Listen) || wildcard(s.NATS)) {
		return bus.Errorf(bus.Invalid, "no_host", "--host: a node that listens on every address needs a name").
			WithHint("add --host with the name or address that clients use")
	}
	return nil
}

func refuseInflight(s Serve) error {
	if s.MaxInflight >= minInflight {
		return nil
	}
	return bus.Errorf(bus.Invalid, "bad_setting", "--max-inflight: %d bytes would refuse every upload", s.MaxInflight).
		WithHint("use at least %d bytes", minInflight)
}

// Validate refuses a client that would never or always give up.
func (c Client) Validate() error {
	if c.Timeout > 0 && c.Timeout <= 24*time.Hour {
		return nil
	}
	return bus.Errorf(bus.Invalid, "bad_duration", "--timeout: %s is too short or too long to wait", c.Timeout).
		WithHint("use more than 0 and at most 24h")
}

// loopback is true only where no other machine can connect.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// wildcard reports whether address means every interface.
func wildcard(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsUnspecified()
}

// validHost accepts an IP address without zone or an RFC 1123 host name.
func validHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == ""
	}
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if !validLabel(label) {
			return false
		}
	}
	return true
}

func validLabel(label string) bool {
	if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
