package roomlog_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// wants compares the audience of the epoch in force with the endpoints that it
// must list.
func wants(t *testing.T, r *chaintest.Room, what string, want ...bus.EndpointID) {
	t.Helper()
	slices.SortFunc(want, func(a, b bus.EndpointID) int { return bytes.Compare(a[:], b[:]) })
	var got []bus.EndpointID
	for _, a := range r.State.Epoch.Audience {
		got = append(got, a.Endpoint)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: the key is sealed to %v, want %v", what, got, want)
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	lost, phone := w.Alice.AddDevice("lost"), w.Alice.AddDevice("phone")
	lost.Revoke()
	rec := w.Alice.AddRecovery()
	r := w.Room(d)
	wants(t, r, "one member", d.ID(), phone.ID(), rec)
	inv := w.Invite("carol", time.Hour)
	r.Guest(d, bus.RoleMember, inv)
	wants(t, r, "with a guest", d.ID(), phone.ID(), rec, inv.Endpoint())
	r.Add(d, bus.RoleReader, w.Bob)
	wants(t, r, "with a reader", d.ID(), phone.ID(), rec, inv.Endpoint(), w.Bob.Device().ID())

	for id, want := range map[bus.EndpointID]roomlog.Recipient{
		d.ID():              {Account: w.Alice.ID(), Role: bus.RoleOwner, Content: d.Content.Public()},
		rec:                 {Account: w.Alice.ID()},
		w.Bob.Device().ID(): {Account: w.Bob.ID(), Role: bus.RoleReader, Content: w.Bob.Device().Content.Public()},
		inv.Endpoint():      {Content: inv.Content},
	} {
		got, ok := r.State.Epoch.Recipient(id)
		if !ok || got.Account != want.Account || got.Role != want.Role || got.Content != want.Content || got.Serial != 1 || got.KEM == nil {
			t.Errorf("recipient %v is %+v", id, got)
		}
	}
	if _, ok := r.State.Epoch.Recipient(lost.ID()); ok {
		t.Error("a revoked device is a recipient")
	}
}

func TestAudienceWithoutRecovery(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	w.Alice.AddRecovery()
	r := w.Room(w.Alice.Device(), func(c *roomlog.Create) { c.Recovery = false })
	wants(t, r, "recovery refused", w.Alice.Device().ID())
}

// TestAudienceIsExact offers epochs that are sealed to others than the pins
// say, as far as the log can tell.
func TestAudienceIsExact(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	start := w.Alice.Head()
	phone := w.Alice.AddDevice("phone")
	both := w.Alice.Head()
	r.Add(d, bus.RoleMember, w.Bob)
	phone.Revoke()
	rekey := func(tweaks ...chaintest.Tweak) *chain.Entry { return r.Rekey(d, roomlog.ReasonAsked, tweaks...) }
	wrong := both
	wrong.Hash[0]++
	inv := w.Invite("carol", time.Hour)
	check(t, w, r,
		offer{"as drafted", rekey(), ""},
		offer{"pins that are not the newest", rekey(pinAt(w.Alice, both, -1)), ""},
		offer{"a ghost", rekey(func(st *roomlog.Start) { st.Endpoints++ }), "bad_audience"},
		offer{"somebody withheld", rekey(func(st *roomlog.Start) { st.Endpoints-- }), "bad_audience"},
		offer{"nobody", rekey(func(st *roomlog.Start) { st.Endpoints = 0 }), "bad_audience"},
		offer{"a pin lower than before", rekey(pinAt(w.Alice, start, 0)), "not_allowed"},
		offer{"a pin in the future", rekey(pinAt(w.Alice, bus.Ref{Index: 9}, 0)), "withheld"},
		offer{"a pin elsewhere", rekey(pinAt(w.Alice, wrong, -1)), "forked"},
		offer{"a pin of another", rekey(pinAt(w.Alice, w.Bob.Head(), 0)), "forked"},
		offer{"without a member", rekey(func(st *roomlog.Start) {
			st.Members = slices.DeleteFunc(st.Members, func(p roomlog.Pin) bool { return p.Account == w.Bob.ID() })
			st.Endpoints--
		}), "not_allowed"},
		offer{"with somebody more", rekey(func(st *roomlog.Start) {
			st.Members = append(st.Members, roomlog.Pin{Account: w.Founder.ID(), At: w.Founder.Head()})
			st.Endpoints++
		}), "not_allowed"},
		offer{"with a member twice", rekey(func(st *roomlog.Start) { st.Members = append(st.Members, st.Members[1]) }), "not_allowed"},
		offer{"in another order", rekey(func(st *roomlog.Start) { slices.Reverse(st.Members) }), "not_allowed"},
		offer{"with a guest more", rekey(func(st *roomlog.Start) { st.Guests = []bus.InviteID{inv.ID} }), "not_allowed"},
		offer{"with no members at all", rekey(func(st *roomlog.Start) { st.Members = nil }), "not_member"},
	)
	r.Guest(d, bus.RoleMember, inv)
	check(t, w, r,
		offer{"without a guest", rekey(func(st *roomlog.Start) { st.Guests = nil }), "not_allowed"},
		offer{"with a guest twice", rekey(func(st *roomlog.Start) { st.Guests = append(st.Guests, inv.ID) }), "not_allowed"},
	)
}

// TestPinsNeverGoLower removes bob and adds him as of before his phone was
// revoked: whoever has the phone would be back.
func TestPinsNeverGoLower(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	phone := w.Bob.AddDevice("phone")
	stolen := w.Bob.Head()
	phone.Revoke()
	add := func(tweaks ...chaintest.Tweak) *chain.Entry {
		return r.AddEntry(d, members(bus.RoleMember, w.Bob), nil, tweaks...)
	}
	check(t, w, r, offer{"older than anybody named", add(pinAt(w.Bob, stolen, -1)), ""})
	r.Must(add())
	r.Remove(d, w.Bob)
	check(t, w, r, offer{"older after a removal", add(pinAt(w.Bob, stolen, -1)), "not_allowed"})
	r.Must(add())
	r.Must(r.LeaveEntry(w.Bob.Device(), nil))
	check(t, w, r, offer{"older after a leave", add(pinAt(w.Bob, stolen, -1)), "not_allowed"})
}

// TestAsleep seals to an endpoint for 60 days after its kem key expired.
func TestAsleep(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a, b := w.Alice.Device(), w.Bob.Device()
	rec := w.Bob.AddRecovery()
	r := w.Room(a)
	r.Add(a, bus.RoleMember, w.Bob)
	w.Pass(bus.KEMLife + bus.KEMGrace)
	r.Must(r.Rekey(a, roomlog.ReasonAsked))
	wants(t, r, "at the last moment", a.ID(), b.ID(), rec)
	w.Pass(time.Millisecond)
	check(t, w, r, offer{"by a device asleep", r.Rekey(b, roomlog.ReasonFrames), "asleep"})
	a.Renew()
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonAge && why != 0 {
		t.Errorf("an epoch is due because somebody fell asleep: %d", why)
	}
	r.Must(r.Rekey(a, roomlog.ReasonAsked))
	wants(t, r, "a moment later", a.ID(), rec)
	check(t, w, r, offer{"a leave by a device asleep", r.LeaveEntry(b, nil), ""})
	b.Renew()
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonMoved {
		t.Errorf("somebody is back: due for %d", why)
	}
	r.Must(r.Rekey(b, roomlog.ReasonMoved))
	wants(t, r, "back", a.ID(), b.ID(), rec)
	if got, _ := r.State.Epoch.Recipient(b.ID()); got.Serial != 2 || *got.KEM != b.KEM.Public() {
		t.Errorf("sealed to kem key %d", got.Serial)
	}
}

// TestOneEndpointOnce makes two ways for one endpoint id into a room.
func TestOneEndpointOnce(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	w.Alice.AddDevice("phone")
	r := w.Room(d)
	inv := w.NewInvite("carol", time.Hour)
	inv.Content, inv.Transport = d.Content.Public(), d.Transport.Public()
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpInvite, inv.Encode()))
	r.Guest(d, bus.RoleMember, inv)
	if got, _ := r.State.Epoch.Recipient(d.ID()); got.Account != w.Alice.ID() || got.Role != bus.RoleOwner || *got.KEM != d.KEM.Public() {
		t.Errorf("an invite took the place of a device: %+v", got)
	}
	rec := account.Add{By: account.ByAccount, Kind: account.KindRecovery, KEM: w.KEMKey().Public()}
	for _, p := range []*chaintest.Person{w.Alice, w.Bob} {
		rec.Key = p.Key.Public()
		w.MustAccount(p, w.AccountEntry(p, p.Device(), account.OpAdd, rec.Encode(), p.Key))
	}
	r.Add(d, bus.RoleMember, w.Bob)
	wants(t, r, "one recovery key for two", d.ID(), w.Alice.Devices[1].ID(), w.Bob.Device().ID(), rec.Endpoint())
}

