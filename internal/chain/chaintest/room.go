package chaintest

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// Room is a room with the entries it was built of.
type Room struct {
	State *roomlog.State
	Log   []*chain.Entry

	w *World
}

// Tweak changes what an epoch-starting entry says before it is signed, to
// write what the rules must refuse.
type Tweak func(*roomlog.Start)

// Room makes a room and its first epoch. The options change what is fixed at
// creation: encrypted, kept, with recovery endpoints.
func (w *World) Room(owner *Device, options ...func(*roomlog.Create)) *Room {
	w.tb.Helper()
	r := w.EmptyRoom()
	r.Must(r.CreateEntry(owner, options...))
	r.Must(r.Rekey(owner, roomlog.ReasonAsked))
	return r
}

// EmptyRoom is a room without entries.
func (w *World) EmptyRoom() *Room {
	r := &Room{State: roomlog.New(w.state.Bus), w: w}
	w.rooms = append(w.rooms, r)
	return r
}

// CreateEntry is the entry that a room begins with.
func (r *Room) CreateEntry(owner *Device, options ...func(*roomlog.Create)) *chain.Entry {
	seed := r.w.seed()
	c := roomlog.Create{Suite: bus.SuiteSealed, Persist: true, Recovery: true, History: bus.HistoryJoin,
		Retention: bus.DefaultRetention, Owner: owner.Owner.Head(), Random: [16]byte(seed[:16])}
	for _, o := range options {
		o(&c)
	}
	return r.Entry(owner, roomlog.OpCreate, c.Encode())
}

// Entry is the next entry of the room, signed by one device alone.
func (r *Room) Entry(by *Device, op chain.Op, body []byte) *chain.Entry {
	return r.Unsigned(by, op, body).Sign(identity.ContextRoom, by.Content)
}

// Unsigned is Entry before it is signed.
func (r *Room) Unsigned(by *Device, op chain.Op, body []byte) *chain.Entry {
	author := chain.Author{Account: by.Owner.ID(), Endpoint: by.ID(), Seen: r.w.state.Head().Ref()}
	return r.State.New(op, body, author, r.w.Now)
}

// Start drafts an epoch for a change and fills in placeholders for what only a
// sealing client knows: root, name and confirm.
func (r *Room) Start(c roomlog.Change, tweaks ...Tweak) roomlog.Start {
	r.w.tb.Helper()
	st, to, err := r.State.Draft(r.w, c, r.w.Now)
	r.w.must(err)
	st.Root = roomlog.Root(r.State.ID, Leaves(to))
	st.Name = []byte("name")
	st.Confirm = sha256.Sum256(st.Root[:])
	for _, t := range tweaks {
		t(&st)
	}
	return st
}

// Envelope is a placeholder of the right size for what is sealed to r.
func Envelope(r roomlog.Recipient) []byte {
	return append(bytes.Repeat([]byte{byte(r.Serial)}, 32+identity.KEMOverhead-len(r.Endpoint)), r.Endpoint[:]...)
}

// Leaves are those of the placeholder envelopes.
func Leaves(to []roomlog.Recipient) []roomlog.Leaf {
	leaves := make([]roomlog.Leaf, len(to))
	for i, r := range to {
		leaves[i] = roomlog.Leaf{Endpoint: r.Endpoint, Serial: r.Serial, Envelope: sha256.Sum256(Envelope(r))}
	}
	return leaves
}

// Rekey is an entry that starts an epoch for the same members.
func (r *Room) Rekey(by *Device, why roomlog.Reason, tweaks ...Tweak) *chain.Entry {
	r.w.tb.Helper()
	return r.Entry(by, roomlog.OpRekey, roomlog.Rekey{Reason: why, Start: r.Start(roomlog.Change{}, tweaks...)}.Encode())
}

// AddEntry is an entry that adds members and guests.
func (r *Room) AddEntry(
	by *Device, members []roomlog.NewMember, guests []roomlog.NewGuest, tweaks ...Tweak,
) *chain.Entry {
	r.w.tb.Helper()
	var c roomlog.Change
	for _, m := range members {
		c.Add = append(c.Add, roomlog.Member{Account: m.Account, Role: m.Role, Since: r.State.Len})
	}
	for _, g := range guests {
		c.Invite = append(c.Invite, roomlog.Guest{Invite: g.Invite, Role: g.Role, Since: r.State.Len})
	}
	return r.Entry(by, roomlog.OpAdd, roomlog.Add{Members: members, Guests: guests, Start: r.Start(c, tweaks...)}.Encode())
}

