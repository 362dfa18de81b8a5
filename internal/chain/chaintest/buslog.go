package chaintest

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
)

// Invited is an open invite with the keys that its link stands for.
type Invited struct {
	buslog.Invite
	Keys identity.OneTime
}

// NewInvite makes an invite that no entry names yet.
func (w *World) NewInvite(h bus.Handle, life time.Duration) *Invited {
	seed := w.seed()
	keys := identity.OneTimeKeys(seed)
	return &Invited{Keys: keys, Invite: buslog.Invite{
		ID: bus.InviteID(seed[16:]), Handle: h, Content: keys.Content.Public(),
		Transport: keys.Transport.Public(), KEM: keys.KEM.Public(), NotAfter: w.Now.Add(life),
	}}
}

// Invite opens the bus for h.
func (w *World) Invite(h bus.Handle, life time.Duration) *Invited {
	w.tb.Helper()
	inv := w.NewInvite(h, life)
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpInvite, inv.Encode()))
	return inv
}

// EndInvite revokes an invite.
func (w *World) EndInvite(inv *Invited) {
	w.tb.Helper()
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpInviteRevoke, inv.ID[:]))
}

// AcceptEntry is the entry by which p takes an invite up.
func (w *World) AcceptEntry(p *Person, inv *Invited) *chain.Entry {
	body := buslog.Accept{Invite: inv.ID, Key: p.Key.Public()}.Encode()
	by := chain.Author{Account: p.ID(), Endpoint: inv.Endpoint()}
	return w.state.New(buslog.OpAccept, body, by, w.Now).Sign(identity.ContextBus, inv.Keys.Content, p.Key)
}

// Join takes an invite up as a new person with one device.
func (w *World) Join(inv *Invited) *Person {
	w.tb.Helper()
	p := w.Person(inv.Handle)
	w.MustBus(w.AcceptEntry(p, inv))
	w.Arrive(p)
	return p
}

// Arrive begins the account chain of somebody whom the bus log names by now.
func (w *World) Arrive(p *Person) {
	w.tb.Helper()
	w.admit(p)
	p.AddDevice("first")
}

// User admits somebody by his key, and lists his first device.
func (w *World) User(h bus.Handle) *Person {
	w.tb.Helper()
	p := w.Bare(h)
	p.AddDevice("first")
	return p
}

// Bare admits somebody by his key who lists no endpoint yet.
func (w *World) Bare(h bus.Handle) *Person {
	w.tb.Helper()
	p := w.Person(h)
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpUser, buslog.User{Handle: h, Key: p.Key.Public()}.Encode()))
	w.admit(p)
	return p
}

// Revoke ends a user; an admin with the organisation key too.
func (w *World) Revoke(p *Person) {
	w.tb.Helper()
	var more []identity.SigningKey
	if w.state.IsAdmin(p.ID()) {
		more = append(more, w.Org)
	}
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpRevoke, buslog.Revoke{Handle: p.Handle}.Encode(), more...))
}

// Promote makes a user admin.
func (w *World) Promote(p *Person) {
	w.tb.Helper()
	body := buslog.Role{Handle: p.Handle, Role: bus.RoleAdmin}.Encode()
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpRole, body))
}

// BusEntry is the next entry of the bus log, written by a device that has seen
// all of its account's chain.
func (w *World) BusEntry(by *Device, op chain.Op, body []byte, more ...identity.SigningKey) *chain.Entry {
	return w.BusEntryAt(by, by.Owner.Head(), op, body, more...)
}

// BusEntryAt is BusEntry by a device that names an older position.
func (w *World) BusEntryAt(by *Device, at bus.Ref, op chain.Op, body []byte, more ...identity.SigningKey) *chain.Entry {
	author := chain.Author{Account: by.Owner.ID(), Endpoint: by.ID(), Seen: at}
	keys := append([]identity.SigningKey{by.Content}, more...)
	return w.state.New(op, body, author, w.Now).Sign(identity.ContextBus, keys...)
}

// TakeBus offers an entry to the bus log.
func (w *World) TakeBus(e *chain.Entry) error {
	w.tb.Helper()
	e = w.wire(e)
	step, err := w.state.Check(e, w)
	if err != nil {
		return err
	}
	step()
	w.BusLog = append(w.BusLog, e)
	return nil
}

// MustBus takes an entry that the rules must allow.
func (w *World) MustBus(e *chain.Entry) {
	w.tb.Helper()
	w.must(w.TakeBus(e))
}
