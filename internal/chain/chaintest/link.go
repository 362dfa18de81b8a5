package chaintest

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// Linked is a device link with the keys that it stands for.
type Linked struct {
	account.Link
	Keys identity.OneTime
}

// NewLink makes a link that no entry names yet.
func (w *World) NewLink(k account.Kind, r account.Rights, life time.Duration) *Linked {
	seed := w.seed()
	keys := identity.OneTimeKeys(seed)
	return &Linked{Keys: keys, Link: account.Link{
		By: account.ByEndpoint, ID: bus.InviteID(seed[16:]), Content: keys.Content.Public(),
		Transport: keys.Transport.Public(), KEM: keys.KEM.Public(), Kind: k, Rights: r, NotAfter: w.Now.Add(life),
	}}
}

// Link makes a link for another device of the same person.
func (d *Device) Link(life time.Duration) *Linked {
	w := d.Owner.w
	w.tb.Helper()
	l := w.NewLink(account.KindDevice, account.Rights{}, life)
	w.MustAccount(d.Owner, w.LinkEntry(d, l))
	return l
}

// LinkEntry is the entry by which a device makes a link.
func (w *World) LinkEntry(by *Device, l *Linked) *chain.Entry {
	return w.AccountEntry(by.Owner, by, account.OpLink, l.Encode(), by.Content)
}

// LinkAcceptEntry is the entry by which a machine takes a link up.
func (w *World) LinkAcceptEntry(d *Device, l *Linked) *chain.Entry {
	body := account.Accept{Link: l.ID, Content: d.Content.Public(), Transport: d.Transport.Public(),
		KEM: d.KEM.Public(), Name: d.Name}
	return w.AccountEntry(d.Owner, d, account.OpAccept, body.Encode(), l.Keys.Content, d.Content)
}

// TakeUp takes a link up as a new device.
func (p *Person) TakeUp(l *Linked, name string) *Device {
	p.w.tb.Helper()
	d := p.NewDevice(name)
	d.Kind, d.Rights = l.Kind, l.Rights
	p.w.MustAccount(p, p.w.LinkAcceptEntry(d, l))
	p.Devices = append(p.Devices, d)
	return d
}

// RotateEntry is the entry by which p changes his account key to next.
func (w *World) RotateEntry(p *Person, next identity.SigningKey) *chain.Entry {
	return w.AccountEntry(p, p.Device(), account.OpRotate, account.RotateBody(next.Public()), p.Key, next)
}

// Rotate gives p a new account key.
func (p *Person) Rotate() {
	p.w.tb.Helper()
	next := p.w.SigningKey()
	p.w.MustAccount(p, p.w.RotateEntry(p, next))
	p.Key = next
}
