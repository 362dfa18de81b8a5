package chaintest_test

import (
	"bytes"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// threeAdmins has the admins admin, alice and bob, the user carol, and dora and
// emma, who are admins since too short a time, emma for the second time; O was
// changed once. Against an admin goes nothing without O or another admin.
func threeAdmins(t *testing.T) offers {
	w := chaintest.New(t)
	w.Promote(w.Alice)
	w.Promote(w.Bob)
	emma := w.User("emma")
	w.Promote(emma)
	w.Pass(bus.AdminAge)
	carol, dora := w.User("carol"), w.User("dora")
	w.Promote(dora)
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpRole, buslog.Role{Handle: "emma", Role: bus.RoleUser}.Encode(), w.Org))
	w.Promote(emma)
	former, desk := w.Org, w.Founder.Device()
	w.Org = w.SigningKey()
	w.MustBus(w.BusEntry(desk, buslog.OpOrgRotate, buslog.OrgRotateBody(w.Org.Public()), former, w.Org))
	inv := w.Invite("emil", time.Hour)
	o := &offering{t: t, w: w}
	o.cosigned(carol.Device(), dora.Device(), emma.Device())
	o.againstAdmin(carol.Device(), dora.Device())
	o.orgRotated(former, carol.Device(), inv)
	return o.offers("three admins")
}

func (o *offering) cosigned(carol, dora, emma *chaintest.Device) {
	w := o.w
	desk, bob := w.Founder.Device(), w.Bob.Device()
	second, lost := w.Founder.AddDevice("second"), w.Bob.AddDevice("lost")
	ci := w.Bob.AddBot("ci", account.Rights{Scope: account.NewScope(account.VerbRead, bus.RoomID{1})})
	before := w.Bob.Head()
	lost.Revoke()
	w.MustBus(w.BusEntry(bob, buslog.OpNodeAdd, buslog.Node{Name: "n1", SPKI: bus.Hash{1}}.Encode()))
	cosigner := func(d *chaintest.Device) *buslog.Cosigner {
		return &buslog.Cosigner{Account: d.Owner.ID(), Endpoint: d.ID(), At: d.Owner.Head()}
	}
	revoke := func(h bus.Handle, with *buslog.Cosigner) []byte { return buslog.Revoke{Handle: h, With: with}.Encode() }
	body := revoke("alice", cosigner(bob))
	entry := func(body []byte, more ...identity.SigningKey) *chain.Entry {
		return w.BusEntry(desk, buslog.OpRevoke, body, more...)
	}
	o.good("bus", entry(body, bob.Content))
	add := func(name, reason string, e *chain.Entry) { o.refuse("bus", "cosigned: "+name, reason, e.Encode()) }
	add("by one alone", "signatures", entry(body))
	add("O for the cosigner", "signature", entry(body, w.Org))
	add("O besides", "signatures", entry(body, bob.Content, w.Org))
	add("in the other order", "signature", entry(body, bob.Content).Sign(identity.ContextBus, bob.Content, desk.Content))
	add("by A of the cosigner", "signature", entry(body, w.Bob.Key))
	add("a byte less", "short", entry(body[:len(body)-1], bob.Content))
	add("a byte more", "trailing", entry(append(bytes.Clone(body), 0), bob.Content))
	add("by two devices of the author", "cosigner", entry(revoke("alice", cosigner(second)), second.Content))
	alice := w.Alice.Device()
	add("by whom it is against", "cosigner", entry(revoke("alice", cosigner(alice)), alice.Content))
	add("against the author", "cosigner", entry(revoke("admin", cosigner(bob)), bob.Content))
	add("by a user", "right", entry(revoke("alice", cosigner(carol)), carol.Content))
	add("against a user", "cosigner", entry(revoke("carol", cosigner(bob)), bob.Content))
	add("by an admin of today", "admin age", entry(revoke("alice", cosigner(dora)), dora.Content))
	add("by an admin of today as the author", "admin age", w.BusEntry(dora, buslog.OpRevoke, body, bob.Content))
	add("by one who was no admin meanwhile", "admin age", entry(revoke("alice", cosigner(emma)), emma.Content))
	add("a millisecond before the age", "admin age", o.later(entry(revoke("alice", cosigner(dora)), dora.Content), bus.AdminAge-time.Millisecond, desk, dora))
	o.good("bus", o.later(entry(revoke("alice", cosigner(dora)), dora.Content), bus.AdminAge, desk, dora))
	add("by a device that is revoked", "actor", entry(revoke("alice", cosigner(lost)), lost.Content))
	add("by an endpoint with a scope", "scope", entry(revoke("alice", cosigner(ci)), ci.Content))
	at := func(d *chaintest.Device, ref bus.Ref) []byte {
		c := cosigner(d)
		c.At = ref
		return revoke("alice", c)
	}
	add("as of what is not there", "seen", entry(at(bob, bus.Ref{Index: 99}), bob.Content))
	add("as of another hash", "seen", entry(at(bob, bus.Ref{Index: w.Bob.Head().Index}), bob.Content))
	add("as of before he was seen", "seen", entry(at(lost, before), lost.Content))
	role := func(h bus.Handle, to bus.UserRole, with *buslog.Cosigner, key identity.SigningKey) *chain.Entry {
		return w.BusEntry(desk, buslog.OpRole, buslog.Role{Handle: h, Role: to, With: with}.Encode(), key)
	}
	o.good("bus", role("alice", bus.RoleUser, cosigner(bob), bob.Content))
	add("role, by a user", "right", role("alice", bus.RoleUser, cosigner(carol), carol.Content))
	add("role, of a user", "cosigner", role("carol", bus.RoleAdmin, cosigner(bob), bob.Content))
}

