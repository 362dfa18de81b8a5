package chaintest

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// Person is a user with his account key.
type Person struct {
	Handle  bus.Handle
	Key     identity.SigningKey // A in force
	Devices []*Device

	id bus.AccountID // of the first A
	w  *World
}

// Device is an endpoint of a person.
type Device struct {
	Owner     *Person
	Name      string
	Content   identity.SigningKey
	Transport identity.TransportKey
	KEM       identity.KEMKey
	Serial    uint32
	Kind      account.Kind
	Rights    account.Rights
}

// Person makes a stranger: keys alone, no entry anywhere.
func (w *World) Person(h bus.Handle) *Person {
	key := w.SigningKey()
	return &Person{Handle: h, Key: key, id: identity.AccountIDOf(key.Public()), w: w}
}

// ID is the id of the person's account.
func (p *Person) ID() bus.AccountID {
	if p.id == (bus.AccountID{}) {
		return identity.AccountIDOf(p.Key.Public())
	}
	return p.id
}

// State is the account chain of the person, nil for a stranger.
func (p *Person) State() *account.State { return p.w.accounts[p.ID()] }

// Head is the newest entry of his account chain, zero when it is empty.
func (p *Person) Head() bus.Ref {
	if s := p.State(); s != nil && s.Len > 0 {
		return s.Head().Ref()
	}
	return bus.Ref{}
}

// Device is his first device.
func (p *Person) Device() *Device { return p.Devices[0] }

// ID is the id of the endpoint.
func (d *Device) ID() bus.EndpointID {
	return identity.EndpointOf(d.Content.Public(), d.Transport.Public())
}

// device makes the keys of a device that no entry lists yet.
func (w *World) device(p *Person, name string) *Device {
	return &Device{Owner: p, Name: name, Content: w.SigningKey(),
		Transport: identity.TransportKeyFromSeed(w.seed()), KEM: w.KEMKey(), Serial: 1,
		Kind: account.KindDevice, Rights: account.Rights{MayAdd: true}}
}

// NewDevice makes the keys of another device without listing it.
func (p *Person) NewDevice(name string) *Device { return p.w.device(p, name) }

// AddDevice makes another device and lists it.
func (p *Person) AddDevice(name string) *Device {
	p.w.tb.Helper()
	d := p.NewDevice(name)
	p.w.MustAccount(p, p.w.AddEntry(d))
	p.Devices = append(p.Devices, d)
	return d
}

// NewBot makes the keys of a bot without listing it.
func (p *Person) NewBot(name string, r account.Rights) *Device {
	d := p.NewDevice(name)
	d.Kind, d.Rights = account.KindBot, r
	return d
}

// AddBot makes a bot and lists it.
func (p *Person) AddBot(name string, r account.Rights) *Device {
	p.w.tb.Helper()
	d := p.NewBot(name, r)
	p.w.MustAccount(p, p.w.AddEntry(d))
	p.Devices = append(p.Devices, d)
	return d
}

// AddRecovery lists a recovery endpoint and returns its id.
func (p *Person) AddRecovery() bus.EndpointID {
	p.w.tb.Helper()
	add := account.Add{By: account.ByAccount, Key: p.Key.Public(), Kind: account.KindRecovery, KEM: p.w.KEMKey().Public()}
	p.w.MustAccount(p, p.w.AccountEntry(p, p.Device(), account.OpAdd, add.Encode(), p.Key))
	return add.Endpoint()
}

// Renew gives the device a new kem key, as soon as its next one is due: time
// passes where it must.
func (d *Device) Renew() {
	w := d.Owner.w
	w.tb.Helper()
	s := d.Owner.State()
	if _, _, made, _ := s.Endpoint(d.ID()).KEM(s.Len - 1); w.Now.Before(made.Add(bus.KEMPause)) {
		w.Now = made.Add(bus.KEMPause)
	}
	key := d.Owner.w.KEMKey()
	d.Owner.w.MustAccount(d.Owner, d.KEMEntry(account.KEM{Serial: d.Serial + 1, Key: key.Public()}))
	d.KEM, d.Serial = key, d.Serial+1
}

// Revoke ends the device by the account key.
func (d *Device) Revoke() {
	d.Owner.w.tb.Helper()
	body := account.Revoke{By: account.ByAccount, Endpoint: d.ID()}.Encode()
	d.Owner.w.MustAccount(d.Owner, d.Owner.w.AccountEntry(d.Owner, d, account.OpRevoke, body, d.Owner.Key))
}

// Add is the body that lists the device.
func (d *Device) Add() account.Add {
	return account.Add{By: account.ByAccount, Key: d.Owner.Key.Public(), Kind: d.Kind, Content: d.Content.Public(),
		Transport: d.Transport.Public(), KEM: d.KEM.Public(), Rights: d.Rights, Name: d.Name}
}

// AddEntry is the entry that lists the device.
func (w *World) AddEntry(d *Device) *chain.Entry {
	return w.AccountEntry(d.Owner, d, account.OpAdd, d.Add().Encode(), d.Owner.Key, d.Content)
}

// KEMEntry is the entry by which the device renews its kem key.
func (d *Device) KEMEntry(k account.KEM) *chain.Entry {
	return d.Owner.w.AccountEntry(d.Owner, d, account.OpKEM, k.Encode(), d.Content)
}

// AccountEntry is the next entry of p's account chain, written by one of
// anybody's devices.
func (w *World) AccountEntry(
	p *Person, by *Device, op chain.Op, body []byte, keys ...identity.SigningKey,
) *chain.Entry {
	tail := chain.Tail{Bus: w.state.Bus, Chain: chain.ID(p.ID())}
	if s := p.State(); s != nil {
		tail = s.Tail
	}
	author := chain.Author{Account: by.Owner.ID(), Endpoint: by.ID(), Seen: w.state.Head().Ref()}
	return tail.New(op, body, author, w.Now).Sign(identity.ContextAccount, keys...)
}

// TakeAccount offers an entry to p's account chain.
func (w *World) TakeAccount(p *Person, e *chain.Entry) error {
	w.tb.Helper()
	e = w.wire(e)
	step, err := p.State().Check(e, w)
	if err != nil {
		return err
	}
	step()
	w.AccountLogs[p.ID()] = append(w.AccountLogs[p.ID()], e)
	return nil
}

// MustAccount takes an entry that the rules must allow.
func (w *World) MustAccount(p *Person, e *chain.Entry) {
	w.tb.Helper()
	w.must(w.TakeAccount(p, e))
}

// admit begins the account chain of somebody whom the bus log names.
func (w *World) admit(p *Person) {
	if w.accounts[p.ID()] == nil {
		w.accounts[p.ID()] = account.New(w.state.Bus, p.Key.Public())
	}
}
