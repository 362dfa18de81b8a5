package membership_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
	"unibus/internal/membership/sqlite"
	"unibus/internal/wire"
)

// bench is a bus in a Service over a real store, beside the World that writes
// its entries.
type bench struct {
	*chaintest.World
	s     *membership.Service
	store *faulty
	dir   string
	t     testing.TB

	mu      sync.Mutex
	changes []membership.Change
}

// newBench founds a bus with an admin, alice and bob, one device each.
func newBench(t testing.TB, options ...func(*membership.Options)) *bench {
	t.Helper()
	b := emptyBench(t, options...)
	b.must(b.s.Found(b.ctx(), b.BusLog[0].Encode(), raws(b.AccountLogs[b.Founder.ID()]), raws(b.BusLog[1:])))
	for _, p := range []*chaintest.Person{b.Alice, b.Bob} {
		for _, e := range b.AccountLogs[p.ID()] {
			_, err := b.s.AppendAccount(b.ctx(), stranger(p.Device()), p.Handle, e.Encode())
			b.must(err)
		}
	}
	b.told()
	return b
}

// emptyBench has an empty store.
func emptyBench(t testing.TB, options ...func(*membership.Options)) *bench {
	t.Helper()
	b := &bench{World: chaintest.New(t), t: t, dir: t.TempDir()}
	store, err := sqlite.Open(t.Context(), b.dir)
	b.must(err)
	t.Cleanup(func() { store.Close() })
	b.store = &faulty{Store: store}
	b.s = b.open(options...)
	t.Cleanup(b.reopen)
	return b
}

// reopen demands, when a test ends, that the store can be read again and gives
// the same view.
func (b *bench) reopen() {
	b.store.fail(nil, false, nil)
	if b.t.Failed() || b.store.gone {
		return
	}
	again, err := membership.Open(context.Background(), b.store, membership.Options{})
	if err != nil {
		b.t.Errorf("open again: %v (because of %v)", err, errors.Unwrap(err))
		return
	}
	if what := membership.Differs(b.s, again); what != "" {
		b.t.Errorf("opened again, the view has other %s", what)
	}
}

// open loads a Service from the store.
func (b *bench) open(options ...func(*membership.Options)) *membership.Service {
	b.t.Helper()
	o := membership.Options{Caps: membership.Caps{Appends: 10_000}, Now: func() time.Time { return b.Now }}
	o.Changed = func(c membership.Change) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changes = append(b.changes, c)
	}
	for _, f := range options {
		f(&o)
	}
	s, err := membership.Open(b.ctx(), b.store, o)
	b.must(err)
	return s
}

func (b *bench) ctx() context.Context { return b.t.Context() }

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%v (%s, because of %v)", err, bus.CodeOf(err), errors.Unwrap(err))
	}
}

// refused demands an error with a code.
func (b *bench) refused(err error, code string) {
	b.t.Helper()
	if err == nil || bus.CodeOf(err) != code {
		b.t.Fatalf("got %v (%s), want %s", err, bus.CodeOf(err), code)
	}
}

// told returns the changes since it was asked last.
func (b *bench) told() []membership.Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.changes
	b.changes = nil
	return c
}

// change returns the one change since told was asked last.
func (b *bench) change() membership.Change {
	b.t.Helper()
	c := b.told()
	if len(c) != 1 {
		b.t.Fatalf("%d changes were told, want 1", len(c))
	}
	return c[0]
}

func raws(entries []*chain.Entry) (out [][]byte) {
	for _, e := range entries {
		out = append(out, e.Encode())
	}
	return out
}

// by is a request signed by a device.
func by(d *chaintest.Device) membership.Signer {
	return membership.Signer{Transport: d.Transport.Public()}
}

// stranger is the same; it reads better where the node does not know the device.
func stranger(d *chaintest.Device) membership.Signer { return by(d) }

// byInvite is a request signed by an invite's one-time key.
func byInvite(i *chaintest.Invited) membership.Signer {
	return membership.Signer{Transport: i.Transport}
}

// bus appends an entry of the bus log, which must pass.
func (b *bench) bus(d *chaintest.Device, op chain.Op, body []byte) {
	b.t.Helper()
	e := b.BusEntry(d, op, body)
	_, err := b.s.AppendBus(b.ctx(), by(d), e.Encode())
	b.must(err)
	b.MustBus(e)
}

