package chaintest_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

// complain is a rekey of somebody who says that his envelope is bad.
func complain(r *chaintest.Room, by *chaintest.Device, change func(*roomlog.Rekey)) *chain.Entry {
	k := roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: r.Start(roomlog.Change{})}
	k.Complaint.Epoch = r.State.Epoch.Number
	if rec, ok := r.State.Epoch.Recipient(by.ID()); ok {
		k.Complaint.Envelope = sha256.Sum256(chaintest.Envelope(rec))
	}
	change(&k)
	return r.Entry(by, roomlog.OpRekey, k.Encode())
}

// badEnvelope is a room of admin (owner), alice (member) and bob (reader), whose
// epoch admin started; bots of admin and alice read or publish there, elsewhere,
// and for an hour.
func badEnvelope(t *testing.T) offers {
	w := chaintest.New(t)
	carol := w.User("carol")
	desk, alice, bob := w.Founder.Device(), w.Alice.Device(), w.Bob.Device()
	r := w.Room(desk)
	scope := func(p *chaintest.Person, verbs account.Verb, room bus.RoomID) *chaintest.Device {
		return p.AddBot("bot", account.Rights{Scope: account.NewScope(verbs, room)})
	}
	publisher, listener := scope(w.Founder, account.VerbPublish, r.State.ID), scope(w.Alice, account.VerbRead, r.State.ID)
	elsewhere := scope(w.Alice, account.VerbPublish|account.VerbRead, bus.RoomID{1})
	brief := w.Alice.AddBot("brief", account.Rights{NotAfter: w.Now.Add(time.Hour)})
	r.Add(desk, bus.RoleMember, w.Alice)
	r.Add(desk, bus.RoleReader, w.Bob)
	late := w.Alice.AddDevice("late")

	o := &offering{t: t, w: w, r: r}
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("room", name, reason, e.Encode()) }
	same := func(*roomlog.Rekey) {}
	o.good("room", complain(r, alice, same))
	refuse("complaint: of his own epoch", "complaint", complain(r, desk, same))
	refuse("complaint: of his own epoch, by another endpoint", "complaint", complain(r, publisher, same))
	refuse("complaint: of an epoch before", "complaint", complain(r, alice, func(k *roomlog.Rekey) { k.Complaint.Epoch-- }))
	refuse("complaint: of an epoch to come", "complaint", complain(r, alice, func(k *roomlog.Rekey) { k.Complaint.Epoch++ }))
	refuse("complaint: by an endpoint that has no envelope", "complaint", complain(r, late, same))
	refuse("complaint: by a reader", "right", complain(r, bob, same))
	body := roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: r.Start(roomlog.Change{})}.Encode()
	refuse("complaint: cut", "short", r.Entry(alice, roomlog.OpRekey, body[:40]))
	refuse("complaint: a byte more", "trailing", r.Entry(alice, roomlog.OpRekey, append(body, 0)))

	refuse("scope: an owner's wish, by a publisher", "reason", r.Rekey(publisher, roomlog.ReasonAsked))
	o.good("room", r.Rekey(publisher, roomlog.ReasonMoved))
	refuse("scope: a rekey by a listener", "right", r.Rekey(listener, roomlog.ReasonMoved))
	refuse("scope: a rekey from elsewhere", "right", r.Rekey(elsewhere, roomlog.ReasonMoved))
	refuse("scope: an add", "right", r.AddEntry(publisher, []roomlog.NewMember{{Account: carol.ID(), Role: bus.RoleMember}}, nil))
	refuse("scope: a remove of who has his right", "right", r.RemoveEntry(publisher, []bus.AccountID{w.Bob.ID()}, nil))
	refuse("scope: a role", "scope", r.RoleEntry(publisher, w.Bob, bus.RoleMember))
	refuse("scope: a policy", "scope", r.PolicyEntry(publisher, time.Hour, "n"))
	refuse("scope: a close", "scope", r.CloseEntry(publisher))
	refuse("scope: a leave", "scope", r.LeaveEntry(publisher, nil))

	o.good("room", r.Rekey(brief, roomlog.ReasonMoved))
	before := roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: r.Start(roomlog.Change{})}.Encode()
	w.Pass(time.Hour + time.Millisecond)
	o.good("room", r.Rekey(alice, roomlog.ReasonMoved))
	refuse("end: an audience with who is over", "audience", r.Entry(desk, roomlog.OpRekey, before))
	refuse("end: by who is over", "actor", r.Rekey(brief, roomlog.ReasonMoved))
	return o.offers("a bad envelope")
}

// clearRoom has no envelopes to complain about.
func clearRoom(t *testing.T) offers {
	w := chaintest.New(t)
	r := w.Room(w.Founder.Device(), func(c *roomlog.Create) { c.Suite = bus.SuiteClear })
	r.Add(w.Founder.Device(), bus.RoleMember, w.Alice)
	o := &offering{t: t, w: w, r: r}
	o.refuse("room", "complaint: where nothing is sealed", "complaint", complain(r, w.Alice.Device(), func(*roomlog.Rekey) {}).Encode())
	return o.offers("a clear room")
}
