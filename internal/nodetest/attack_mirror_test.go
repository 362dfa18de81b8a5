package nodetest_test

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// mirror is the bus as its logs say, in the hands of somebody who writes
// entries of his own making. It is what the chain rules rest on.
type mirror struct {
	t        *testing.T
	c        *caller
	log      *buslog.State
	accounts map[bus.AccountID]*account.State
}

// mirrorOf reads the logs of a bus as they are now.
func mirrorOf(t *testing.T, b *nodetest.Bus) *mirror {
	t.Helper()
	m := &mirror{t: t, c: callerAs(t, b, b.Admin), log: buslog.New(), accounts: map[bus.AccountID]*account.State{}}
	for _, e := range m.entries(wire.LogTarget(0)) {
		m.reach(e.Account)
		m.take(e, func() (func(), error) { return m.log.Check(e, roomlog.Speakers{Facts: m}) })
	}
	for _, u := range m.log.Users() {
		m.reach(u.ID)
	}
	return m
}

func (m *mirror) entries(target string) (log []*chain.Entry) {
	m.t.Helper()
	var page wire.Entries
	m.c.get(target, &page)
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		must(m.t, err)
		log = append(log, e)
	}
	return log
}

func (m *mirror) take(e *chain.Entry, check func() (func(), error)) {
	m.t.Helper()
	step, err := check()
	if err != nil {
		m.t.Fatalf("entry %d: %v", e.Index, err)
	}
	step()
}

// reach reads the account chain of somebody whom the bus log knows by now.
func (m *mirror) reach(id bus.AccountID) {
	m.t.Helper()
	user := m.log.Account(id)
	if user == nil || m.accounts[id] != nil {
		return
	}
	acc := account.New(m.c.bus, user.Key)
	m.accounts[id] = acc
	for _, e := range m.entries(wire.AccountTarget(user.Handle, 0)) {
		m.take(e, func() (func(), error) { return acc.Check(e, roomlog.Speakers{Facts: m}) })
	}
}

// room reads a room log that the admin may read.
func (m *mirror) room(id bus.RoomID) *roomlog.State {
	m.t.Helper()
	r := roomlog.New(m.c.bus)
	for _, e := range m.entries(wire.RoomLogTarget(id, 0)) {
		m.take(e, func() (func(), error) { return r.Check(e, m) })
	}
	return r
}

// Bus is roomlog.Facts'.
func (m *mirror) Bus() *buslog.State { return m.log }

// Account is roomlog.Facts'.
func (m *mirror) Account(id bus.AccountID) *account.State { return m.accounts[id] }

// author is p as the author of an entry of a room log.
func (m *mirror) author(p *nodetest.Person) chain.Author {
	return chain.Author{Account: p.Identity.Account, Endpoint: p.Endpoint(), Seen: m.log.Head().Ref()}
}

// made is an epoch by hand: its entry and its envelopes.
type made struct {
	entry     *chain.Entry
	secret    seal.Secret
	envelopes []wire.Envelope
	leaves    []wire.Leaf
}

// craft is what a hostile author does to an epoch before he signs it.
type craft struct {
	name    string                                 // sealed as it is
	seal    func(roomlog.Recipient, []byte) []byte // what is put in the place of an envelope
	confirm func(bus.Hash) bus.Hash
	start   func(*roomlog.Start)
}

// add makes the entry that adds somebody to a room, as by, signed with key.
func (m *mirror) add(r *roomlog.State, who bus.AccountID, by chain.Author, key identity.SigningKey, c craft) made {
	m.t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	member := roomlog.Member{Account: who, Role: bus.RoleMember, Since: r.Len, Time: now}
	body := func(st roomlog.Start) []byte {
		return roomlog.Add{Members: []roomlog.NewMember{{Account: who, Role: bus.RoleMember}}, Start: st}.Encode()
	}
	return m.epoch(r, roomlog.OpAdd, roomlog.Change{Add: []roomlog.Member{member}}, body, by, key, c, now)
}

// rekey makes the entry that starts an epoch for the same members.
func (m *mirror) rekey(r *roomlog.State, by chain.Author, key identity.SigningKey, c craft) made {
	m.t.Helper()
	body := func(st roomlog.Start) []byte { return roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: st}.Encode() }
	return m.epoch(r, roomlog.OpRekey, roomlog.Change{}, body, by, key, c, time.Now().Truncate(time.Millisecond))
}

