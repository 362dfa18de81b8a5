package client

import (
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// history is one story of a bus, as a node keeps it: all chains, envelopes and
// frames. The rules decide what is taken; nothing else does: this node lets
// everybody read everything, and accepts entries that rest on an old view.
type history struct {
	id       bus.ID
	order    []taken    // all entries as they were taken, to tell the story again
	chains   []chain.ID // in the order they began
	raw      map[chain.ID][][]byte
	bus      *buslog.State
	accounts map[bus.AccountID]*account.State
	rooms    map[bus.RoomID]*roomlog.State
	keys     map[keyPlace][]wire.Envelope
	frames   map[bus.RoomID][]*posted
	grants   map[bus.RoomID][]handed
}

type taken struct {
	chain chain.ID
	raw   []byte
}

type keyPlace struct {
	room  bus.RoomID
	epoch bus.Epoch
}

// posted is a frame as the node stored it, and what its sender did.
type posted struct {
	seq   uint64
	at    time.Time
	sent  time.Time // as its sender says
	raw   []byte
	text  string
	entry bus.Hash // that began the epoch it was sealed in
}

func newHistory(id bus.ID) *history {
	return &history{id: id, raw: map[chain.ID][][]byte{}, bus: buslog.New(), accounts: map[bus.AccountID]*account.State{},
		rooms: map[bus.RoomID]*roomlog.State{}, keys: map[keyPlace][]wire.Envelope{}, frames: map[bus.RoomID][]*posted{},
		grants: map[bus.RoomID][]handed{}}
}

// fork tells the same story once more, for it to go on otherwise.
func (h *history) fork() *history {
	f := newHistory(h.id)
	for _, t := range h.order {
		e, err := chain.Parse(t.raw)
		if err == nil {
			err = f.take(t.chain, e.Verified(), t.raw)
		}
		if err != nil {
			panic("a history cannot be told twice: " + err.Error())
		}
	}
	f.keys = maps.Clone(h.keys)
	for id, list := range h.frames {
		f.frames[id] = slices.Clone(list)
	}
	for id, list := range h.grants {
		f.grants[id] = slices.Clone(list)
	}
	return f
}

// offer takes an entry of a chain in when the rules allow it.
func (h *history) offer(id chain.ID, raw []byte) (*chain.Entry, error) {
	e, err := chain.Parse(raw)
	if err != nil {
		return nil, err
	}
	return e, h.take(id, e, raw)
}

func (h *history) take(id chain.ID, e *chain.Entry, raw []byte) error {
	step, err := h.check(id, e)
	if err != nil {
		return err
	}
	step()
	if len(h.raw[id]) == 0 {
		h.chains = append(h.chains, id)
	}
	h.raw[id] = append(h.raw[id], raw)
	h.order = append(h.order, taken{id, raw})
	return nil
}

// forget takes a chain of one entry, the newest of all, out again.
func (h *history) forget(id chain.ID) {
	delete(h.raw, id)
	delete(h.rooms, bus.RoomID(id))
	h.chains, h.order = h.chains[:len(h.chains)-1], h.order[:len(h.order)-1]
}

func (h *history) check(id chain.ID, e *chain.Entry) (func(), error) {
	switch {
	case id == chain.ID(h.id):
		return h.bus.Check(e, roomlog.Speakers{Facts: h})
	case h.bus.Account(bus.AccountID(id)) != nil:
		acc := h.accounts[bus.AccountID(id)]
		if acc == nil {
			acc = account.New(h.id, h.bus.Account(bus.AccountID(id)).Key)
			h.accounts[acc.ID] = acc
		}
		return acc.Check(e, roomlog.Speakers{Facts: h})
	}
	r := h.rooms[bus.RoomID(id)]
	if r == nil {
		r = roomlog.New(h.id)
		h.rooms[bus.RoomID(id)] = r
	}
	return r.Check(e, h)
}

// Bus implements roomlog.Facts.
func (h *history) Bus() *buslog.State { return h.bus }

// Account implements roomlog.Facts.
func (h *history) Account(id bus.AccountID) *account.State { return h.accounts[id] }

// lens is what one endpoint is shown of a history while somebody lies to it:
// the zero lens shows all of it, as it is.
type lens struct {
	of   *history
	most map[chain.ID]int     // shown no further than so many entries
	swap map[chain.ID]forgery // shown in place of the entry at an index, or behind the last
	key  keyLie
	tape []wire.StoredMessage // in place of the frames
	play bool                 // the tape
}

type forgery struct {
	at  int
	raw []byte
}

// keyLie is what is given for an envelope.
type keyLie int

const (
	keyTrue   keyLie = iota
	keyNone          // there is none
	keyOther         // the envelope of somebody else
	keyOld           // that of another epoch
	keyBroken        // one with a changed byte
	keyGhost         // a true one, with one more leaf beside it
	keyLies   = int(keyGhost)
)

// entries is what is shown of a chain.
func (l lens) entries(id chain.ID) [][]byte {
	shown := l.of.raw[id]
	if most, ok := l.most[id]; ok {
		shown = shown[:min(most, len(shown))]
	}
	if f, ok := l.swap[id]; ok && f.at <= len(shown) {
		changed := append(slices.Clone(shown[:f.at]), f.raw)
		if f.at < len(shown) {
			changed = append(changed, shown[f.at+1:]...)
		}
		shown = changed
	}
	return shown
}
