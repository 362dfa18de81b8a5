package node

import (
	"context"
	"crypto"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Options says how to run a node. Dir, Listen and NATS are required.
type Options struct {
	Dir    string   // the node's directory; made 0700 when it is missing
	Listen string   // host:port of the control plane; port 0 = any, then always the same
	NATS   string   // host:port of the data plane; likewise
	Hosts  []string // names that clients use, the first one in links; needed where Listen or NATS means every address
	Name   string   // of the node on its bus; "" = the name it was founded with, at first "n1"

	Auth         bus.Mode      // "" = enforce; soft and off on loopback only, and never on data that ran enforce
	Sync         time.Duration // of messages: 0 = on disk before they are acknowledged, else at this interval
	MaxInflight  int64         // request bytes in memory; 0 = bus.MaxInflight
	StoreKeyFile string        // holds the key of the message store; "" = store.key in Dir
	ReadyFile    string        // gets Ready as JSON once the node serves; "" = none

	// Found founds the bus when Dir holds none. It is called at most once,
	// while nobody else can have the directory, and must keep the admin's
	// identity before it returns: what it returns is committed next.
	Found func(context.Context, Request) (*Founding, error)
	// NoAdmin lets a node without a bus wait for a founding over the network,
	// by the link that it writes to LinkFile, instead of calling Found.
	NoAdmin bool
	// Certify makes a new certificate, signed by the bus CA, when the node's
	// own expires or lacks a host; nil = such a node does not start.
	Certify func(context.Context, Request) (certPEM []byte, err error)

	// Settle does what belongs to a start beside the node: it is called once
	// the node serves, and before the ready file says so; nil = nothing.
	Settle func(context.Context, *Node) error

	// ClearStore leaves the message store unencrypted, on loopback only. It is
	// for tests that search what a node writes: without this layer too nothing
	// may be readable in it.
	ClearStore bool

	Version string           // told to anybody who asks
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default: none
}

// Request is what the certificate of a node must hold.
type Request struct {
	Bus   bus.ID           // zero at its founding
	Name  string           // of the node
	Key   crypto.PublicKey // its TLS key
	Hosts []string         // names and addresses that it is reached under, the one of links first
	URL   string           // as Node.URL
	NATS  string           // as Node.NATS
}

// Founding begins a bus. No key of a person is in it.
type Founding struct {
	Bus     bus.ID
	Org     identity.VerifyKey
	Genesis []byte
	Account [][]byte // first entries of the admin's account chain
	More    [][]byte // further bus-log entries: the node itself
	CAPEM   []byte
	CertPEM []byte // for the key of the Request
}

// Loopback reports whether nobody on another machine can reach the node: then
// rooms in clear text and weaker modes are possible.
func (o Options) Loopback() bool { return loopback(o.Listen) && loopback(o.NATS) }

// complete checks o and fills in the defaults.
func (o Options) complete() (Options, error) {
	if o.Auth == "" {
		o.Auth = bus.ModeEnforce
	}
	if o.MaxInflight == 0 {
		o.MaxInflight = bus.MaxInflight
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

// check refuses what would be less safe than it looks. Settings were checked
// before; a node does not rely on who started it.
func (o Options) check() error {
	for setting, address := range map[string]string{"--listen": o.Listen, "--nats": o.NATS} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return bus.Errorf(bus.Invalid, "bad_address", "%s: %q is not an address", setting, address).
				WithHint("write host:port, for example 127.0.0.1:8443")
		}
		if wildcard(address) && len(o.Hosts) == 0 {
			return bus.Errorf(bus.Invalid, "no_host", "--host: a node that listens on every address needs a name").
				WithHint("add --host with the name or address that clients use")
		}
	}
	switch {
	case o.Dir == "":
		return bus.Errorf(bus.Invalid, "bad_setting", "--data: no directory for the node").WithHint("name one with --data")
	case o.Auth != bus.ModeEnforce && o.Auth != bus.ModeSoft && o.Auth != bus.ModeOff:
		return bus.Errorf(bus.Invalid, "bad_mode", "--auth: %q is not a mode", o.Auth).WithHint("use enforce")
	case o.ClearStore && !o.Loopback():
		return bus.Errorf(bus.Unsafe, "clear_store", "the message store of a node that others can reach is encrypted").
			WithHint("listen on 127.0.0.1 alone")
	case o.Auth != bus.ModeEnforce && !o.Loopback():
		return bus.Errorf(bus.Unsafe, "unsafe_auth", "--auth %s: others could send requests that nobody checks", o.Auth).
			WithHint("use --auth enforce, or listen on 127.0.0.1 alone")
	}
	return nil
}

// advertised is what clients dial to reach a port of the node that listens on
// address.
func (o Options) advertised(address, port string) string {
	host := hostOf(address)
	if len(o.Hosts) > 0 {
		host = o.Hosts[0]
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

// linked lists the names that people were told: what a certificate must hold
// for the node to be of use.
func (o Options) linked() []string {
	if len(o.Hosts) > 0 {
		return lower(o.Hosts)
	}
	return unique(lower([]string{hostOf(o.Listen), hostOf(o.NATS)}))
}

// names lists every name and address that the node answers under, the one that
// stands in links first.
func (o Options) names() []string {
	names := append([]string{}, o.Hosts...)
	for _, listen := range []string{o.Listen, o.NATS} {
		if !wildcard(listen) {
			names = append(names, hostOf(listen))
		}
		if wildcard(listen) || loopback(listen) {
			names = append(names, "127.0.0.1", "::1", "localhost")
		}
	}
	return unique(lower(names))
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

func unique(names []string) (out []string) {
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// loopback is true only where no other machine can connect.
func loopback(address string) bool {
	host := hostOf(address)
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// wildcard reports whether address means every interface.
func wildcard(address string) bool {
	host := hostOf(address)
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}
