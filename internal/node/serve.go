package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/control"
	"unibus/internal/limit"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// bind takes the address of the control plane and finds out whether the data
// plane's is free.
func (n *Node) bind(ctx context.Context) (err error) {
	n.listener, err = listen(ctx, "--listen", withPort(n.o.Listen, n.state.ListenPort))
	if err != nil {
		return err
	}
	n.began("listener", func(context.Context) error { return ignoreClosed(n.listener.Close()) })
	if err := probe(ctx, "--nats", withPort(n.o.NATS, n.state.NATSPort)); err != nil {
		return err
	}
	if n.o.Loopback() {
		return local(n.listener.Addr().String())
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve runs the control plane. Until there is a certificate no handshake ends.
func (n *Node) serve(context.Context) (err error) {
	if n.control, err = control.New(n.controlOptions()); err != nil {
		return err
	}
	n.http = n.control.HTTP()
	n.http.TLSConfig = n.creds.config()
	clients := limited(n.listener, maxClients)
	n.http.ConnState = clients.note
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := n.http.ServeTLS(clients, "", "")
		if !errors.Is(err, http.ErrServerClosed) {
			n.fail(bus.Errorf(bus.Failed, "control_ended", "the control plane ended").Because(err))
		}
	}()
	n.began("control plane", func(ctx context.Context) error {
		err := n.http.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, n.http.Close())
		}
		<-done
		return err
	})
	return nil
}

func (n *Node) controlOptions() control.Options {
	names := n.o.names()
	for i, host := range names {
		names[i] = net.JoinHostPort(host, portOf(n.Addr()))
	}
	authorities, err := signing.NewAuthorities(names...)
	if err != nil {
		authorities = signing.Authorities{} // accepts nothing; no certificate has such a name
	}
	return control.Options{
		Membership: n.members, Blobs: n.blobs, Nonces: n.nonces, History: history{n},
		Authorities: func() signing.Authorities { return authorities },
		Mode:        n.o.Auth, Posture: n.Posture, Server: n.server, Status: n.Status,
		Founding: n.founding, Found: n.foundOver,
		Cuts:     func() int { return int(n.cuts.Load()) },
		Inflight: limit.NewInflight(n.o.MaxInflight), Now: n.o.Now, Log: n.o.Log,
	}
}

// server is what anybody may know of the node.
func (n *Node) server() wire.Server {
	id, org, _ := n.members.Identity()
	return wire.Server{Bus: id, Org: org, Orgs: n.members.OldOrgs(), CA: string(n.creds.current.Load().caPEM), Name: n.Name(),
		Version: n.o.Version, NATS: n.NATS(), Time: n.o.Now().UTC(), Founded: n.members.Founded()}
}

// keepAtMost is when the message store drops a message whatever its room says.
// What a room asks for is the sweeper's to do: it may ask for more at any time,
// and for most rooms nothing is older than it should be.
const keepAtMost = 10 * 365 * 24 * time.Hour

// startData runs the data plane.
func (n *Node) startData(ctx context.Context) error {
	key, err := n.openStoreKey()
	if err != nil {
		return err
	}
	retention := keepAtMost
	for _, r := range n.members.RoomRecords() {
		retention = max(retention, r.Retention)
	}
	b, err := broker.Start(ctx, broker.Options{
		Dir: n.dir.file("messages"), Listen: withPort(n.o.NATS, n.now().NATSPort), TLS: n.creds.config(),
		Directory: directory{n.members}, Found: !n.members.Founded(), StoreKey: key, Sync: n.o.Sync, Retention: retention,
		Now: n.o.Now, Log: n.o.Log,
	})
	if err != nil {
		return err
	}
	n.data.Store(b)
	n.began("data plane", func(ctx context.Context) error {
		err := b.Stop(ctx)
		if err != nil {
			// It still writes: nobody else may have the directory before
			// this process ends.
			n.parts[0].stop = func(context.Context) error { return nil }
		}
		return err
	})
	if n.o.Loopback() {
		return local(b.Addr())
	}
	return nil
}
