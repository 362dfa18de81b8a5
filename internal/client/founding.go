package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"sync/atomic"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// JoinFounding founds a bus on a node that waits for it with a founding link.
// Node, NodeKey and Hosts of o are ignored: they are the node's to tell, after
// the link's pin proved that it is the right one.
//
// Keep must put the identity away, with the context that it will have, before
// it returns: from then on the identity may be the only admin of a bus. After
// an interruption that context tells whether it is: its node's Server then
// names the same bus.
func JoinFounding(ctx context.Context, link identity.Link, o FoundOptions, keep func(*identity.File, identity.ContextInfo) error) (*identity.File, error) {
	w, s, err := meetWaiting(ctx, link, &o)
	if err != nil {
		return nil, err
	}
	id, f, err := Found(o)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(link.Addr)
	info := identity.ContextInfo{URL: "https://" + link.Addr, NATS: natsAddr(host, s.NATS), CAPEM: f.CAPEM, Org: f.Org}
	if err := keep(id, info); err != nil {
		return nil, err
	}
	body := wire.Found{Genesis: f.Genesis, Account: f.Account, More: f.More, CA: string(f.CAPEM), Cert: string(f.CertPEM)}
	if err := w.Post(ctx, wire.TargetFound, body, nil); err != nil && !isFounded(ctx, id, info, o) {
		return nil, err
	}
	return id, nil
}

// meetWaiting pins a node that waits for its founding, and takes over what its
// certificate must hold.
func meetWaiting(ctx context.Context, link identity.Link, o *FoundOptions) (w *call.Caller, s wire.Server, err error) {
	host, _, err := net.SplitHostPort(link.Addr)
	if err != nil || link.Kind != identity.LinkFounding {
		return nil, s, bus.Errorf(bus.Invalid, "bad_link", "this is not a founding link").WithHint("to join a bus: unibus join LINK")
	}
	conf := identity.PinnedByHash(link.CA, host, nil)
	var leaf atomic.Pointer[x509.Certificate]
	conf.VerifyConnection = noting(conf.VerifyConnection, &leaf)
	w = call.New(link.Addr, bus.ID{}, identity.OneTimeKeys(link.Seed).Transport, call.Transport(conf), o.Now)
	if err := w.Get(ctx, wire.TargetServer, &s); err != nil {
		return nil, s, err
	}
	if s.Founded {
		return nil, s, bus.ErrFounded
	}
	if s.NATS == "" {
		return nil, s, bus.Errorf(bus.Unavailable, "starting", "the node has just started").WithHint("try again in a moment")
	}
	cert := leaf.Load()
	o.Node, o.NodeKey, o.Hosts = s.Name, cert.PublicKey, hostsOf(cert, host)
	return w, s, nil
}

// noting keeps the node's own certificate of a connection that verify accepts.
func noting(verify func(tls.ConnectionState) error, leaf *atomic.Pointer[x509.Certificate]) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if err := verify(cs); err != nil {
			return err
		}
		leaf.Store(cs.PeerCertificates[0])
		return nil
	}
}

// hostsOf lists what a certificate is good for, host first.
func hostsOf(cert *x509.Certificate, host string) []string {
	hosts := []string{strings.ToLower(host)}
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	for _, n := range names {
		if !slices.Contains(hosts, n) {
			hosts = append(hosts, n)
		}
	}
	return hosts
}

// isFounded finds out whether a founding took effect whose answer got lost.
func isFounded(ctx context.Context, id *identity.File, info identity.ContextInfo, o FoundOptions) bool {
	conf, err := identity.PinnedTLS(info.CAPEM)
	if err != nil {
		return false
	}
	var s wire.Server
	w := call.New(info.URL, id.Bus, id.Transport, call.Transport(conf), o.Now)
	return w.Get(ctx, wire.TargetServer, &s) == nil && s.Founded && s.Bus == id.Bus
}
