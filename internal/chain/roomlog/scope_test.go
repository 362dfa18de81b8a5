package roomlog_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// scope is that of a bot for one room.
func scope(verbs account.Verb, r *chaintest.Room) account.Rights {
	return account.Rights{Scope: account.NewScope(verbs, r.State.ID)}
}

const both = account.VerbRead | account.VerbPublish

// TestScopedAudience seals to bots where their scope names the room, with no
// more of a role than it leaves them.
func TestScopedAudience(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r, other := w.Room(d), w.Room(d)
	reads := w.Alice.AddBot("reads", scope(account.VerbRead, r))
	sends := w.Alice.AddBot("sends", scope(account.VerbPublish, r))
	does := w.Alice.AddBot("does", scope(both, r))
	free := w.Alice.AddBot("free", account.Rights{})
	for _, room := range []*chaintest.Room{r, other} {
		room.Must(room.Rekey(d, roomlog.ReasonAsked))
	}
	wants(t, r, "the room of the scope", d.ID(), reads.ID(), sends.ID(), does.ID(), free.ID())
	wants(t, other, "another room", d.ID(), free.ID())
	for name, tc := range map[string]struct {
		who  *chaintest.Device
		role bus.RoomRole
		verb account.Verb
	}{
		"reads": {reads, bus.RoleReader, account.VerbRead}, "sends": {sends, bus.RoleMember, account.VerbPublish},
		"does": {does, bus.RoleMember, both}, "free": {free, bus.RoleOwner, both}, "device": {d, bus.RoleOwner, both},
	} {
		got, _ := r.State.Epoch.Recipient(tc.who.ID())
		if got.Role != tc.role || got.Verbs != tc.verb {
			t.Errorf("%s: role %v verbs %d, want %v and %d", name, got.Role, got.Verbs, tc.role, tc.verb)
		}
	}
	if why, _ := r.State.Due(w, w.Now); why != 0 {
		t.Errorf("an epoch with bots is due for %d", why)
	}
	if why, _ := other.State.Due(w, w.Now); why != 0 {
		t.Errorf("an epoch without bots is due for %d", why)
	}
}

// TestScopedReader keeps a reader's bot from sending, whatever its scope says.
func TestScopedReader(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	r := w.Room(w.Alice.Device())
	bot := w.Bob.AddBot("ci", scope(both, r))
	r.Add(w.Alice.Device(), bus.RoleReader, w.Bob)
	if got, _ := r.State.Epoch.Recipient(bot.ID()); got.Role != bus.RoleReader {
		t.Errorf("a reader's bot is %v", got.Role)
	}
	r.Must(r.RoleEntry(w.Alice.Device(), w.Bob, bus.RoleMember))
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonMoved {
		t.Errorf("a bot that may send from now on: due for %d", why)
	}
}

// TestScopedActor offers every operation by bots of an owner.
func TestScopedActor(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r := c.World, c.r
	sends := c.owner.AddBot("sends", scope(account.VerbPublish, r))
	reads := c.owner.AddBot("reads", scope(account.VerbRead, r))
	free := c.owner.AddBot("free", account.Rights{})
	away := c.owner.AddBot("away", account.Rights{Scope: account.NewScope(both, bus.RoomID{1})})
	d := c.owner.Device()
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	late := w.User("late")
	ops := map[string]struct {
		entry func(*chaintest.Device) *chain.Entry
		sends string
	}{
		"rekey":                   {func(d *chaintest.Device) *chain.Entry { return r.Rekey(d, roomlog.ReasonAsked) }, "not_due"},
		"rekey after many frames": {func(d *chaintest.Device) *chain.Entry { return r.Rekey(d, roomlog.ReasonFrames) }, ""},
		"add":                     {func(d *chaintest.Device) *chain.Entry { return r.AddEntry(d, members(bus.RoleMember, late), nil) }, "not_owner"},
		"remove":                  {func(d *chaintest.Device) *chain.Entry { return r.RemoveEntry(d, ids(c.member), nil) }, "not_owner"},
		"role":                    {func(d *chaintest.Device) *chain.Entry { return r.RoleEntry(d, c.reader, bus.RoleMember) }, "out_of_scope"},
		"policy":                  {func(d *chaintest.Device) *chain.Entry { return r.PolicyEntry(d, time.Hour, "x") }, "out_of_scope"},
		"close":                   {r.CloseEntry, "out_of_scope"},
		"leave":                   {func(d *chaintest.Device) *chain.Entry { return r.LeaveEntry(d, c.member) }, "out_of_scope"},
	}
	for name, op := range ops {
		check(t, w, r,
			offer{name + " by a bot without a scope", op.entry(free), ""},
			offer{name + " by a bot that sends", op.entry(sends), op.sends},
			offer{name + " by a bot that reads", op.entry(reads), "out_of_scope"},
			offer{name + " by a bot of another room", op.entry(away), "out_of_scope"},
		)
	}
	check(t, w, w.EmptyRoom(), offer{"a room by a bot with a scope", w.EmptyRoom().CreateEntry(sends), "out_of_scope"})
	w.Revoke(c.member)
	check(t, w, r, offer{"somebody revoked by a bot that sends", r.RemoveEntry(sends, ids(c.member), nil), ""})
}

// TestScopedAccept lets no bot with a scope take a guest's place.
func TestScopedAccept(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	inv := w.Invite("carol", time.Hour)
	r.Guest(d, bus.RoleMember, inv)
	carol := w.Join(inv)
	bot := carol.AddBot("ci", scope(both, r))
	check(t, w, r, offer{"by the bot", r.AcceptEntry(bot, inv), "out_of_scope"}, offer{"by the device", r.AcceptEntry(carol.Device(), inv), ""})
}

