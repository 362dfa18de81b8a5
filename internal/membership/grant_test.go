package membership_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

const sealedSize = 32 + identity.KEMOverhead

func grantTo(d bus.EndpointID, epoch bus.Epoch) wire.Grant {
	return wire.Grant{Epoch: epoch, Endpoint: d, Serial: 1, Sealed: bytes.Repeat([]byte{byte(epoch)}, sealedSize)}
}

// shared is a room of alice's that bob came to with its third epoch; his phone
// came with the fourth, which she began.
func (b *bench) shared(t *testing.T) (r *chaintest.Room, phone *chaintest.Device) {
	t.Helper()
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r = b.room(alice, func(c *roomlog.Create) { c.History = bus.HistoryAll })
	b.Pass(2 * time.Minute)
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	b.Pass(2 * time.Minute)
	b.add(alice, r, bus.RoleMember, b.Bob)
	phone = b.Bob.AddDevice("phone")
	b.sync(b.Bob, bob)
	b.Pass(2 * time.Minute)
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonMoved))
	return r, phone
}

// TestGrant: who let somebody in hands keys on to him, and one's own device
// does; nobody else, and nothing else.
func TestGrant(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, phone := b.shared(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	id := r.State.ID
	put := func(d *chaintest.Device, since bus.Epoch, grants ...wire.Grant) error {
		return b.s.Grant(b.ctx(), by(d), id, since, grants)
	}
	b.must(put(alice, 3, grantTo(bob.ID(), 1), grantTo(bob.ID(), 2)))
	b.must(put(bob, 4, grantTo(phone.ID(), 3)))
	short := grantTo(bob.ID(), 1)
	short.Sealed = short.Sealed[1:]
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"by who let nobody in":           {put(bob, 3, grantTo(bob.ID(), 1)), ""}, // his own account
		"by the newcomer's peer":         {put(phone, 3, grantTo(alice.ID(), 1)), "bad_grant"},
		"by another than the author":     {put(bob, 3, grantTo(alice.ID(), 1)), "bad_grant"},
		"to who was there":               {put(alice, 4, grantTo(bob.ID(), 1)), "bad_grant"},
		"to who is not there":            {put(alice, 3, grantTo(b.Founder.Device().ID(), 1)), "bad_grant"},
		"to who came later":              {put(alice, 3, grantTo(phone.ID(), 1)), "bad_grant"},
		"of that epoch":                  {put(alice, 3, grantTo(bob.ID(), 3)), "bad_grant"},
		"of a later one":                 {put(alice, 3, grantTo(bob.ID(), 4)), "bad_grant"},
		"of none":                        {put(alice, 3, grantTo(bob.ID(), 0)), "bad_grant"},
		"since none":                     {put(alice, 9, grantTo(bob.ID(), 1)), "bad_grant"},
		"since the first":                {put(alice, 0, grantTo(bob.ID(), 1)), "bad_grant"},
		"one good, one bad":              {put(alice, 3, grantTo(bob.ID(), 2), grantTo(bob.ID(), 3)), "bad_grant"},
		"of another size":                {put(alice, 3, short), "bad_grants"},
		"by somebody else":               {put(b.Founder.Device(), 3, grantTo(bob.ID(), 1)), "not_member"},
		"by nobody":                      {b.s.Grant(b.ctx(), membership.Unsigned(), id, 3, []wire.Grant{grantTo(bob.ID(), 1)}), "unauthenticated"},
		"the list of another":            {second(b.s.Grants(b.ctx(), by(alice), id, bob.ID(), 0)), "not_your_key"},
		"the list of one's other device": {second(b.s.Grants(b.ctx(), by(phone), id, bob.ID(), 0)), "not_your_key"},
		"the list of somebody else":      {second(b.s.Grants(b.ctx(), by(b.Founder.Device()), id, b.Founder.Device().ID(), 0)), "not_member"},
	} {
		if c.code == "" && c.err != nil || c.code != "" && bus.CodeOf(c.err) != c.code {
			t.Errorf("%s: %v (%s), want %q", name, c.err, bus.CodeOf(c.err), c.code)
		}
	}
	got, err := b.s.Grants(b.ctx(), by(bob), id, bob.ID(), 2)
	b.must(err)
	want := wire.Grants{Items: []wire.Granted{{Epoch: 2, Since: 3, Actor: alice.ID(), Serial: 1, Sealed: grantTo(bob.ID(), 2).Sealed}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A restart forgets nothing that a grant is held to.
	b.s = b.open()
	b.must(put(alice, 3, grantTo(bob.ID(), 1)))
}

// TestGrantPages: nobody hands on so much that a request gets too long.
func TestGrantPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, _ := b.shared(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	many := make([]wire.Grant, bus.MaxEnvelopes+1)
	for i := range many {
		many[i] = grantTo(bob.ID(), 1)
	}
	b.refused(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, many), "bad_grants")
	b.refused(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, nil), "bad_grants")
	b.must(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, many[1:]))
	got, err := b.s.Grants(b.ctx(), by(bob), r.State.ID, bob.ID(), 0)
	if err != nil || len(got.Items) != 1 {
		t.Errorf("%d grants, %v; want the last of them", len(got.Items), err)
	}
}

