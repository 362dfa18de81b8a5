package client

import (
	"context"
	"errors"
	"sync"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// world is what this client has verified: the bus log, account chains and room
// logs, each from its first entry on. What was verified is kept in the profile
// and never given up for a shorter or another chain.
//
// Its lock is held while a chain is fetched: who needs the chain waits for it
// anyway. The states are read under the lock only.
type world struct {
	call     *call.Caller
	store    *profile.Store
	org      identity.VerifyKey // what the bus must have, or have had, as its organisation key
	mu       sync.Mutex
	bus      *buslog.State
	accounts map[bus.AccountID]*account.State
	rooms    map[bus.RoomID]*room
	me       bus.AccountID // zero while it is made
	pins     map[bus.Handle]identity.Pin
	onBus    bool                   // the bus log is being read
	floors   map[chain.ID]bus.Head  // a chain must reach at least here
	local    bool                   // the profile is all there is to ask
	looked   map[bus.AccountID]bool // accounts that were looked for there in a listing of all rooms; nil: none is made
}

func newWorld(call *call.Caller, store *profile.Store, org identity.VerifyKey) *world {
	return &world{call: call, store: store, org: org, accounts: map[bus.AccountID]*account.State{},
		rooms: map[bus.RoomID]*room{}}
}

// Errors of a node that shows less or other than it showed before.
var (
	errWithheld = bus.Errorf(bus.Integrity, "withheld", "the node shows less than it showed before").
			WithHint("ask an admin whether it was restored from an older copy; the ways out: unibus help faults")
	errForked = bus.Errorf(bus.Integrity, "forked", "the node shows another history than before").
			WithHint("do not send; ask an admin what happened to the node; the ways out: unibus help faults")
	errBroken = bus.Errorf(bus.Integrity, "bad_chain", "the node shows an entry that its author had no right to write").
			WithHint("do not send; ask an admin what happened to the node")
	errWrongBus = bus.Errorf(bus.Integrity, "wrong_bus", "this node belongs to another bus").
			WithHint("check the address of this context: unibus context show")
)

// errLater ends the reading of an account chain for now: it goes on in a part of
// the bus log that is not read yet.
var errLater = errors.New("the bus log is not known that far yet")

// Bus implements roomlog.Facts.
func (w *world) Bus() *buslog.State { return w.bus }

// Account implements roomlog.Facts.
func (w *world) Account(id bus.AccountID) *account.State { return w.accounts[id] }

// follow describes one chain to read on: where it stands, where to ask, how to
// take an entry in.
type follow struct {
	log    profile.Log
	chain  chain.ID
	tail   func() chain.Tail
	target func(from uint32) string
	take   func(context.Context, *chain.Entry) error
	floor  *bus.Head // was seen by another client of this endpoint; nil: nothing was
}

// holds reports whether e is not another one than the entry at the floor.
func (f follow) holds(e *chain.Entry) bool {
	return f.floor == nil || e.Index != f.floor.Index || e.Hash() == f.floor.Hash
}

func (w *world) floor(id chain.ID) *bus.Head {
	if h, ok := w.floors[id]; ok {
		return &h
	}
	return nil
}

// load takes in what the profile holds. Its signatures were checked before.
func (w *world) load(ctx context.Context, f follow) error {
	if n, err := w.store.Length(ctx, f.log, f.chain); err != nil || n <= f.tail().Len {
		return err
	}
	kept, err := w.store.Entries(ctx, f.log, f.chain)
	if err != nil {
		return err
	}
	for _, raw := range kept[min(int(f.tail().Len), len(kept)):] {
		e, err := chain.Parse(raw)
		if err != nil {
			return err
		}
		if err := f.take(ctx, e.Verified()); err == errLater {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// fetch reads the chain on from the node, verifies and keeps it.
func (w *world) fetch(ctx context.Context, f follow) error {
	if w.local {
		return w.load(ctx, f)
	}
	for {
		from := f.tail()
		var page wire.Entries
		if err := w.call.Get(ctx, f.target(from.Len), &page); err != nil {
			return err
		}
		if err := notShorter(from, page); err != nil {
			return err
		}
		if err := w.takePage(ctx, f, page); err == errLater {
			return nil
		} else if err != nil {
			return err
		}
		if !page.More || len(page.Entries) == 0 {
			if err := whole(f.tail(), page); err != nil {
				return err
			}
			return f.reached()
		}
	}
}

// reached demands that the chain goes on to its floor.
func (f follow) reached() error {
	if f.floor != nil && f.tail().Len <= f.floor.Index {
		return errWithheld
	}
	return nil
}

// notShorter holds the node to what this client has seen of a chain.
func notShorter(known chain.Tail, page wire.Entries) error {
	switch {
	case known.Len == 0:
		return nil
	case page.Head == nil || page.Head.Index+1 < known.Len:
		return errWithheld
	case page.Head.Index+1 == known.Len && page.Head.Hash != known.Hash:
		return errForked
	}
	return nil
}

// whole holds the node to the head that it tells with its last page: it must
// have handed over what leads there.
func whole(known chain.Tail, page wire.Entries) error {
	switch {
	case page.Head == nil:
		return nil
	case known.Len <= page.Head.Index:
		return errWithheld
	}
	return notShorter(known, page)
}

// takePage verifies the entries of a page and keeps those that hold.
func (w *world) takePage(ctx context.Context, f follow, page wire.Entries) error {
	first, taken := f.tail().Len, 0
	var refused error
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		if err == nil && !f.holds(e) {
			err = errForked
		}
		if err == nil {
			err = f.take(ctx, e)
		}
		if err != nil {
			refused = err
			break
		}
		taken++
	}
	if taken == 0 {
		return refused
	}
	if err := w.store.Append(ctx, f.log, f.chain, first, page.Entries[:taken]); err != nil {
		return errors.Join(refused, err)
	}
	return refused
}

// served is why an entry that the node serves does not hold. To its author the
// rules' answer would be that he may not do this, or that somebody else was
// first; here it says that the node lies.
func served(err error) error {
	switch {
	case errors.Is(err, chain.ErrBehind):
		return errForked
	case bus.KindOf(err) == bus.Integrity:
		return err
	}
	return breach(err)
}

// breach says what a rule has against an entry, in the rule's words and without
// its error: that would say of this client what is said of the entry's author,
// that he is not in the room, say.
func breach(err error) error {
	var rule *bus.Error
	if !errors.As(err, &rule) {
		return errBroken.Because(err)
	}
	e := *errBroken
	e.Message += ": " + rule.Message
	return &e
}

// busFollow describes the bus log. Before the genesis its id is not known: the
// context names it.
func (w *world) busFollow() follow {
	return follow{
		log: profile.LogBus, chain: chain.ID(w.call.Bus), target: wire.LogTarget,
		tail: func() chain.Tail { return w.bus.Tail },
		take: w.takeBus, floor: w.floor(chain.ID(w.call.Bus)),
	}
}

func (w *world) takeBus(ctx context.Context, e *chain.Entry) error {
	if w.bus.Len > 0 && e.Op != buslog.OpAccept {
		if err := w.reach(ctx, e.Account, e.Seen); err != nil {
			return err
		}
		if with, ok := buslog.CosignerOf(e); ok {
			if err := w.reach(ctx, with.Account, with.At); err != nil {
				return err
			}
		}
	}
	step, err := w.bus.Check(e, roomlog.Speakers{Facts: w})
	if err != nil {
		return served(err)
	}
	step()
	if e.Index == 0 && w.bus.Tail.Bus != w.call.Bus {
		w.bus = buslog.New()
		return errWrongBus
	}
	return nil
}

// syncBus reads the bus log on, and what was decided about users meanwhile.
func (w *world) syncBus(ctx context.Context) (err error) {
	if err = w.loadBus(ctx); err != nil {
		return err
	}
	if w.pins, err = w.store.Pins(ctx); err != nil {
		return err
	}
	if err = w.readBus(func() error { return w.fetch(ctx, w.busFollow()) }); err == nil && w.bus.Len > 0 && !w.bus.HasOrg(w.org) {
		err = errWrongBus
	}
	return err
}

func (w *world) loadBus(ctx context.Context) error {
	if w.bus != nil {
		return nil
	}
	pins, err := w.store.Pins(ctx)
	if err != nil {
		return err
	}
	w.bus, w.pins = buslog.New(), pins
	return w.readBus(func() error { return w.load(ctx, w.busFollow()) })
}

// readBus marks the bus log as being read.
func (w *world) readBus(read func() error) error {
	w.onBus = true
	defer func() { w.onBus = false }()
	return read()
}

// reachBus makes sure that the bus log is known as far as an admin's entry in an
// account chain rests on it. While it is being read it is known as far as any
// entry needs that stands in it already: what comes later can wait.
func (w *world) reachBus(ctx context.Context, ref bus.Ref) error {
	switch {
	case ref.Index < w.bus.Len:
		return nil
	case w.onBus:
		return errLater
	}
	return w.readBus(func() error { return w.fetch(ctx, w.busFollow()) })
}

// reach makes sure that an account chain is known as far as ref. An account
// that the bus log does not know is left to the rules, which refuse it.
func (w *world) reach(ctx context.Context, id bus.AccountID, ref bus.Ref) error {
	if acc := w.accounts[id]; acc != nil && acc.Len > ref.Index {
		return nil
	}
	return w.syncAccount(ctx, id, ref.Index+1)
}

// syncAccount reads an account chain on until it has at least want entries as
// kept in the profile, or else as far as the node goes.
func (w *world) syncAccount(ctx context.Context, id bus.AccountID, want uint32) error {
	if err := w.loadAccount(ctx, id); err != nil {
		return err
	}
	acc := w.accounts[id]
	if acc == nil || acc.Len >= want {
		return nil
	}
	return w.fetch(ctx, w.accountFollow(acc, w.handle(id)))
}

// syncNow reads an account chain on as far as the node goes.
func (w *world) syncNow(ctx context.Context, id bus.AccountID) error {
	if err := w.loadAccount(ctx, id); err != nil {
		return err
	}
	acc := w.accounts[id]
	if acc == nil {
		return nil
	}
	return w.syncAccount(ctx, id, acc.Len+1)
}

// loadAccount takes in what the profile holds of an account chain. An account
// that the bus log does not know has none.
func (w *world) loadAccount(ctx context.Context, id bus.AccountID) error {
	user := w.bus.Account(id)
	if user == nil {
		return nil
	}
	if w.accounts[id] == nil {
		w.accounts[id] = account.New(w.call.Bus, user.Key)
	}
	return w.load(ctx, w.accountFollow(w.accounts[id], user.Handle))
}

func (w *world) accountFollow(acc *account.State, h bus.Handle) follow {
	return follow{
		log: profile.LogAccount, chain: chain.ID(acc.ID), tail: func() chain.Tail { return acc.Tail },
		target: func(from uint32) string { return wire.AccountTarget(h, from) },
		take:   func(ctx context.Context, e *chain.Entry) error { return w.takeAccount(ctx, acc, e) },
	}
}

func (w *world) takeAccount(ctx context.Context, acc *account.State, e *chain.Entry) error {
	if e.Account != acc.ID {
		if err := w.reachBus(ctx, e.Seen); err != nil {
			return err
		}
		if err := w.reach(ctx, e.Account, account.AdminPin(e)); err != nil {
			return err
		}
	}
	step, err := acc.Check(e, roomlog.Speakers{Facts: w})
	if err != nil {
		return served(err)
	}
	step()
	return nil
}
