// Package chaintest is a bus in memory for tests of whatever rests on chains:
// people with real keys, the bus log, account chains and rooms, and builders
// that write and sign every kind of entry, good ones and crooked ones.
//
// Keys are derived from the name of the test, so that a failure can be run
// again. When the test ends, every chain that was built is replayed from its
// first entry with the final facts and must give the same state: what was true
// when an entry was written stays true. Only tests may import it; a World is
// for one goroutine.
package chaintest

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// World is a bus with a founder, who is its admin, and two users; each has one device.
type World struct {
	roomlog.Speakers // by these chains

	Now     time.Time // the clock of everybody; Pass moves it
	Org     identity.SigningKey
	CA      bus.Hash
	Founder *Person
	Alice   *Person
	Bob     *Person

	BusLog      []*chain.Entry // what the bus log was built of
	AccountLogs map[bus.AccountID][]*chain.Entry

	tb       testing.TB
	label    string
	keys     uint64
	state    *buslog.State
	accounts map[bus.AccountID]*account.State
	rooms    []*Room
}

// New founds a bus at 2026-01-01 and admits alice and bob.
func New(tb testing.TB) *World {
	tb.Helper()
	w := &World{
		Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), CA: sha256.Sum256([]byte("ca")),
		AccountLogs: map[bus.AccountID][]*chain.Entry{}, tb: tb, label: tb.Name(),
		state: buslog.New(), accounts: map[bus.AccountID]*account.State{},
	}
	w.Speakers.Facts = w
	w.Org = w.SigningKey()
	w.found()
	w.Alice, w.Bob = w.User("alice"), w.User("bob")
	tb.Cleanup(w.replay)
	return w
}

func (w *World) found() {
	w.Founder = w.Person("admin")
	d := w.device(w.Founder, "desk")
	w.MustBus(w.Genesis(w.Founder, d))
	w.admit(w.Founder)
	w.MustAccount(w.Founder, w.AddEntry(d))
	w.Founder.Devices = append(w.Founder.Devices, d)
}

// Genesis is the entry that begins a bus with p as its admin.
func (w *World) Genesis(p *Person, d *Device) *chain.Entry {
	g := buslog.Genesis{Org: w.Org.Public(), CA: w.CA, Handle: p.Handle, Key: p.Key.Public(),
		Content: d.Content.Public(), Transport: d.Transport.Public()}
	by := chain.Author{Account: p.ID(), Endpoint: d.ID()}
	return new(chain.Tail).New(buslog.OpGenesis, g.Encode(), by, w.Now).
		Sign(identity.ContextBus, w.Org, p.Key, d.Content)
}

// Pass lets time go by.
func (w *World) Pass(d time.Duration) { w.Now = w.Now.Add(d) }

// Bus implements roomlog.Facts.
func (w *World) Bus() *buslog.State { return w.state }

// Account implements roomlog.Facts.
func (w *World) Account(id bus.AccountID) *account.State { return w.accounts[id] }

// seed derives 32 bytes that no other call returns.
func (w *World) seed() [32]byte {
	w.keys++
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(w.label), w.keys))
}

// SigningKey makes a key that the world does not use yet.
func (w *World) SigningKey() identity.SigningKey { return identity.SigningKeyFromSeed(w.seed()) }

// KEMKey makes a key that the world does not use yet.
func (w *World) KEMKey() identity.KEMKey { return identity.KEMKeyFromSeed(w.seed()) }

func (w *World) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatalf("%v (%s)", err, bus.CodeOf(err))
	}
}

// wire sends an entry through its bytes, as it travels.
func (w *World) wire(e *chain.Entry) *chain.Entry {
	w.tb.Helper()
	got, err := chain.Parse(e.Encode())
	w.must(err)
	return got
}
