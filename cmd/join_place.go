package cmd

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/profile"
)

// make keeps new keys in a context that waits for its bus.
func (j *joiner) make(ctx context.Context, id *identity.File, info identity.ContextInfo, passphrase []byte) (*place, error) {
	name, err := j.freeName()
	if err != nil {
		return nil, err
	}
	at := at(profile.Context{Name: name, Bus: id.Bus, Pending: true}, info)
	if err := j.home.Create(at, id, passphrase); err != nil {
		return nil, err
	}
	p := &place{at: at, keys: opened{id: id, path: j.home.IdentityPath(name), secret: identity.NewSecret(passphrase, nil)}}
	p.store, err = j.home.Open(ctx, name, id.ProfileKey)
	return p, err
}

// at is a context with the address and the pins of a bus.
func at(c profile.Context, info identity.ContextInfo) profile.Context {
	c.URL, c.NATS, c.CAPEM, c.Org = info.URL, info.NATS, info.CAPEM, info.Org
	return c
}

// freeName is the name that was asked for, or one made of the host's that
// stands for no context. Keys that wait for their bus are never replaced: the
// bus may know them.
func (j *joiner) freeName() (string, error) {
	if j.o.name != "" {
		return j.o.name, unused(j.home, j.o.name)
	}
	base := contextName(j.link.Addr)
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if err := unused(j.home, name); bus.KindOf(err) != bus.Conflict || err == nil {
			return name, err
		}
	}
}

// contextName makes a name of a context of an address: "local" on this
// machine, else the host.
func contextName(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if loopback(host) {
		return "local"
	}
	return cleanName(host)
}

// loopback reports whether host is this machine and no other.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// cleanName is s without what no name of a context has.
func cleanName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	name = strings.Trim(name[:min(len(name), 28)], ".-")
	if name == "" {
		return "bus"
	}
	return name
}
