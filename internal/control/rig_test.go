package control

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/blob/disk"
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/limit"
	"unibus/internal/membership"
	"unibus/internal/membership/sqlite"
	"unibus/internal/nonce/memory"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// rig is a control plane on real parts behind real TLS, and the people of a
// small bus who can speak to it.
type rig struct {
	*Server
	tb      testing.TB
	w       *chaintest.World
	members *membership.Service
	store   *trouble
	nonces  *memory.Store
	blobs   *disk.Store
	history *history
	log     *lockedBuffer

	addr      string
	tls       *tls.Config
	serverTLS *tls.Config
	client    *http.Client
	clock     atomic.Int64 // Unix ms
}

// setup changes how a rig is made.
type setup func(*Options, *membership.Options)

// mode runs the rig in another mode than enforce.
func mode(m bus.Mode) setup {
	return func(o *Options, mo *membership.Options) { o.Mode, mo.AllowUnsigned = m, true }
}

// budget gives the rig so many bytes for bodies.
func budget(n int64) setup {
	return func(o *Options, _ *membership.Options) { o.Inflight = limit.NewInflight(n) }
}

// newRig founds a bus with the users admin, alice and bob.
func newRig(tb testing.TB, changes ...setup) *rig {
	tb.Helper()
	r := bareRig(tb, changes...)
	r.found()
	return r
}

// bareRig is a rig whose bus is not founded yet.
func bareRig(tb testing.TB, changes ...setup) *rig {
	tb.Helper()
	r := &rig{tb: tb, w: chaintest.New(tb), history: newHistory(), log: &lockedBuffer{}}
	r.clock.Store(r.w.Now.UnixMilli())
	dir := tb.TempDir()
	o := Options{
		History: r.history, Posture: func() bus.Posture { return bus.Posture{Enforce: true, TLS: true, Store: "sqlite"} },
		Server: func() wire.Server { return wire.Server{Name: "n1", Version: "v1"} }, Status: func() string { return "ok" },
		Now:  r.now,
		Rate: limit.NewRate[netip.Prefix](0, 0, 1, r.now),
		Log:  slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	mo := membership.Options{Now: r.now, Caps: membership.Caps{Appends: 1e6}}
	for _, change := range changes {
		change(&o, &mo)
	}
	db, err := sqlite.Open(tb.Context(), filepath.Join(dir, "db"))
	r.must(err)
	tb.Cleanup(func() { db.Close() })
	r.store = &trouble{Store: db}
	r.members, err = membership.Open(tb.Context(), r.store, mo)
	r.must(err)
	r.blobs, err = disk.Open(filepath.Join(dir, "blobs"))
	r.must(err)
	r.nonces, err = memory.Open(memory.Options{Now: r.now})
	r.must(err)
	tb.Cleanup(func() { r.nonces.Close() })
	o.Membership, o.Nonces = r.members, r.nonces
	if o.Blobs == nil {
		o.Blobs = r.blobs
	}
	r.serve(o)
	return r
}

// serve starts the control plane on loopback.
func (r *rig) serve(o Options) {
	r.tb.Helper()
	ca, err := identity.NewCA("test", time.Now())
	r.must(err)
	key, pub, err := identity.NewNodeKey()
	r.must(err)
	cert, err := ca.IssueNode(pub, []string{"127.0.0.1"}, time.Now())
	r.must(err)
	config, err := identity.ServerTLS(cert, key, ca.CertificatePEM())
	r.must(err)
	r.tls, err = identity.PinnedTLS(ca.CertificatePEM())
	r.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	r.addr = l.Addr().String()
	names, err := signing.NewAuthorities(r.addr)
	r.must(err)
	if o.Authorities == nil {
		o.Authorities = func() signing.Authorities { return names }
	}
	r.Server, err = New(o)
	r.must(err)
	server := r.HTTP()
	server.TLSConfig, r.serverTLS = config, config.Clone()
	var running sync.WaitGroup
	running.Go(func() { _ = server.ServeTLS(l, "", "") })
	transport := &http.Transport{TLSClientConfig: r.tls, MaxIdleConnsPerHost: 64}
	r.client = &http.Client{Transport: transport}
	r.tb.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		running.Wait()
	})
}

func (r *rig) now() time.Time { return time.UnixMilli(r.clock.Load()).UTC() }

func (r *rig) pass(d time.Duration) {
	r.w.Pass(d)
	r.clock.Store(r.w.Now.UnixMilli())
}

func (r *rig) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatalf("%v (%s)", err, bus.CodeOf(err))
	}
}

// found gives the node what the world consists of so far.
func (r *rig) found() {
	r.tb.Helper()
	f := r.w.Founder
	r.must(r.members.Found(r.tb.Context(), r.w.BusLog[0].Encode(), encode(r.w.AccountLogs[f.ID()]), nil))
	for _, e := range r.w.BusLog[1:] {
		_, err := r.members.AppendBus(r.tb.Context(), by(f.Device()), e.Encode())
		r.must(err)
	}
	for _, p := range []*chaintest.Person{r.w.Alice, r.w.Bob} {
		for _, e := range r.w.AccountLogs[p.ID()] {
			_, err := r.members.AppendAccount(r.tb.Context(), by(p.Device()), p.Handle, e.Encode())
			r.must(err)
		}
	}
}

func by(d *chaintest.Device) membership.Signer {
	return membership.Signer{Transport: d.Transport.Public()}
}

func encode(entries []*chain.Entry) (raw [][]byte) {
	for _, e := range entries {
		raw = append(raw, e.Encode())
	}
	return raw
}

// room makes a room of the owner and others, and has the node take it.
func (r *rig) room(owner *chaintest.Device, others ...*chaintest.Person) *chaintest.Room {
	r.tb.Helper()
	room := r.w.Room(owner)
	n := wire.NewRoom{Create: room.Log[0].Encode(), Start: room.Log[1].Encode(), Envelopes: envelopes(room)}
	_, err := r.members.CreateRoom(r.tb.Context(), by(owner), n)
	r.must(err)
	if len(others) > 0 {
		room.Add(owner, bus.RoleMember, others...)
		r.takeRoom(owner, room)
	}
	return room
}

// takeRoom gives the node the newest entry of a room.
func (r *rig) takeRoom(owner *chaintest.Device, room *chaintest.Room) {
	r.tb.Helper()
	a := wire.Append{Entry: room.Log[len(room.Log)-1].Encode(), Envelopes: envelopes(room)}
	_, err := r.members.AppendRoom(r.tb.Context(), by(owner), room.State.ID, a)
	r.must(err)
}

func envelopes(room *chaintest.Room) (out []wire.Envelope) {
	for _, to := range room.State.Epoch.Audience {
		out = append(out, wire.Envelope{Endpoint: to.Endpoint, Serial: to.Serial, Sealed: chaintest.Envelope(to)})
	}
	return out
}
