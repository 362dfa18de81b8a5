package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/wire"
)

// What Status says.
const (
	statusStarting = "starting"
	statusOK       = "ok"
	statusFailing  = "failing" // the message store or the blob store does not work
	statusDraining = "draining"
)

// lookEvery is how often the node looks at its own health.
const lookEvery = 5 * time.Second

// Ready is what a ready file holds.
type Ready struct {
	URL     string      `json:"url"`
	NATS    string      `json:"nats"`
	Name    string      `json:"name"`
	Posture bus.Posture `json:"posture"`
}

// announce remembers the ports, starts what runs beside requests, and says
// that the node serves.
func (n *Node) announce(ctx context.Context) error {
	err := n.change(func(s *state) {
		s.ListenPort, s.NATSPort = portOf(n.Addr()), portOf(n.data.Load().Addr())
		if id, ok := n.Bus(); ok {
			s.Bus = &id
		}
	})
	if err != nil {
		return err
	}
	n.setStatus(statusOK)
	n.enforce = n.refusesUnsigned()
	n.look()
	n.keep()
	if n.o.Settle != nil {
		if err := n.o.Settle(ctx, n); err != nil {
			return err
		}
	}
	return n.writeReady()
}

// keep runs what a node does by itself.
func (n *Node) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	n.work.Go(func() { n.watch(ctx) })
	n.work.Go(func() { n.hint(ctx) })
	n.work.Go(func() { n.sweep.run(ctx) })
	n.began("background work", func(context.Context) error {
		cancel()
		n.work.Wait()
		return nil
	})
}

func (n *Node) watch(ctx context.Context) {
	tick, hour := time.NewTicker(lookEvery), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-n.data.Load().Failed():
			n.setStatus(statusFailing)
			n.fail(err)
			return
		case <-tick.C:
			n.look()
			n.renewLink()
		case <-hour.C:
			n.keepCertificate(ctx)
		}
	}
}

// look reads health and posture from the running parts.
func (n *Node) look() {
	b := n.data.Load()
	facts := b.Facts()
	n.posture.Store(&bus.Posture{
		Enforce: n.enforce, ACL: facts.ACL, TLS: facts.TLS && n.http.TLSConfig.MinVersion >= tls.VersionTLS13,
		Store: "sqlite", Sync: facts.Sync,
	})
	err, was := errors.Join(b.Healthy(), n.blobs.Err(), n.members.Healthy()), n.Status()
	switch {
	case err == nil:
		n.setStatus(statusOK)
	case was != statusFailing:
		n.o.Log.Error("the node does not work as it should", "err", err)
		n.setStatus(statusFailing)
	}
}

// refusesUnsigned tries it: what the mode was meant to be does not count.
func (n *Node) refusesUnsigned() bool {
	r, err := http.NewRequest(http.MethodGet, n.URL()+wire.TargetUsers, http.NoBody)
	if err != nil {
		return false
	}
	r.RequestURI, r.Host = wire.TargetUsers, n.authority()
	w := &answer{header: http.Header{}}
	n.control.ServeHTTP(w, r)
	return w.status == http.StatusUnauthorized
}

// answer keeps the status of a response and nothing else.
type answer struct {
	header http.Header
	status int
}

// Header is http.ResponseWriter's.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader is http.ResponseWriter's.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write is http.ResponseWriter's.
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }

func (n *Node) writeReady() error {
	if n.o.ReadyFile == "" {
		return nil
	}
	raw, err := json.Marshal(Ready{URL: n.URL(), NATS: n.NATS(), Name: n.Name(), Posture: n.Posture()})
	if err != nil {
		return err
	}
	if err := atomicfile.Replace(n.o.ReadyFile, append(raw, '\n')); err != nil {
		return bus.Errorf(bus.Failed, "ready_file", "--ready-file: cannot write it").
			WithHint("name a file in a directory that this user can write to").Because(err)
	}
	n.began("ready file", func(context.Context) error { return removeFiles(n.o.ReadyFile) })
	return nil
}

func (n *Node) setStatus(s string) {
	if now := n.status.Load(); now == nil || *now != statusDraining {
		n.status.Store(&s)
	}
}

// Status is "starting", "ok", "failing" or "draining".
func (n *Node) Status() string { return *n.status.Load() }

// Posture was read from the running parts at most some seconds ago.
func (n *Node) Posture() bus.Posture {
	if p := n.posture.Load(); p != nil {
		return *p
	}
	return bus.Posture{}
}

// URL is where the control plane is: https://host:port.
func (n *Node) URL() string { return "https://" + n.authority() }

func (n *Node) authority() string { return n.o.advertised(n.o.Listen, portOf(n.Addr())) }

// Addr is the address that the control plane listens on: host:port.
func (n *Node) Addr() string { return n.listener.Addr().String() }

// NATS is where the data plane is: host:port; "" while its port is not known.
func (n *Node) NATS() string {
	address := withPort(n.o.NATS, n.now().NATSPort)
	if b := n.data.Load(); b != nil {
		address = net.JoinHostPort(hostOf(n.o.NATS), portOf(b.Addr()))
	}
	if portOf(address) == "0" {
		return ""
	}
	return n.o.advertised(n.o.NATS, portOf(address))
}

// Name is the node's name on its bus.
func (n *Node) Name() string { return n.now().Name }

// Bus is the bus of the node; ok is false while it waits for its founding.
func (n *Node) Bus() (id bus.ID, ok bool) {
	id, _, _ = n.members.Identity()
	return id, n.members.Founded()
}

// LinkFile is the file that holds the founding link; "" when none is waited for.
func (n *Node) LinkFile() string {
	if n.waiting.Load() == nil {
		return ""
	}
	return n.dir.linkFile()
}
