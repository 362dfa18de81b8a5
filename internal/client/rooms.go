package client

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// RoomRef is a room that this endpoint is in, with the name that only its
// members know.
type RoomRef struct {
	wire.Room
	Name string
	With bus.Handle // the other person of a room of two, as the verified logs say

	Double bool // another room of the same two has a lower id: that one counts

	// Err is why no more is known of it than before: what the node shows of it does
	// not hold. Nil: nothing is wrong.
	Err error
}

// roomRefs lists the rooms as the node tells them.
func (c *Client) roomRefs(ctx context.Context) ([]wire.Room, error) {
	var list wire.List[wire.Room]
	return list.Items, c.call.Get(ctx, wire.MyRoomsTarget(c.id.Endpoint()), &list)
}

// ListMyRooms lists the rooms of this endpoint by id, each with its name. A
// room whose key is not here has an empty one. A room of which the node shows what
// does not hold says so, and hides no other one; see RoomRef.Err.
func (c *Client) ListMyRooms(ctx context.Context) ([]RoomRef, error) {
	marks, err := c.store.Cursors(ctx, "") // before the node says how far its rooms go
	if err != nil {
		return nil, err
	}
	refs, err := c.roomRefs(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.cutMarks(ctx, refs, marks); err != nil {
		return nil, err
	}
	names, err := c.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]RoomRef, len(refs))
	for i, ref := range refs {
		called, err := c.nameOf(ctx, ref, names)
		if err != nil && !c.ofRoomAlone(ctx, err) {
			return nil, err
		}
		out[i] = RoomRef{Room: ref, Name: called.Name, With: called.Direct, Err: err}
	}
	markDoubles(out)
	return out, nil
}

// markDoubles tells rooms of two that count from those that were made at once.
func markDoubles(rooms []RoomRef) {
	counts := map[bus.Handle]bus.RoomID{}
	for _, r := range rooms {
		if first, known := counts[r.With]; !known || r.ID.Compare(first) < 0 {
			counts[r.With] = r.ID
		}
	}
	for i, r := range rooms {
		rooms[i].Double = r.With != "" && counts[r.With] != r.ID
	}
}

// nameOf finds a room's name in the profile, or reads the room's log on. With an
// error comes the name that was known before.
func (c *Client) nameOf(ctx context.Context, ref wire.Room, known []profile.RoomName) (called profile.RoomName, err error) {
	if i := slices.IndexFunc(known, func(n profile.RoomName) bool { return n.Room == ref.ID }); i >= 0 {
		called = known[i]
	}
	if called.Room == ref.ID && called.Epoch >= ref.Epoch && called.Out == nil {
		return called, nil
	}
	now, err := c.learnName(ctx, ref.ID)
	if err != nil {
		return called, err
	}
	return now, nil
}

// ofRoomAlone reports whether an error says of one room that what the node shows of
// it does not hold, and the bus log, on which all rooms rest, does.
func (c *Client) ofRoomAlone(ctx context.Context, err error) bool {
	if !ofOneRoom(err) {
		return false
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.world.syncBus(ctx) == nil
}

// learnName reads a room's log on. A room whose key or name does not open has
// none: anybody can put others into such a room, and must not keep them from
// their own.
func (c *Client) learnName(ctx context.Context, id bus.RoomID) (profile.RoomName, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return profile.RoomName{}, err
	}
	called, err := c.keepName(ctx, r)
	if bus.KindOf(err) == bus.Integrity {
		err = nil
	}
	if called.Name == "" && err == nil {
		err = c.inAgain(ctx, id)
	}
	return called, err
}

// inAgain forgets that this user was out of a room whose name is not known again yet.
func (c *Client) inAgain(ctx context.Context, id bus.RoomID) error {
	known, err := c.store.Room(ctx, id)
	if err != nil || known.Out == nil {
		return err
	}
	known.Out = nil
	return c.store.PutRoom(ctx, known)
}