// complaint makes the entry by which p says that his key does not open, and starts
// an epoch for the same members.
func (m *mirror) complaint(r *roomlog.State, p *nodetest.Person, c craft) made {
	m.t.Helper()
	var k wire.Key
	as(m.c, p).get(wire.KeyTarget(r.ID, r.Epoch.Number, p.Endpoint()), &k)
	about := roomlog.Complaint{Epoch: r.Epoch.Number, Envelope: sha256.Sum256(k.Sealed)}
	body := func(st roomlog.Start) []byte {
		return roomlog.Rekey{Reason: roomlog.ReasonBroken, Complaint: about, Start: st}.Encode()
	}
	return m.epoch(r, roomlog.OpRekey, roomlog.Change{}, body, m.author(p), p.Identity.Content, c, time.Now().Truncate(time.Millisecond))
}

func (m *mirror) epoch(r *roomlog.State, op chain.Op, change roomlog.Change, body func(roomlog.Start) []byte,
	by chain.Author, key identity.SigningKey, c craft, now time.Time) made {
	m.t.Helper()
	st, to, err := r.Draft(m, change, now)
	must(m.t, err)
	out := made{secret: seal.NewSecret()}
	leaves := make([]roomlog.Leaf, len(to))
	for i, rec := range to {
		sealed, err := out.secret.Envelope(*rec.KEM, seal.Binding{Bus: m.c.bus, Room: r.ID, Prev: r.Hash, Epoch: st.Epoch,
			Actor: by.Endpoint, Recipient: rec.Endpoint, Serial: rec.Serial})
		must(m.t, err)
		if c.seal != nil {
			sealed = c.seal(rec, sealed)
		}
		leaves[i] = roomlog.Leaf{Endpoint: rec.Endpoint, Serial: rec.Serial, Envelope: sha256.Sum256(sealed)}
		out.leaves = append(out.leaves, wire.Leaf(leaves[i]))
		out.envelopes = append(out.envelopes, wire.Envelope{Endpoint: rec.Endpoint, Serial: rec.Serial, Sealed: sealed})
	}
	st.Root = roomlog.Root(r.ID, leaves)
	st.Name, err = out.secret.SealName(r.ID, st.Epoch, c.name)
	must(m.t, err)
	if c.start != nil {
		c.start(&st)
	}
	out.entry = r.Tail.New(op, body(st), by, now)
	st.Confirm = out.secret.Confirm(roomlog.ConfirmInput(out.entry))
	if c.confirm != nil {
		st.Confirm = c.confirm(st.Confirm)
	}
	out.entry.Body = body(st)
	out.entry.Sign(identity.ContextRoom, key)
	return out
}

// newRoom makes a room with one epoch by hand, and has the node take it.
func (m *mirror) newRoom(p *nodetest.Person, c craft) *roomlog.State {
	m.t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	create := roomlog.Create{Suite: bus.SuiteSealed, Persist: true, Recovery: true, History: bus.HistoryJoin,
		Retention: bus.DefaultRetention, Owner: m.accounts[p.Identity.Account].Head().Ref(), Random: [16]byte(p.Endpoint())}
	r := roomlog.New(m.c.bus)
	first := r.Tail.New(roomlog.OpCreate, create.Encode(), m.author(p), now).Sign(identity.ContextRoom, p.Identity.Content)
	m.take(first, func() (func(), error) { return r.Check(first, m) })
	start := m.rekey(r, m.author(p), p.Identity.Content, c)
	body := toJSON(m.t, wire.NewRoom{Create: first.Encode(), Start: start.entry.Encode(), Envelopes: start.envelopes})
	if got := as(m.c, p).ask(http.MethodPost, wire.TargetRooms, body); got.status != http.StatusOK {
		m.t.Fatalf("make a room: got %d %s", got.status, got.body)
	}
	m.take(start.entry, func() (func(), error) { return r.Check(start.entry, m) })
	return r
}

// append has the node take an epoch.
func (m *mirror) append(p *nodetest.Person, r *roomlog.State, e made) {
	m.t.Helper()
	body := toJSON(m.t, wire.Append{Entry: e.entry.Encode(), Envelopes: e.envelopes})
	if got := as(m.c, p).ask(http.MethodPost, wire.RoomAppendTarget(r.ID), body); got.status != http.StatusOK {
		m.t.Fatalf("append: got %d %s", got.status, got.body)
	}
	m.take(e.entry, func() (func(), error) { return r.Check(e.entry, m) })
}

// as is the same caller with the key of p.
func as(c *caller, p *nodetest.Person) *caller {
	other := *c
	other.key = p.Identity.Transport
	return &other
}

// instead puts garbage in the place of the envelope of one endpoint.
func instead(victim bus.EndpointID) func(roomlog.Recipient, []byte) []byte {
	return func(r roomlog.Recipient, sealed []byte) []byte {
		if r.Endpoint == victim {
			return bytes.Repeat([]byte{1}, len(sealed))
		}
		return sealed
	}
}
