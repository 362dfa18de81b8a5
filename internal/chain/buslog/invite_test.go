package buslog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

func TestInvites(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss := w.Founder.Device()
	invite := func(change func(*buslog.Invite)) *chain.Entry {
		inv := w.NewInvite("new", time.Hour)
		change(&inv.Invite)
		return w.BusEntry(boss, buslog.OpInvite, inv.Encode())
	}
	other := w.Invite("other", time.Hour)
	check(t, w, []offer{
		{"for a day", invite(func(i *buslog.Invite) { i.NotAfter = w.Now.Add(bus.InviteLife) }), ""},
		{"for the longest time", invite(func(i *buslog.Invite) { i.NotAfter = w.Now.Add(bus.MaxInviteLife) }), ""},
		{"for longer", invite(func(i *buslog.Invite) { i.NotAfter = w.Now.Add(bus.MaxInviteLife + time.Millisecond) }), "not_allowed"},
		{"for ever", invite(func(i *buslog.Invite) { i.NotAfter = time.UnixMilli(1<<63 - 1) }), "bad_entry"},
		{"until before time", invite(func(i *buslog.Invite) { i.NotAfter = time.UnixMilli(-1) }), "bad_entry"},
		{"until a moment ago", invite(func(i *buslog.Invite) { i.NotAfter = w.Now.Add(-time.Millisecond) }), "not_allowed"},
		{"for somebody who is a user", invite(func(i *buslog.Invite) { i.Handle = "bob" }), "user_exists"},
		{"for somebody who has an invite", invite(func(i *buslog.Invite) { i.Handle = "other" }), ""},
		{"for nobody", invite(func(i *buslog.Invite) { i.Handle = "" }), "bad_entry"},
		{"with an id of zero", invite(func(i *buslog.Invite) { i.ID = bus.InviteID{} }), "not_allowed"},
		{"with an id in use", invite(func(i *buslog.Invite) { i.ID = other.ID }), "not_allowed"},
		{"with a one-time C in use", invite(func(i *buslog.Invite) { i.Content = other.Content }), "not_allowed"},
		{"with a one-time T in use", invite(func(i *buslog.Invite) { i.Transport = other.Transport }), "not_allowed"},
		{"with a kem key of zeros", invite(func(i *buslog.Invite) { i.KEM = identity.KEMPublic{} }), "bad_key"},
	})
	w.EndInvite(other)
	check(t, w, []offer{
		{"ended twice", w.BusEntry(boss, buslog.OpInviteRevoke, other.ID[:]), "invite_used"},
		{"with the keys of an ended one", invite(func(i *buslog.Invite) { i.Content, i.Transport = other.Content, other.Transport }), "not_allowed"},
	})
	if got := w.Bus().Invites(); len(got) != 1 || !got[0].Revoked || got[0].EndedAt != w.Bus().Len-1 || got[0].Open(w.Now) {
		t.Errorf("got %+v", got)
	}
	if w.Bus().Invite(bus.InviteID{}).Open(w.Now) {
		t.Error("an invite that is none is open")
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	inv, twin, ended := w.Invite("carol", time.Hour), w.Invite("carol", time.Hour), w.Invite("dave", time.Hour)
	w.EndInvite(ended)
	late := w.Invite("erin", time.Minute)
	w.Pass(2 * time.Minute)
	carol := w.Person("carol")
	accept := func(change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
		return changed(w.AcceptEntry(carol, inv), change, keys...)
	}
	same := func(*chain.Entry) {}
	both := []identity.SigningKey{inv.Keys.Content, carol.Key}
	selfKey := &chaintest.Person{Handle: "carol", Key: inv.Keys.Content}
	check(t, w, []offer{
		{"as invited", w.AcceptEntry(carol, inv), ""},
		{"by A alone", accept(same, carol.Key), "bad_signature"},
		{"by the one-time key alone", accept(same, inv.Keys.Content), "bad_signature"},
		{"in the other order", accept(same, carol.Key, inv.Keys.Content), "bad_signature"},
		{"by another invite's key", accept(same, twin.Keys.Content, carol.Key), "bad_signature"},
		{"with another A's signature", accept(same, inv.Keys.Content, w.Bob.Key), "bad_signature"},
		{"with three signatures", accept(same, inv.Keys.Content, carol.Key, carol.Key), "bad_signature"},
		{"for a room", w.AcceptEntry(carol, inv).Sign(identity.ContextRoom, both...), "bad_signature"},
		{"in another's name", accept(func(e *chain.Entry) { e.Account = w.Bob.ID() }, both...), "bad_entry"},
		{"by another's device", accept(func(e *chain.Entry) { e.Actor = w.Bob.Device().ID() }, both...), "bad_entry"},
		{"with the one-time key as A", w.AcceptEntry(selfKey, inv), "bad_entry"},
		{"with a user's A", w.AcceptEntry(w.Bob, inv), "key_used"},
		{"of a revoked invite", w.AcceptEntry(w.Person("dave"), ended), "invite_used"},
		{"of an unknown invite", w.AcceptEntry(carol, w.NewInvite("carol", time.Hour)), "invite_used"},
		{"of an expired invite", w.AcceptEntry(w.Person("erin"), late), "invite_expired"},
	})
	w.MustBus(w.AcceptEntry(carol, inv))
	got := w.Bus().Invite(inv.ID)
	if got.Accepted == nil || *got.Accepted != carol.ID() || got.EndedAt != w.Bus().Len-1 || got.Open(w.Now) {
		t.Errorf("the invite is %+v", got)
	}
	if u := w.Bus().User("carol"); u.ID != carol.ID() || u.Role != bus.RoleUser || u.Invite != inv.ID || u.Index != w.Bus().Len-1 {
		t.Errorf("the user is %+v", u)
	}
	check(t, w, []offer{
		{"twice", w.AcceptEntry(carol, inv), "invite_used"},
		{"twice by another", w.AcceptEntry(w.Person("carol"), inv), "invite_used"},
		{"of a second invite for the handle", w.AcceptEntry(w.Person("carol"), twin), "user_exists"},
		{"ended after it", w.BusEntry(w.Founder.Device(), buslog.OpInviteRevoke, inv.ID[:]), "invite_used"},
	})
}

// TestAcceptPoisonsNothing names an absurd position in an accept, where nobody
// checks it: the new user must be able to become admin.
func TestAcceptPoisonsNothing(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	inv := w.Invite("carol", time.Hour)
	carol := w.Person("carol")
	e := w.AcceptEntry(carol, inv)
	e.Seen.Index = 1<<32 - 1
	w.MustBus(e.Sign(identity.ContextBus, inv.Keys.Content, carol.Key))
	w.Arrive(carol)
	w.Promote(carol)
	w.MustBus(w.BusEntry(carol.Device(), buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode()))
}