// Add adds people with a role.
func (r *Room) Add(by *Device, role bus.RoomRole, people ...*Person) {
	r.w.tb.Helper()
	var members []roomlog.NewMember
	for _, p := range people {
		members = append(members, roomlog.NewMember{Account: p.ID(), Role: role})
	}
	r.Must(r.AddEntry(by, members, nil))
}

// Guest adds the guest of an invite.
func (r *Room) Guest(by *Device, role bus.RoomRole, inv *Invited) {
	r.w.tb.Helper()
	r.Must(r.AddEntry(by, nil, []roomlog.NewGuest{{Invite: inv.ID, Role: role}}))
}

// RemoveEntry is an entry that removes members and guests.
func (r *Room) RemoveEntry(by *Device, members []bus.AccountID, guests []bus.InviteID, tweaks ...Tweak) *chain.Entry {
	r.w.tb.Helper()
	st := r.Start(roomlog.Change{Drop: members, Uninvite: guests}, tweaks...)
	return r.Entry(by, roomlog.OpRemove, roomlog.Remove{Members: members, Guests: guests, Start: st}.Encode())
}

// Remove removes people.
func (r *Room) Remove(by *Device, people ...*Person) {
	r.w.tb.Helper()
	var ids []bus.AccountID
	for _, p := range people {
		ids = append(ids, p.ID())
	}
	r.Must(r.RemoveEntry(by, ids, nil))
}

// AcceptEntry is the entry by which a device of the account that took an
// invite up takes the place of its guest.
func (r *Room) AcceptEntry(by *Device, inv *Invited, tweaks ...Tweak) *chain.Entry {
	r.w.tb.Helper()
	g, _ := r.State.Guest(inv.ID)
	joined := roomlog.Member{Account: by.Owner.ID(), Role: max(g.Role, bus.RoleReader), Since: r.State.Len}
	st := r.Start(roomlog.Change{Add: []roomlog.Member{joined}, Uninvite: []bus.InviteID{inv.ID}}, tweaks...)
	body := roomlog.Accept{Invite: inv.ID, Start: st}.Encode()
	return r.Unsigned(by, roomlog.OpAccept, body).Sign(identity.ContextRoom, inv.Keys.Content, by.Content)
}

// RoleEntry is an entry that changes a member's role.
func (r *Room) RoleEntry(by *Device, who *Person, role bus.RoomRole) *chain.Entry {
	return r.Entry(by, roomlog.OpRole, roomlog.SetRole{Account: who.ID(), Role: role}.Encode())
}

// PolicyEntry is an entry that changes name and retention.
func (r *Room) PolicyEntry(by *Device, retention time.Duration, name string) *chain.Entry {
	return r.Entry(by, roomlog.OpPolicy, roomlog.SetPolicy{Retention: retention, Name: []byte(name)}.Encode())
}

// CloseEntry is the entry that ends a room.
func (r *Room) CloseEntry(by *Device) *chain.Entry { return r.Entry(by, roomlog.OpClose, nil) }

// LeaveEntry is an entry by which a member leaves; heir may be nil.
func (r *Room) LeaveEntry(by *Device, heir *Person) *chain.Entry {
	var l roomlog.Leave
	if heir != nil {
		l.Successor = heir.ID()
	}
	return r.Entry(by, roomlog.OpLeave, l.Encode())
}

// Take offers an entry to the room.
func (r *Room) Take(e *chain.Entry) error {
	r.w.tb.Helper()
	e = r.w.wire(e)
	step, err := r.State.Check(e, r.w)
	if err != nil {
		return err
	}
	step()
	r.Log = append(r.Log, e)
	return nil
}

// Must takes an entry that the rules must allow.
func (r *Room) Must(e *chain.Entry) {
	r.w.tb.Helper()
	r.w.must(r.Take(e))
}

// Has reports whether an endpoint is in the audience of the epoch in force.
func (r *Room) Has(id bus.EndpointID) bool {
	return slices.ContainsFunc(r.State.Epoch.Audience, func(a roomlog.Recipient) bool { return a.Endpoint == id })
}