// TestEnd lets a bot's time run out: its entries are refused, any member may
// start the epoch without it, and one is due.
func TestEnd(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a, b := w.Alice.Device(), w.Bob.Device()
	bot := w.Alice.AddBot("ci", account.Rights{NotAfter: w.Now.Add(time.Hour)})
	r := w.Room(a)
	r.Add(a, bus.RoleMember, w.Bob)
	wants(t, r, "in its time", a.ID(), b.ID(), bot.ID())
	w.Pass(time.Hour)
	rec, _ := r.State.Epoch.Recipient(bot.ID())
	if rec.Ended(w.Now) || !rec.Ended(w.Now.Add(time.Millisecond)) {
		t.Error("an endpoint ends at a wrong time")
	}
	check(t, w, r,
		offer{"at the last moment", r.Rekey(bot, roomlog.ReasonAsked), ""},
		offer{"a member, for nothing", r.Rekey(b, roomlog.ReasonMoved), "not_due"},
	)
	w.Pass(time.Millisecond)
	check(t, w, r,
		offer{"an epoch after the end", r.Rekey(bot, roomlog.ReasonAsked), "not_member"},
		offer{"a policy after the end", r.PolicyEntry(bot, time.Hour, "x"), "not_member"},
		offer{"a room after the end", r.Rekey(b, roomlog.ReasonMoved), ""},
	)
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonMoved {
		t.Errorf("due for %d", why)
	}
	r.Must(r.Rekey(b, roomlog.ReasonMoved))
	wants(t, r, "after its time", a.ID(), b.ID())
	if why, _ := r.State.Due(w, w.Now); why != 0 {
		t.Errorf("still due for %d", why)
	}
}

// TestLinkedDevice takes a device in that nobody but its link has named.
func TestLinkedDevice(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	l := d.Link(time.Hour)
	if why, _ := r.State.Due(w, w.Now); why != 0 {
		t.Errorf("for a link alone an epoch is due for %d", why)
	}
	phone := w.Alice.TakeUp(l, "phone")
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonMoved {
		t.Errorf("for a linked device an epoch is due for %d", why)
	}
	r.Must(r.Rekey(phone, roomlog.ReasonMoved))
	wants(t, r, "a linked device", d.ID(), phone.ID())
	w.Alice.Rotate()
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	wants(t, r, "after the account key changed", d.ID(), phone.ID())
}

// TestComplaint lets a member start an epoch when his own envelope is bad.
func TestComplaint(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a, b := w.Alice.Device(), w.Bob.Device()
	r := w.Room(a)
	r.Add(a, bus.RoleMember, w.Bob)
	r.Add(a, bus.RoleReader, w.Founder)
	says := func(by *chaintest.Device, epoch bus.Epoch) *chain.Entry {
		rec, _ := r.State.Epoch.Recipient(by.ID())
		k := roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: r.Start(roomlog.Change{})}
		k.Complaint = roomlog.Complaint{Epoch: epoch, Envelope: sha256.Sum256(chaintest.Envelope(rec))}
		return r.Entry(by, roomlog.OpRekey, k.Encode())
	}
	now := r.State.Epoch.Number
	phone := w.Bob.AddDevice("phone")
	check(t, w, r,
		offer{"by a member", says(b, now), ""},
		offer{"about an older epoch", says(b, now-1), "not_due"},
		offer{"about a later epoch", says(b, now+1), "not_due"},
		offer{"by who sealed it", says(a, now), "not_due"},
		offer{"by a reader", says(w.Founder.Device(), now), "not_owner"},
		offer{"by a device that has no envelope", says(phone, now), "not_due"},
		offer{"without its evidence", r.Rekey(b, roomlog.ReasonBroken), "not_due"},
		offer{"cut short", changed(says(b, now), func(e *chain.Entry) { e.Body = e.Body[:20] }, b.Content), "bad_entry"},
	)
	e := says(b, now)
	if c, ok := roomlog.ComplaintOf(e); !ok || c.Epoch != now || c.Envelope == (bus.Hash{}) {
		t.Errorf("the complaint is %+v", c)
	}
	if _, ok := roomlog.ComplaintOf(r.Rekey(a, roomlog.ReasonAsked)); ok {
		t.Error("a plain rekey complains")
	}
	r.Must(e)
	check(t, w, r, offer{"about his own epoch", says(b, r.State.Epoch.Number), "not_due"})
	clearRoom := w.Room(a, func(c *roomlog.Create) { c.Suite = bus.SuiteClear })
	clearRoom.Add(a, bus.RoleMember, w.Bob)
	k := roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: clearRoom.Start(roomlog.Change{})}
	k.Complaint.Epoch = clearRoom.State.Epoch.Number
	check(t, w, clearRoom, offer{"about a room without envelopes",
		clearRoom.Unsigned(b, roomlog.OpRekey, k.Encode()).Sign(identity.ContextRoom, b.Content), "not_due"})
}

// TestBotsStayAwake: what has an end is sealed to until then, however old its
// key; a bot without one falls asleep as a device does.
func TestBotsStayAwake(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	ends := w.Alice.AddBot("ends", account.Rights{NotAfter: w.Now.Add(90 * 24 * time.Hour)})
	free := w.Alice.AddBot("free", account.Rights{})
	r := w.Room(d)
	wants(t, r, "young", d.ID(), ends.ID(), free.ID())
	w.Pass(bus.KEMLife + bus.KEMGrace + time.Millisecond)
	d.Renew()
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	wants(t, r, "with old keys", d.ID(), ends.ID())
	w.Pass(90*24*time.Hour - bus.KEMLife - bus.KEMGrace)
	d.Renew()
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	wants(t, r, "behind its end", d.ID())
}