// keepName remembers a room's name, so that the next command need not open it.
func (c *Client) keepName(ctx context.Context, r *room) (called profile.RoomName, err error) {
	called = profile.RoomName{Room: r.ID, Epoch: r.Epoch.Number}
	called.Name, err = c.world.name(ctx, r, c.reader())
	called.Direct = c.partner(r, called.Name)
	if err != nil || called.Name == "" {
		return called, err
	}
	return called, c.store.PutRoom(ctx, called)
}

func (c *Client) rememberName(ctx context.Context, id bus.RoomID) error {
	_, err := c.learnName(ctx, id)
	return err
}

// partner is the other person of a room of two. The room with oneself is one that
// one made under the name for it: what somebody else made and left is none.
func (c *Client) partner(r *room, name string) bus.Handle {
	if !r.Create.Direct {
		return ""
	}
	for _, m := range r.Members() {
		if a := c.world.bus.Account(m.Account); m.Account != c.id.Account && a != nil {
			return a.Handle
		}
	}
	if me := c.id.Handle; r.changes[0].entry.Account == c.id.Account && name == directName(me, me) {
		return me
	}
	return ""
}

// FindRoom resolves what a person typed: "ops", "#ops", "@bob" for the room of
// two, a room's id, or a unique beginning of it. The profile answers first,
// then the node; about a room of two the node alone, since the other may have
// made one at the same time.
func (c *Client) FindRoom(ctx context.Context, text string) (bus.RoomID, error) {
	if strings.HasPrefix(text, "@") {
		return c.FindRoomNow(ctx, text)
	}
	known, err := c.store.Rooms(ctx)
	if err != nil {
		return bus.RoomID{}, err
	}
	if id, err := pick(text, known); err == nil {
		return id, nil
	}
	return c.FindRoomNow(ctx, text)
}

// FindRoomHere is FindRoom without the node.
func (c *Client) FindRoomHere(ctx context.Context, text string) (bus.RoomID, error) {
	known, err := c.store.Rooms(ctx)
	if err != nil {
		return bus.RoomID{}, err
	}
	return pick(text, known)
}

// RoomNames is what the rooms are called that the profile knows, a room of two
// after the other person: "@bob".
func (c *Client) RoomNames(ctx context.Context) (map[bus.RoomID]string, error) {
	known, err := c.store.Rooms(ctx)
	names := map[bus.RoomID]string{}
	for _, r := range known {
		if names[r.Room] = r.Name; r.Direct != "" {
			names[r.Room] = "@" + string(r.Direct)
		}
	}
	return names, err
}

// FindRoomNow is FindRoom among the rooms that the node names: what the profile
// remembers may be gone, and another room have its name.
func (c *Client) FindRoomNow(ctx context.Context, text string) (bus.RoomID, error) {
	refs, err := c.ListMyRooms(ctx)
	if err != nil {
		return bus.RoomID{}, err
	}
	var known []profile.RoomName
	waiting := 0
	for _, ref := range refs {
		known = append(known, profile.RoomName{Room: ref.ID, Name: ref.Name, Direct: ref.With})
		if ref.Name == "" {
			waiting++
		}
	}
	id, err := pick(text, known)
	broken := Unknown(refs)
	switch h, other := c.revokedUser(ctx, text); {
	case err == nil:
		i := slices.IndexFunc(refs, func(r RoomRef) bool { return r.ID == id })
		return id, refs[i].Err
	case bus.KindOf(err) != bus.NotFound:
	case broken != nil: // it may be the one, and none is made in its place
		err = broken
	case other:
		err = errUserRevoked(h)
	case waiting == 1:
		err = errWaits(err, text, "one has", "it opens")
	case waiting > 1:
		err = errWaits(err, text, strconv.Itoa(waiting)+" have", "they open")
	}
	return id, err
}

// Unknown is why one of rooms has no name here although its key may be: what the node
// shows of it does not hold. Nil where there is none such.
func Unknown(rooms []RoomRef) error {
	for _, r := range rooms {
		if r.Err != nil && r.Name == "" {
			return r.Err
		}
	}
	return nil
}