// TestGrantCap: what is handed on counts with the envelopes of its author.
func TestGrantCap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, _ := b.shared(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	before := b.usedKeys(b.s, alice)
	b.s = b.open(func(o *membership.Options) { o.Caps.SealBytes = before + sealedSize })
	b.must(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, []wire.Grant{grantTo(bob.ID(), 2)}))
	if after := b.usedKeys(b.s, alice); after != before+sealedSize {
		t.Errorf("%d bytes used, want %d", after, before+sealedSize)
	}
	b.refused(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, []wire.Grant{grantTo(bob.ID(), 1)}), "seal_cap")
}

// TestGrantsEnd: they go with the messages that they open, and with the room.
func TestGrantsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.gone = true // what was deleted is counted anew when it is opened
	r, phone := b.shared(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	id := r.State.ID
	held := func(d *chaintest.Device) int {
		t.Helper()
		b.must(b.s.ExpireKeys(b.ctx()))
		got, err := b.s.Grants(b.ctx(), by(d), id, d.ID(), 0)
		b.must(err)
		return len(got.Items)
	}
	b.must(b.s.Grant(b.ctx(), by(alice), id, 3, []wire.Grant{grantTo(bob.ID(), 1), grantTo(bob.ID(), 2)}))
	b.must(b.s.Grant(b.ctx(), by(alice), id, 4, []wire.Grant{grantTo(phone.ID(), 3)}))
	b.Pass(r.State.Retention + bus.LateFrames + bus.ChainSkew - 3*time.Minute) // the first ended four minutes ago, the second two
	if got := held(bob); got != 1 {
		t.Errorf("%d of two grants are left, want that of the second epoch", got)
	}
	b.refused(b.s.Grant(b.ctx(), by(alice), id, 3, []wire.Grant{grantTo(bob.ID(), 1)}), "bad_grant")
	b.Pass(90 * time.Second)
	if bobs, phones := held(bob), held(phone); bobs != 0 || phones != 1 {
		t.Errorf("%d and %d grants are left, want 0 and 1", bobs, phones)
	}
	b.append(alice, r, r.CloseEntry(alice))
	b.must(b.s.ExpireKeys(b.ctx()))
	if n, err := b.store.GrantCount(b.ctx(), b.Alice.ID()); err != nil || n != 0 {
		t.Errorf("%d grants are left, %v", n, err)
	}
}

// TestGrantsOfKeepers: in a room that keeps nothing there is nothing to hand on,
// and a bot hands nothing on for its user.
func TestGrantsOfKeepers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	live := b.room(alice, func(c *roomlog.Create) { c.Persist = false })
	b.add(alice, live, bus.RoleMember, b.Bob)
	b.refused(b.s.Grant(b.ctx(), by(alice), live.State.ID, 2, []wire.Grant{grantTo(bob.ID(), 1)}), "bad_grant")

	r, phone := b.shared(t)
	bot := b.Bob.AddBot("bot", account.Rights{Scope: account.NewScope(both, r.State.ID)})
	b.sync(b.Bob, bob)
	b.refused(b.s.Grant(b.ctx(), by(bot), r.State.ID, 4, []wire.Grant{grantTo(phone.ID(), 3)}), "bad_grant")
}
