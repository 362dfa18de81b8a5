package client

import (
	"bytes"
	"context"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// room is one room log as verified, with what reading old frames needs.
type room struct {
	*roomlog.State
	epochs  map[bus.Epoch]*roomlog.Epoch
	starts  map[bus.Epoch]*chain.Entry // the entries that started them, for their confirm
	changes []change
	names   []sealedName // oldest first
	kept    []keeping    // oldest first

	departed map[departed]roomlog.Departure

	handed handing                      // see Client.handOn
	capped map[bus.AccountID]time.Time  // when the node took no more keys for them
	asked  map[bus.EndpointID]time.Time // when the node was asked for what was handed on
}

// sealedName is what the room was called from an entry on.
type sealedName struct {
	epoch  bus.Epoch // that it is sealed under
	sealed []byte
}

func (n sealedName) equal(o sealedName) bool {
	return n.epoch == o.epoch && bytes.Equal(n.sealed, o.sealed)
}

// departed is somebody who left by himself, and the epoch in which he did.
type departed struct {
	epoch   bus.Epoch
	account bus.AccountID
}

// change is what one entry did, for the people who read along.
type change struct {
	entry   *chain.Entry
	hash    bus.Prefix // of the entry: every frame that is read is held to it
	epoch   bus.Epoch  // in force after it
	started bool       // by it
	added   []roomlog.Member
	invited []roomlog.Guest
	dropped []bus.AccountID
	roles   []roomlog.Member // who has another role than before, also by what is no change of roles: an heir has
	blamed  *bus.AccountID   // whose key did not open, as its author says
}

func newRoom(b bus.ID) *room {
	return &room{State: roomlog.New(b), epochs: map[bus.Epoch]*roomlog.Epoch{}, starts: map[bus.Epoch]*chain.Entry{},
		departed: map[departed]roomlog.Departure{}, asked: map[bus.EndpointID]time.Time{},
		capped: map[bus.AccountID]time.Time{}}
}

// take applies an entry that passed the rules and remembers what it changed.
func (r *room) take(e *chain.Entry, step func()) {
	before, guests, epoch := r.Members(), r.Guests(), r.Epoch
	step()
	c := change{entry: e, hash: r.Hash.Prefix()}
	if about, ok := roomlog.ComplaintOf(e); ok && about.Envelope != (bus.Hash{}) {
		c.blamed = &epoch.Author
	}
	if r.Epoch != nil {
		c.epoch = r.Epoch.Number
	}
	if r.Epoch != epoch {
		r.epochs[c.epoch], r.starts[c.epoch], c.started = r.Epoch, e, true
	}
	if n := (sealedName{r.NameEpoch, r.Name}); len(r.Name) > 0 && (len(r.names) == 0 || !n.equal(r.names[len(r.names)-1])) {
		r.names = append(r.names, n) // a complaint may name nothing
	}
	if n := len(r.kept); n == 0 || r.kept[n-1].retention != r.Retention {
		r.kept = append(r.kept, keeping{e.Time, r.Retention})
	}
	for id, d := range r.Left {
		r.departed[departed{c.epoch, id}] = d
	}
	for _, m := range r.Members() {
		switch i, was := slices.BinarySearchFunc(before, m, byAccount); {
		case !was:
			c.added = append(c.added, m)
		case before[i].Role != m.Role:
			c.roles = append(c.roles, m)
		}
	}
	for _, m := range before {
		if _, in := r.Member(m.Account); !in {
			c.dropped = append(c.dropped, m.Account)
		}
	}
	for _, g := range r.Guests() {
		if _, was := slices.BinarySearchFunc(guests, g, byInvite); !was {
			c.invited = append(c.invited, g)
		}
	}
	r.changes = append(r.changes, c)
}

// The orders in which a room lists its members and guests.
func byAccount(a, b roomlog.Member) int { return bytes.Compare(a.Account[:], b.Account[:]) }
func byInvite(a, b roomlog.Guest) int   { return bytes.Compare(a.Invite[:], b.Invite[:]) }

func (w *world) roomFollow(id bus.RoomID, r *room) follow {
	return follow{
		log: profile.LogRoom, chain: chain.ID(id),
		tail:   func() chain.Tail { return r.Tail },
		target: func(from uint32) string { return wire.RoomLogTarget(id, from) },
		take:   func(ctx context.Context, e *chain.Entry) error { return w.takeRoom(ctx, id, r, e) },
		floor:  w.floor(chain.ID(id)),
	}
}

// takeRoom verifies one entry of a room log: first it reads as far as the
// entry rests on the bus log and on account chains.
func (w *world) takeRoom(ctx context.Context, id bus.RoomID, r *room, e *chain.Entry) error {
	if e.Seen.Index >= w.bus.Len {
		if err := w.syncBus(ctx); err != nil {
			return err
		}
	}
	for _, p := range roomlog.Pins(e) {
		if err := w.reach(ctx, p.Account, p.At); err != nil {
			return err
		}
	}
	step, err := r.Check(e, w)
	if err != nil {
		return served(err)
	}
	r.take(e, step)
	if e.Index == 0 && r.ID != id {
		return errForked
	}
	return nil
}

// loadRoom returns a room as far as the profile knows it.
func (w *world) loadRoom(ctx context.Context, id bus.RoomID) (*room, error) {
	if err := w.loadBus(ctx); err != nil {
		return nil, err
	}
	if r := w.rooms[id]; r != nil {
		return r, nil
	}
	r := newRoom(w.call.Bus)
	if err := w.load(ctx, w.roomFollow(id, r)); err != nil {
		return nil, err
	}
	w.rooms[id] = r
	return r, nil
}

// syncRoom reads on everything that a room rests on: the bus log, its own log,
// and the account chains of its members.
func (w *world) syncRoom(ctx context.Context, id bus.RoomID) (*room, error) {
	r, err := w.loadRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := w.syncBus(ctx); err != nil {
		return nil, err
	}
	if err := w.fetch(ctx, w.roomFollow(id, r)); err != nil {
		return nil, err
	}
	return r, w.syncMembers(ctx, id, r)
}

// syncMembers reads on the account chains that moved.
func (w *world) syncMembers(ctx context.Context, id bus.RoomID, r *room) error {
	if w.local {
		return w.loadMembers(ctx, r)
	}
	var list wire.List[wire.Member]
	if err := w.call.Get(ctx, wire.MembersTarget(id), &list); err != nil {
		return err
	}
	for _, m := range list.Items {
		if _, in := r.Member(m.Account); !in {
			continue
		}
		if err := w.syncAccount(ctx, m.Account, m.Head.Index+1); err != nil {
			return err
		}
	}
	return nil
}

// loadMembers takes in what the profile holds of the account chains of members.
func (w *world) loadMembers(ctx context.Context, r *room) error {
	for _, m := range r.Members() {
		if w.looked[m.Account] {
			continue
		}
		if err := w.loadAccount(ctx, m.Account); err != nil {
			return err
		}
		if w.looked != nil {
			w.looked[m.Account] = true
		}
	}
	return nil
}

// tip is the digest of what this client knows of a room; see wire.Tip.
func (w *world) tip(r *room) (tip bus.Prefix, ok bool) {
	if r.Len == 0 || w.bus.Len == 0 {
		return tip, false
	}
	var heads []bus.Head
	for _, m := range r.Members() {
		acc := w.accounts[m.Account]
		if acc == nil || acc.Len == 0 {
			return tip, false
		}
		heads = append(heads, acc.Head())
	}
	return wire.Tip(w.bus.Head(), r.Head(), heads), true
}

// freshRoom returns a room as of the tip that the node told, reading on only
// when it differs from what is known.
func (w *world) freshRoom(ctx context.Context, id bus.RoomID, told bus.Prefix) (*room, error) {
	r, err := w.loadRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	if tip, ok := w.tip(r); ok && tip == told {
		return r, nil
	}
	return w.syncRoom(ctx, id)
}
