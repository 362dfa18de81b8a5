package membership

import (
	"context"
	"fmt"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
)

// load builds the view from the store. Every entry passes the same checks, in
// the same order, as when it was appended.
func load(ctx context.Context, store Store, now func() time.Time) (*view, error) {
	v := newView(now)
	err := store.Walk(ctx, func(en StoredEntry) error {
		if err := v.replay(en); err != nil {
			return ErrDamaged.Because(fmt.Errorf("log %d chain %x entry %d: %w", en.Log, en.Chain, en.Index, err))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := v.matchHeads(ctx, store); err != nil {
		return nil, err
	}
	return v, v.matchRooms(ctx, store)
}

// replay takes one entry in that was committed before.
func (v *view) replay(en StoredEntry) error {
	parsed, err := chain.Parse(en.Raw)
	if err != nil {
		return err
	}
	e := entry{parsed, en.Raw}
	switch en.Log {
	case LogBus:
		err = v.replayBus(e)
	case LogAccount:
		err = v.replayAccount(bus.AccountID(en.Chain), e)
	case LogRoom:
		err = v.replayRoom(bus.RoomID(en.Chain), e)
	default:
		err = chain.ErrEntry
	}
	if err == nil && (e.Index != en.Index || v.head(en.Log, en.Chain) != e.Head()) {
		err = chain.ErrLink
	}
	return err
}

func (v *view) replayBus(e entry) error {
	step, err := v.checkBus(e)
	if err != nil {
		return err
	}
	step()
	v.noteBus(e)
	return nil
}

func (v *view) replayAccount(id bus.AccountID, e entry) error {
	acc, err := v.chainOf(id)
	if err != nil {
		return err
	}
	step, err := v.checkAccount(acc, e)
	if err != nil {
		return err
	}
	step()
	v.noteAccount(acc, e)
	return nil
}

// chainOf returns the account chain of a user, empty when it has no entry yet.
func (v *view) chainOf(id bus.AccountID) (*account.State, error) {
	if acc := v.accounts[id]; acc != nil {
		return acc, nil
	}
	a := v.log.Account(id)
	if a == nil {
		return nil, errNoUser
	}
	return account.New(v.log.Tail.Bus, a.Key), nil
}

func (v *view) replayRoom(id bus.RoomID, e entry) error {
	r := v.rooms[id]
	if r == nil {
		r = &room{state: roomlog.New(v.log.Tail.Bus), maker: e.Account}
	}
	step, err := r.state.Check(e.Entry, v)
	if err != nil {
		return err
	}
	if v.rooms[id] != nil {
		v.place(r, e, step)
		return nil
	}
	step()
	v.addRoom(r, int64(len(e.raw)))
	return nil
}

// addRoom indexes a new room whose entries took so many bytes.
func (v *view) addRoom(r *room, bytes int64) {
	v.rooms[r.state.ID] = r
	v.written[r.maker] += bytes
	v.link(r)
}

// head is the newest entry of a chain; the zero Head when it has none.
func (v *view) head(log Log, id chain.ID) bus.Head {
	switch log {
	case LogBus:
		if id == v.log.Chain && v.log.Len > 0 {
			return v.log.Head()
		}
	case LogAccount:
		if acc := v.accounts[bus.AccountID(id)]; acc != nil {
			return acc.Head()
		}
	case LogRoom:
		if r := v.rooms[bus.RoomID(id)]; r != nil {
			return r.state.Head()
		}
	}
	return bus.Head{}
}

// matchHeads compares every chain with the head that was stored apart from it.
func (v *view) matchHeads(ctx context.Context, store Store) error {
	heads, err := store.Heads(ctx)
	if err != nil {
		return err
	}
	chains := len(v.accounts) + len(v.rooms)
	if v.log.Len > 0 {
		chains++
	}
	for _, h := range heads {
		if h.Head == (bus.Head{}) || v.head(h.Log, h.Chain) != h.Head {
			return ErrDamaged.Because(fmt.Errorf("log %d chain %x: head differs", h.Log, h.Chain))
		}
	}
	if len(heads) != chains {
		return ErrDamaged.Because(fmt.Errorf("%d heads of %d chains", len(heads), chains))
	}
	return nil
}

// matchRooms gives every room its record.
func (v *view) matchRooms(ctx context.Context, store Store) error {
	records, err := store.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, rec := range records {
		r := v.rooms[rec.ID]
		if r == nil || r.state.Closed != rec.Closed || r.state.Epoch == nil {
			return ErrDamaged.Because(fmt.Errorf("room %s: its record fits no log", rec.ID))
		}
		r.record = rec
	}
	if len(records) != len(v.rooms) {
		return ErrDamaged.Because(fmt.Errorf("%d records of %d rooms", len(records), len(v.rooms)))
	}
	return nil
}