func (o *offering) orgRotated(former identity.SigningKey, carol *chaintest.Device, inv *chaintest.Invited) {
	w := o.w
	desk, next := w.Founder.Device(), w.SigningKey()
	body := buslog.OrgRotateBody(next.Public())
	entry := func(body []byte, more ...identity.SigningKey) *chain.Entry {
		return w.BusEntry(desk, buslog.OpOrgRotate, body, more...)
	}
	o.good("bus", entry(body, w.Org, next))
	add := func(name, reason string, e *chain.Entry) { o.refuse("bus", "org-rotate: "+name, reason, e.Encode()) }
	to := func(name string, key identity.SigningKey) {
		add(name, "used", entry(buslog.OrgRotateBody(key.Public()), w.Org, key))
	}
	to("to the same", w.Org)
	to("to a former one", former)
	to("to an A", w.Alice.Key)
	to("to the author's C", desk.Content)
	to("to a one-time C", inv.Keys.Content)
	add("to no key", "signature", entry(make([]byte, 32), w.Org, next))
	add("without O", "signatures", entry(body, next))
	add("without the new one", "signatures", entry(body, w.Org))
	add("with a former O", "signature", entry(body, former, next))
	add("in another order", "signature", entry(body, next, w.Org))
	add("by a user", "right", w.BusEntry(carol, buslog.OpOrgRotate, body, w.Org, next))
	add("a byte less", "short", entry(body[:31], w.Org, next))
	add("a byte more", "trailing", entry(append(bytes.Clone(body), 0), w.Org, next))
	revoke := buslog.Revoke{Handle: "alice"}.Encode()
	o.good("bus", w.BusEntry(desk, buslog.OpRevoke, revoke, w.Org))
	o.refuse("bus", "revoke: a former O", "signature", w.BusEntry(desk, buslog.OpRevoke, revoke, former).Encode())
}

// later is e as of some time after dora was made admin, signed anew.
func (o *offering) later(e *chain.Entry, after time.Duration, by ...*chaintest.Device) *chain.Entry {
	for _, made := range o.w.BusLog {
		if r, ok := buslog.ParseRole(made.Body); ok && made.Op == buslog.OpRole && r.Handle == "dora" {
			e.Time = made.Time.Add(after)
		}
	}
	keys := make([]identity.SigningKey, len(by))
	for i, d := range by {
		keys[i] = d.Content
	}
	return e.Sign(identity.ContextBus, keys...)
}

// againstAdmin: an admin ends what a user has, and what he has himself, and
// nothing of another admin.
func (o *offering) againstAdmin(carol, dora *chaintest.Device) {
	w := o.w
	desk := w.Founder.Device()
	revoke := func(of *chaintest.Device) *chain.Entry {
		body := account.Revoke{By: account.ByAdmin, Endpoint: of.ID(), At: w.Founder.Head()}
		return w.AccountEntry(of.Owner, desk, account.OpRevoke, body.Encode(), desk.Content)
	}
	o.good("carol", revoke(carol))
	o.good("admin", revoke(desk))
	o.refuse("alice", "revoke: signer 3, of another admin", "right", revoke(w.Alice.Device()).Encode())
	o.refuse("dora", "revoke: signer 3, of an admin of today", "right", revoke(dora).Encode())
}