// invite opens the bus for h, in the world and in the service.
func (b *bench) invite(h bus.Handle) *chaintest.Invited {
	b.t.Helper()
	inv := b.NewInvite(h, bus.InviteLife)
	b.bus(b.Founder.Device(), buslog.OpInvite, inv.Encode())
	return inv
}

// join takes an invite up as a new person.
func (b *bench) join(inv *chaintest.Invited) *chaintest.Person {
	b.t.Helper()
	p := b.Join(inv)
	_, err := b.s.AcceptInvite(b.ctx(), byInvite(inv), inv.ID, b.accept(p))
	b.must(err)
	return p
}

// accept is the body by which p took his invite up: the newest bus-log entry
// and his account chain.
func (b *bench) accept(p *chaintest.Person) wire.Accept {
	return wire.Accept{Entry: b.BusLog[len(b.BusLog)-1].Encode(), Account: raws(b.AccountLogs[p.ID()])}
}

// revoke ends a user in both.
func (b *bench) revoke(p *chaintest.Person) {
	b.t.Helper()
	b.bus(b.Founder.Device(), buslog.OpRevoke, buslog.Revoke{Handle: p.Handle}.Encode())
}

// sync brings account entries that the world has and the service has not.
func (b *bench) sync(p *chaintest.Person, d *chaintest.Device) {
	b.t.Helper()
	log := b.AccountLogs[p.ID()]
	_, err := b.s.AppendAccount(b.ctx(), by(d), p.Handle, log[len(log)-1].Encode())
	b.must(err)
}

// room makes a room, which must pass.
func (b *bench) room(d *chaintest.Device, options ...func(*roomlog.Create)) *chaintest.Room {
	b.t.Helper()
	r, n := b.newRoom(d, options...)
	_, err := b.s.CreateRoom(b.ctx(), by(d), n)
	b.must(err)
	return r
}

// newRoom makes a room in the world alone.
func (b *bench) newRoom(d *chaintest.Device, options ...func(*roomlog.Create)) (*chaintest.Room, wire.NewRoom) {
	b.t.Helper()
	r := b.Room(d, options...)
	return r, wire.NewRoom{Create: r.Log[0].Encode(), Start: r.Log[1].Encode(), Envelopes: envelopes(r.State.Epoch.Audience)}
}

// envelopes are the placeholders for an audience.
func envelopes(to []roomlog.Recipient) (out []wire.Envelope) {
	for _, r := range to {
		out = append(out, wire.Envelope{Endpoint: r.Endpoint, Serial: r.Serial, Sealed: chaintest.Envelope(r)})
	}
	return out
}

// offer sends an entry with the envelopes that its world made of it.
func (b *bench) offer(d *chaintest.Device, r *chaintest.Room, e *chain.Entry, to []roomlog.Recipient) error {
	b.t.Helper()
	_, err := b.s.AppendRoom(b.ctx(), by(d), r.State.ID, wire.Append{Entry: e.Encode(), Envelopes: envelopes(to)})
	return err
}

// append takes an entry into the world, then offers it; both must take it.
func (b *bench) append(d *chaintest.Device, r *chaintest.Room, e *chain.Entry) {
	b.t.Helper()
	before := r.State.Epoch
	r.Must(e)
	var to []roomlog.Recipient
	if r.State.Epoch != before {
		to = r.State.Epoch.Audience
	}
	b.must(b.offer(d, r, e, to))
}

// add adds people in both.
func (b *bench) add(d *chaintest.Device, r *chaintest.Room, role bus.RoomRole, people ...*chaintest.Person) {
	b.t.Helper()
	var members []roomlog.NewMember
	for _, p := range people {
		members = append(members, roomlog.NewMember{Account: p.ID(), Role: role})
	}
	b.append(d, r, r.AddEntry(d, members, nil))
}

// guest adds an invite as guest in both.
func (b *bench) guest(d *chaintest.Device, r *chaintest.Room, inv *chaintest.Invited) {
	b.t.Helper()
	b.append(d, r, r.AddEntry(d, nil, []roomlog.NewGuest{{Invite: inv.ID, Role: bus.RoleMember}}))
}