// TestBounds fills a room.
func TestBounds(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	for i := range 8 {
		p := w.User(bus.Handle('a' + rune(i)))
		for range 248 {
			p.AddDevice("")
		}
		r.Add(d, bus.RoleMember, p)
	}
	for range 7 {
		w.Alice.AddDevice("")
	}
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	if got := len(r.State.Epoch.Audience); got != bus.MaxEndpoints {
		t.Fatalf("%d endpoints, want %d", got, bus.MaxEndpoints)
	}
	full := r.Start(roomlog.Change{})
	w.Alice.AddDevice("")
	if _, _, err := r.State.Draft(w, roomlog.Change{}, w.Now); bus.CodeOf(err) != "room_full" {
		t.Errorf("drafting for too many: got %v, want room_full", err)
	}
	pinAt(w.Alice, w.Alice.Head(), -1)(&full)
	check(t, w, r, offer{"an endpoint too many", r.Entry(d, roomlog.OpRekey, roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: full}.Encode()), "room_full"})
}

func TestCheckLeaves(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	w.Alice.AddDevice("phone")
	r := w.Room(d)
	ep := r.State.Epoch
	good := chaintest.Leaves(ep.Audience)
	with := func(change func([]roomlog.Leaf) []roomlog.Leaf) []roomlog.Leaf { return change(slices.Clone(good)) }
	for name, leaves := range map[string][]roomlog.Leaf{
		"none":           nil,
		"one less":       good[:1],
		"one twice":      {good[0], good[0]},
		"one more":       append(slices.Clone(good), good[0]),
		"another order":  with(func(l []roomlog.Leaf) []roomlog.Leaf { slices.Reverse(l); return l }),
		"another id":     with(func(l []roomlog.Leaf) []roomlog.Leaf { l[0].Endpoint[0]++; return l }),
		"another serial": with(func(l []roomlog.Leaf) []roomlog.Leaf { l[0].Serial++; return l }),
		"another box":    with(func(l []roomlog.Leaf) []roomlog.Leaf { l[0].Envelope[0]++; return l }),
	} {
		if err := ep.CheckLeaves(r.State.ID, leaves); !errors.Is(err, roomlog.ErrAudience) {
			t.Errorf("%s: got %v, want bad_audience", name, err)
		}
	}
	if err := ep.CheckLeaves(r.State.ID, good); err != nil {
		t.Errorf("the right ones: %v", err)
	}
	if err := ep.CheckLeaves(bus.RoomID{}, good); !errors.Is(err, roomlog.ErrAudience) {
		t.Error("the root holds for another room")
	}

	// An author may root what he sealed to a ghost: the root alone says nothing.
	ghost := with(func(l []roomlog.Leaf) []roomlog.Leaf { l[0].Endpoint[0]++; return l })
	r.Must(r.Rekey(d, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Root = roomlog.Root(r.State.ID, ghost) }))
	if err := r.State.Epoch.CheckLeaves(r.State.ID, ghost); !errors.Is(err, roomlog.ErrAudience) {
		t.Error("a ghost under the right root passes")
	}
}

func TestConfirmInput(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	r := w.Room(w.Alice.Device())
	e, other := r.Rekey(w.Alice.Device(), roomlog.ReasonAsked), (*chain.Entry)(nil)
	other = r.Rekey(w.Alice.Device(), roomlog.ReasonAsked, func(st *roomlog.Start) { st.Confirm[0]++ })
	if string(roomlog.ConfirmInput(e)) != string(roomlog.ConfirmInput(other)) {
		t.Error("the confirm is part of its own input")
	}
	other = r.Rekey(w.Alice.Device(), roomlog.ReasonAsked, func(st *roomlog.Start) { st.Root[0]++ })
	if string(roomlog.ConfirmInput(e)) == string(roomlog.ConfirmInput(other)) {
		t.Error("the confirm does not cover the root")
	}
	if len(roomlog.ConfirmInput(e)) != len(e.Message())-32 || !e.SignedBy(identity.ContextRoom, w.Alice.Device().Content.Public()) {
		t.Error("the confirm is not the end of what is signed")
	}
}
