package client

import (
	"crypto/hpke"
	"fmt"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/costtest"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// desk is the founder's client, without a node.
type desk struct {
	*Client
	bus *chaintest.World
}

// newDesk is a client on a bus of some more users, whose chains it has read.
func newDesk(b testing.TB, users int) (*desk, []*chaintest.Person) {
	w := chaintest.New(b)
	people := make([]*chaintest.Person, users)
	for i := range people {
		people[i] = w.User(bus.Handle(fmt.Sprintf("user%d", i)))
	}
	me := w.Founder.Device()
	read := &world{call: call.New("", w.Bus().Bus, identity.TransportKey{}, nil, nil), bus: w.Bus(), accounts: map[bus.AccountID]*account.State{}, rooms: map[bus.RoomID]*room{}}
	for id := range w.AccountLogs {
		read.accounts[id] = w.Account(id)
	}
	id := &identity.File{Bus: w.Bus().Bus, Account: w.Founder.ID(), Content: me.Content, Transport: me.Transport}
	store, err := profile.Memory(b.Context(), identity.NewProfileKey())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	return &desk{bus: w, Client: &Client{id: id, call: read.call, world: read, store: store, tallies: map[bus.RoomID]*tally{}, held: map[bus.RoomID]profile.Newest{}, unkept: map[bus.RoomID]profile.Newest{},
		now: func() time.Time { return w.Now }}}, people
}

// room is one of the founder and people.
func (d *desk) room(b *testing.B, people []*chaintest.Person) *room {
	built := d.bus.Room(d.bus.Founder.Device())
	built.Add(d.bus.Founder.Device(), bus.RoleMember, people...)
	return d.follows(b, built)
}

// follows is a room as its log gives it.
func (d *desk) follows(b testing.TB, built *chaintest.Room) *room {
	r := newRoom(d.id.Bus)
	for _, e := range built.Log {
		d.take(b, r, e)
	}
	d.world.rooms[r.ID] = r
	return r
}

func (d *desk) take(b testing.TB, r *room, e *chain.Entry) {
	step, err := r.Check(e, d.world)
	if err != nil {
		b.Fatal(err)
	}
	r.take(e, step)
}

// rekey makes the next epoch of a room: a secret sealed to everybody.
func (d *desk) rekey(b *testing.B, r *room) *madeEpoch {
	made, err := d.makeEpoch(r, step{op: roomlog.OpRekey, body: func(st roomlog.Start) []byte {
		return roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: st}.Encode()
	}}, "room", roomlog.Closing{})
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// crowd and handful are sizes of rooms that should not differ to whoever sends
// and reads.
const crowd, handful = 1000, 10

// correspondent writes to a room and reads it.
type correspondent struct {
	*outbox
	*opener
	parcel parcel
	frame  wire.StoredMessage
}

func (d *desk) correspondent(b *testing.B, people []*chaintest.Person) *correspondent {
	r := d.room(b, people)
	made := d.rekey(b, r)
	d.take(b, r, made.entry)
	ep := seal.Epoch{Room: r.ID, Number: made.epoch, Entry: r.Epoch.Entry, Suite: r.Create.Suite, Secret: made.secret}
	c := &correspondent{opener: d.newOpener(r.ID), outbox: &outbox{c: d.Client, id: r.ID,
		sender: seal.NewSender(ep, d.Endpoint(), d.id.Content), epoch: ep.Number}}
	c.epochs[ep.Number] = epochKey{Epoch: ep}
	c.parcel.letters = []letter{{record: seal.Record{Kind: seal.KindText, Body: []byte(strings.Repeat("x", 256))}}}
	c.send(b)
	c.frame = wire.StoredMessage{Seq: 1, At: d.now(), Frame: c.parcel.raw}
	if events, err := c.open(b.Context(), c.frame); err != nil || len(events) != 1 || events[0].Message == nil {
		b.Fatalf("got %+v, %v; want one message", events, err)
	}
	return c
}

func (c *correspondent) send(b *testing.B) {
	c.parcel.raw = nil
	if err := c.seal(&c.parcel); err != nil {
		b.Fatal(err)
	}
}

// receive opens a frame that was shown: it is dropped, but only then.
func (c *correspondent) receive(b *testing.B) {
	if events, err := c.open(b.Context(), c.frame); err != nil || len(events) != 0 {
		b.Fatalf("got %+v, %v; want nothing new", events, err)
	}
}

// BenchmarkCrowd is about a room of 1,000 endpoints. Frames are compared with
// those of a room of 10: who is in a room must cost nobody who writes or reads.
func BenchmarkCrowd(b *testing.B) {
	d, people := newDesk(b, crowd-1)
	huge, few := d.correspondent(b, people), d.correspondent(b, people[:handful-1])
	b.Run("send", func(b *testing.B) {
		costtest.Ratio(b, 1.1, func() { huge.send(b) }, func() { few.send(b) })
	})
	b.Run("receive", func(b *testing.B) {
		costtest.Ratio(b, 1.1, func() { huge.receive(b) }, func() { few.receive(b) })
	})
	b.Run("rekey", func(b *testing.B) { benchRekey(b, d, d.world.rooms[huge.outbox.id]) })
}

// benchRekey compares a new epoch, entry and all, with as many one-shot HPKE
// seals of 32 bytes. Both read each public key anew: who starts an epoch has
// the bytes of the account chains.
func benchRekey(b *testing.B, d *desk, r *room) {
	info, secret := make([]byte, 128), make([]byte, seal.SecretSize)
	costtest.Ratio(b, 1.3, func() { d.rekey(b, r) }, func() {
		for _, rec := range r.Epoch.Audience {
			pub, err := hpke.MLKEM768X25519().NewPublicKey(rec.KEM[:])
			if err != nil {
				b.Fatal(err)
			}
			if _, err := hpke.Seal(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), info, secret); err != nil {
				b.Fatal(err)
			}
		}
	})
}
