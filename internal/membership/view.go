package membership

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// view is every fact of the bus in memory, with the indexes that questions
// need. Only committed entries change it. It is what the chain rules rest on: it
// implements roomlog.Facts.
type view struct {
	version   uint64           // of the whole view
	now       func() time.Time // endpoints end without an entry
	log       *buslog.State
	accounts  map[bus.AccountID]*account.State
	rooms     map[bus.RoomID]*room
	holders   map[identity.TransportID]holder
	endpoints map[bus.EndpointID]bus.AccountID       // of every endpoint ever listed
	members   map[bus.AccountID]map[bus.RoomID]*room // open rooms by member
	guests    map[bus.InviteID]map[bus.RoomID]*room  // open rooms by guest
	made      map[bus.AccountID]int                  // open rooms by their maker
	written   map[bus.AccountID]int64                // bytes of entries by author
	sealed    map[bus.AccountID]int64                // bytes of envelopes by author of their epoch
	keys      map[bus.AccountID]bus.AccountID        // what a later account key would name, and whose it is
}

// holder is whose transport key it is: an endpoint's, an invite's or a device
// link's. It stays when they end, so that nobody else takes the key up.
type holder struct {
	account  bus.AccountID  // zero for an invite
	endpoint bus.EndpointID // zero for an invite and a link
	invite   *bus.InviteID
	link     *bus.InviteID
}

// room is a room log and what the node adds to it.
type room struct {
	// append is held from the check of an entry until its step: two entries
	// of one room never pass the check for the same index.
	append sync.Mutex
	// state has an epoch: a room comes with its first one in one commit, and a
	// store that holds one without it is damaged. While it is read from there, or
	// put together, there is none yet.
	state  *roomlog.State
	record RoomRecord
	maker  bus.AccountID
	tip    atomic.Pointer[tip]
	rekeys rekeys

	former map[bus.AccountID]chain.Tail // where the log ended for those who are out of it

	ended   []endedEpoch // oldest first
	emptied bool         // it is closed, and its envelopes are gone
}

// tip is wire.Tip of a room as of a version of the view: it is asked for with
// every frame and changes with an entry.
type tip struct {
	version uint64
	digest  bus.Prefix
}

func newView(now func() time.Time) *view {
	return &view{now: now,
		log: buslog.New(), accounts: map[bus.AccountID]*account.State{}, rooms: map[bus.RoomID]*room{},
		holders: map[identity.TransportID]holder{}, endpoints: map[bus.EndpointID]bus.AccountID{},
		members: map[bus.AccountID]map[bus.RoomID]*room{}, guests: map[bus.InviteID]map[bus.RoomID]*room{},
		made: map[bus.AccountID]int{}, written: map[bus.AccountID]int64{}, sealed: map[bus.AccountID]int64{},
		keys: map[bus.AccountID]bus.AccountID{},
	}
}

// Bus is the bus log.
func (v *view) Bus() *buslog.State { return v.log }

// Account is an account chain, nil when it has no entry.
func (v *view) Account(id bus.AccountID) *account.State { return v.accounts[id] }

// entry is a parsed entry and its bytes.
type entry struct {
	*chain.Entry
	raw []byte
}

// noteBus indexes an entry that the bus log took in.
func (v *view) noteBus(e entry) {
	v.written[e.Account] += int64(len(e.raw))
	if e.Op != buslog.OpInvite {
		return
	}
	inv, _ := buslog.ParseInvite(e.Body)
	if _, held := v.holders[inv.Transport]; !held {
		v.holders[inv.Transport] = holder{invite: &inv.ID}
	}
}

// place runs the step of an entry of r and brings the indexes up to date.
func (v *view) place(r *room, e entry, step func()) {
	v.unlink(r)
	last, size, before := r.state.Epoch, sealedBytes(r.state), r.state.Members()
	step()
	r.part(before)
	v.written[e.Account] += int64(len(e.raw))
	if startsEpoch(e) {
		v.sealed[e.Account] += sealedBytes(r.state)
		r.end(last, size)
	}
	v.link(r)
}

// sealedBytes is what the envelopes of the epoch in force take.
func sealedBytes(st *roomlog.State) int64 {
	if st.Create.Suite == bus.SuiteClear || st.Epoch == nil {
		return 0
	}
	return int64(len(st.Epoch.Audience)) * envelopeSize
}

// link indexes an open room under its members and guests.
func (v *view) link(r *room) {
	r.state.Name = bytes.Clone(r.state.Name) // a slice of its whole entry before
	if r.state.Closed {
		return
	}
	v.made[r.maker]++
	for _, m := range r.state.Members() {
		put(v.members, m.Account, r)
	}
	for _, g := range r.state.Guests() {
		put(v.guests, g.Invite, r)
	}
}

// unlink undoes link; a closed room is in no index.
func (v *view) unlink(r *room) {
	if r.state.Closed {
		return
	}
	v.made[r.maker]--
	for _, m := range r.state.Members() {
		delete(v.members[m.Account], r.state.ID)
	}
	for _, g := range r.state.Guests() {
		delete(v.guests[g.Invite], r.state.ID)
	}
}

func put[K comparable](index map[K]map[bus.RoomID]*room, key K, r *room) {
	if index[key] == nil {
		index[key] = map[bus.RoomID]*room{}
	}
	index[key][r.state.ID] = r
}