func errWaits(err error, text, have, open string) error {
	return bus.Errorf(bus.NotFound, bus.CodeOf(err), "none of your rooms is known here as %q, and %s no key on this device yet", text, have).
		WithHint("%s with the next message of another device or member", open)
}

// revokedUser reports whether "@eva" means somebody who was revoked, as far as is
// known here.
func (c *Client) revokedUser(ctx context.Context, text string) (h bus.Handle, revoked bool) {
	h, err := bus.ParseHandle(text)
	if err != nil || !strings.HasPrefix(text, "@") {
		return h, false
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if c.world.loadBus(ctx) != nil {
		return h, false
	}
	a := c.world.bus.User(h)
	return h, a != nil && a.Revoked
}

// minPrefix is the shortest beginning of an id that stands for it.
const minPrefix = 4

func pick(text string, rooms []profile.RoomName) (id bus.RoomID, err error) {
	if strings.HasPrefix(text, "@") {
		return pickDirect(text, rooms)
	}
	word := strings.TrimPrefix(text, "#")
	if id, err := bus.ParseRoomID(word); err == nil { // never a name, which anybody may choose
		rooms = slices.DeleteFunc(slices.Clone(rooms), func(r profile.RoomName) bool { return r.Room != id })
	}
	var found []bus.RoomID
	for _, r := range rooms {
		if r.Name == word && word != "" && r.Out == nil || len(word) >= minPrefix && strings.HasPrefix(r.Room.String(), word) {
			found = append(found, r.Room)
		}
	}
	switch len(found) {
	case 0:
		return id, bus.Errorf(bus.NotFound, "no_room", "you are in no room called %q", word).WithHint("see: unibus room list")
	case 1:
		return found[0], nil
	}
	return id, bus.Errorf(bus.Conflict, "ambiguous_room", "%d rooms are called %q", len(found), word).
		WithHint("use the id: unibus room list")
}

// pickDirect finds the room of two. When both made one at once, the lower id
// counts for both.
func pickDirect(text string, rooms []profile.RoomName) (id bus.RoomID, err error) {
	h, err := bus.ParseHandle(text)
	if err != nil {
		return id, err
	}
	found := false
	for _, r := range rooms {
		if r.Direct == h && r.Out == nil && (!found || r.Room.Compare(id) < 0) {
			id, found = r.Room, true
		}
	}
	if !found {
		return id, bus.Errorf(bus.NotFound, "no_room", "there is no room of only you and %s", h).
			WithHint("a first message makes it: unibus send @%s TEXT", h)
	}
	return id, nil
}

// Unread counts what others said after a room's mark, as far as one page of frames
// reaches; more says that there is more behind it. 0 where nothing was marked.
func (c *Client) Unread(ctx context.Context, r RoomRef) (n uint64, more bool, err error) {
	mark, err := c.Mark(ctx, r.ID)
	if err != nil || mark == 0 || r.Last <= mark {
		return 0, false, err
	}
	open := c.newOpener(r.ID) // which keeps nothing: who counts has read nothing
	end, err := c.page(ctx, wire.MessagesAfter(r.ID, mark, bus.MaxPageMessages), func(m wire.StoredMessage) error {
		events, err := open.open(ctx, m)
		for _, e := range events {
			if msg := e.Brings(); msg != nil && msg.Counts(c.id.Handle) {
				n++
			}
		}
		return err
	})
	if c.ofRoomAlone(ctx, err) { // it is told of by who reads there
		err = nil
	}
	return n, end.More, err
}

// RoomOptions is what the creation of a room fixes.
type RoomOptions struct {
	Clear      bool
	NoPersist  bool
	NoRecovery bool
	Direct     bool
	History    bus.History
	Retention  time.Duration
}

// CreateRoom makes a room with this user as its owner and only member.
func (c *Client) CreateRoom(ctx context.Context, name string, o RoomOptions) (bus.RoomID, error) {
	if err := checkName(name); err != nil {
		return bus.RoomID{}, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.syncOwn(ctx); err != nil {
		return bus.RoomID{}, err
	}
	r, create, err := c.createEntry(o)
	if err != nil {
		return bus.RoomID{}, err
	}
	st := step{op: roomlog.OpRekey, body: func(start roomlog.Start) []byte {
		return roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: start}.Encode()
	}}
	made, err := c.makeEpoch(r, st, name, roomlog.Closing{})
	if err != nil {
		return bus.RoomID{}, err
	}
	body := wire.NewRoom{Create: create.Encode(), Start: made.entry.Encode(), Envelopes: made.envelopes}
	if err := c.call.Post(ctx, wire.TargetRooms, body, nil); err != nil {
		return bus.RoomID{}, err
	}
	if err := c.store.Append(ctx, profile.LogRoom, chain.ID(r.ID), 0, [][]byte{create.Encode()}); err != nil {
		return bus.RoomID{}, err
	}
	c.world.rooms[r.ID] = r
	if err := c.keepEpoch(ctx, r, made); err != nil {
		return bus.RoomID{}, err
	}
	_, err = c.keepName(ctx, r)
	return r.ID, err
}

func (c *Client) createEntry(o RoomOptions) (*room, *chain.Entry, error) {
	body := roomlog.Create{Suite: bus.SuiteSealed, Persist: !o.NoPersist, Recovery: !o.NoRecovery, Direct: o.Direct,
		History: max(o.History, bus.HistoryJoin), Retention: o.Retention, Owner: c.world.accounts[c.id.Account].Head().Ref()}
	if o.Clear {
		body.Suite = bus.SuiteClear
	}
	if body.Retention == 0 {
		body.Retention = bus.DefaultRetention
	}
	_, _ = rand.Read(body.Random[:])
	by := c.author()
	by.Seen = c.world.bus.Head().Ref()
	r := newRoom(c.call.Bus)
	e := r.Tail.New(roomlog.OpCreate, body.Encode(), by, c.now()).Sign(identity.ContextRoom, c.id.Content)
	step, err := r.Check(e, c.world)
	if err != nil {
		return nil, nil, err
	}
	r.take(e, step)
	return r, e, nil
}

// checkName keeps names to what can be typed, shown and sealed.
func checkName(name string) error {
	bad := name == "" || len(name) > bus.MaxRoomName || strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c == '#' || c == '@' || c == 0x7f || c >= 0x80 && c < 0xa0
	})
	if bad {
		return bus.Errorf(bus.Invalid, "bad_room_name", "%.40q is not a room name: use 1 to %d bytes without spaces, # or @",
			name, bus.MaxRoomName)
	}
	return nil
}

// Member is a member of a room as the verified logs know him.
type Member struct {
	User    bus.Handle
	Account bus.AccountID
	Role    string
	Trust   bus.Trust
	Since   time.Time
	Invited bool
}

// Members lists the members and open invites of a room, by name.
func (c *Client) Members(ctx context.Context, id bus.RoomID) ([]Member, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.members(r), nil
}

// members is called with the world locked.
func (c *Client) members(r *room) (out []Member) {
	for _, m := range r.Members() {
		out = append(out, Member{User: c.world.handle(m.Account), Account: m.Account, Role: m.Role.String(),
			Trust: c.world.trust(m.Account), Since: m.Time})
	}
	for _, g := range r.Guests() {
		inv := c.world.bus.Invite(g.Invite)
		out = append(out, Member{User: inv.Handle, Role: g.Role.String(), Trust: bus.TrustUnverified, Since: g.Time, Invited: true})
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(string(a.User), string(b.User)) })
	return out
}

func (w *world) handle(id bus.AccountID) bus.Handle {
	if a := w.bus.Account(id); a != nil {
		return a.Handle
	}
	return "unknown"
}
