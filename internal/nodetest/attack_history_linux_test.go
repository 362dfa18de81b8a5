package nodetest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// Attack: the operator hands out a room key of his own making, or one of
// another epoch, or says that it was sealed to others too. Checked: the client
// does not use it, says that the node lies, and accuses no member.
func TestAttackForgedKey(t *testing.T) {
	t.Parallel()
	o := operate(t)
	b := o.b
	ctx := nodetest.Context(t)
	alice := b.Alice(b.General)
	post(t, b.Admin, b.General, "hello")
	m := mirrorOf(t, b)
	r := m.room(b.General)
	secret := seal.NewSecret()
	own := secretFor(t, secret, alice, seal.Binding{Bus: m.c.bus, Room: r.ID, Prev: r.Epoch.Prev, Epoch: r.Epoch.Number,
		Actor: r.Epoch.Actor, Recipient: alice.Endpoint(), Serial: 1})
	key := func(change func(*wire.Key)) func(*url.URL, []byte) []byte {
		return func(at *url.URL, body []byte) []byte {
			if at.Path != wire.RoomTarget(b.General)+"/key" {
				return body
			}
			var k wire.Key
			_ = json.Unmarshal(body, &k)
			change(&k)
			out, _ := json.Marshal(k)
			return out
		}
	}
	for name, lie := range map[string]func(*url.URL, []byte) []byte{
		"a key of his own": key(func(k *wire.Key) { k.Sealed = own }),
		"a key of his own under leaves of his own": key(func(k *wire.Key) {
			for i := range k.Leaves {
				if k.Leaves[i].Endpoint == alice.Endpoint() {
					k.Leaves[i].Envelope = sha256.Sum256(own)
				}
			}
			k.Sealed = own
		}),
		"a ghost among the leaves": key(func(k *wire.Key) { k.Leaves = append(k.Leaves, wire.Leaf{Endpoint: bus.EndpointID{1}, Serial: 1}) }),
		"a leaf less":              key(func(k *wire.Key) { k.Leaves = k.Leaves[1:] }),
		"no leaves":                key(func(k *wire.Key) { k.Leaves = nil }),
		"a flipped bit":            key(func(k *wire.Key) { k.Sealed[100] ^= 1 }),
		"nothing":                  key(func(k *wire.Key) { k.Sealed = nil }),
	} {
		o.tells(lie)
		c := o.client(t, alice, false)
		if _, err := c.SendOne(ctx, b.General, textRecord("secret")); bus.KindOf(err) != bus.Integrity || bus.CodeOf(err) != "wrong_envelope" {
			t.Errorf("%s: alice sends: got %v (%s), want wrong_envelope, an error of integrity", name, err, bus.CodeOf(err))
		}
		if names := roomNames(t, c); len(names) != 1 || names[0] != "" {
			t.Errorf("%s: alice's rooms: got %q", name, names)
		}
	}
	if got := history(t, alice, b.General); len(got) != 1 {
		t.Errorf("the room holds %q", got)
	}
	if now := m.room(b.General).Epoch.Number; now != r.Epoch.Number {
		t.Errorf("the room is in epoch %d, was in %d: somebody was accused", now, r.Epoch.Number)
	}
}

func secretFor(t *testing.T, s seal.Secret, p *nodetest.Person, binding seal.Binding) []byte {
	t.Helper()
	sealed, err := s.Envelope(p.Identity.KEMs[0].Key.Public(), binding)
	must(t, err)
	return sealed
}

// retold changes the history of a room as it is asked for from an end of it, and
// keeps to that story when it is asked for a part.
func (o *operator) retold(room bus.RoomID, change func([]wire.StoredMessage) []wire.StoredMessage) func(*url.URL, []byte) []byte {
	return func(at *url.URL, body []byte) []byte {
		if at.Path != wire.RoomTarget(room)+"/messages" {
			return body
		}
		var page []wire.StoredMessage
		end, _ := wire.ReadPage(bytes.NewReader(body), func(m wire.StoredMessage) error { page = append(page, m); return nil })
		if after, _ := strconv.ParseUint(at.Query().Get("after"), 10, 64); after == 0 || o.story == nil {
			page = change(page)
			o.story = slices.Clone(page)
		} else {
			page = slices.DeleteFunc(slices.Clone(o.story), func(m wire.StoredMessage) bool { return m.Seq <= after })
		}
		var out bytes.Buffer
		for _, m := range page {
			_ = wire.WriteMessage(&out, m)
		}
		_ = wire.WritePageEnd(&out, end)
		return out.Bytes()
	}
}

// Attack: the operator changes what history holds: a bit, an order, a message
// less, one twice, one of another room, one moved to another time. Checked:
// nothing is shown that its author did not send here, nothing twice, and what
// is missing where it should stand is told.
func TestAttackForgedHistory(t *testing.T) {
	t.Parallel()
	o := operate(t)
	b := o.b
	ctx := nodetest.Context(t)
	alice := b.Alice(b.General)
	other, err := b.Admin.CreateRoom(ctx, "other", client.RoomOptions{})
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, other, bus.RoleMember, "alice")
	must(t, err)
	next, elsewhere := frames(t, b, b.Admin, b.General), frames(t, b, b.Admin, other)
	spy := tap(t, b.Admin)
	spy.open(b.General)
	for _, text := range []string{"one", "two", "three"} {
		spy.post(b.General, next(text))
	}
	foreign := elsewhere("from elsewhere")
	for name, tt := range map[string]struct {
		change func([]wire.StoredMessage) []wire.StoredMessage
		want   []string
	}{
		"a bit": {func(m []wire.StoredMessage) []wire.StoredMessage { m[1].Frame[200] ^= 1; return m },
			[]string{"admin: one", "undecryptable: bad_frame", "gap", "admin: three"}},
		"one less": {func(m []wire.StoredMessage) []wire.StoredMessage { return append(m[:1], m[2:]...) },
			[]string{"admin: one", "gap", "admin: three"}},
		"one twice": {func(m []wire.StoredMessage) []wire.StoredMessage {
			return append(m, wire.StoredMessage{Seq: m[2].Seq + 1, At: m[2].At, Frame: m[0].Frame})
		},
			[]string{"admin: one", "admin: two", "admin: three"}},
		"another room's": {func(m []wire.StoredMessage) []wire.StoredMessage {
			return append(m, wire.StoredMessage{Seq: m[2].Seq + 1, At: m[2].At, Frame: foreign})
		},
			[]string{"admin: one", "admin: two", "admin: three", "undecryptable: other_room"}},
		"another order": {func(m []wire.StoredMessage) []wire.StoredMessage {
			m[1].Frame, m[2].Frame = m[2].Frame, m[1].Frame
			return m
		},
			[]string{"admin: one", "gap", "admin: three", "behind", "admin: two"}},
		"another sender's name": {func(m []wire.StoredMessage) []wire.StoredMessage {
			id := alice.Endpoint()
			copy(m[1].Frame[46:], id[:])
			return m
		}, []string{"admin: one", "undecryptable: bad_frame", "gap", "admin: three"}},
	} {
		o.tells(o.retold(b.General, tt.change))
		var got []string
		err := o.client(t, alice, true).Read(ctx, b.General, client.ReadOptions{Limit: 10}, func(e bus.Event) error {
			got = append(got, lineOf(e))
			return nil
		})
		if err != nil || strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

// Attack: the operator hides the newest entry of a room from one member, say
// the removal of another. Checked: whoever knew of it and is believed gives him
// away, also to who never saw more: an owner, or two members who say the same
// thing. One member alone may lie: what he says is shown as doubtful, and the
// reading goes on.
func TestAttackWithheldEntry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		speakers []bus.Handle
		code     string
	}{
		"an owner":    {[]bus.Handle{"admin"}, "withheld"},
		"two members": {[]bus.Handle{"bob", "carol"}, "withheld"},
		"one member":  {[]bus.Handle{"bob", "bob"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := operate(t)
			b := o.b
			people := map[bus.Handle]*nodetest.Person{"admin": b.Admin, "alice": b.Alice(b.General), "bob": b.Bob(b.General), "carol": b.Join("carol", b.General)}
			_, err := b.Admin.SetRoomRole(nodetest.Context(t), b.General, "alice", bus.RoleOwner)
			must(t, err)
			for _, who := range tt.speakers {
				post(t, people[who], b.General, "hello")
			}
			log := roomLog(t, b, b.Admin, b.General)
			shown := log[len(log)-2].Head()
			o.tells(entries(wire.RoomLogTarget(b.General, 0), func(page *wire.Entries) {
				page.Entries, page.Head = page.Entries[:max(0, len(page.Entries)-1)], &shown
			}))
			got, err := linesOf(t, o.client(t, people["alice"], false), b.General)
			if tt.code != "" && bus.CodeOf(err) != tt.code || tt.code == "" && err != nil {
				t.Errorf("alice reads %q, %v; want %q", got, err, tt.code)
			}
			if tt.code == "" && (len(got) != len(tt.speakers) || got[0] != "undecryptable: unknown_head") {
				t.Errorf("alice reads %q, want every message shown as over an unknown head", got)
			}
		})
	}
}

// Attack: the operator names a head and does not hand over what leads to it, or
// another hash than that of what he hands over. Checked: he gives himself away,
// whoever has said something or not.
func TestAttackHeadWithoutEntries(t *testing.T) {
	t.Parallel()
	o := operate(t)
	alice := o.b.Alice(o.b.General)
	for name, tt := range map[string]struct {
		change func(*wire.Entries)
		code   string
	}{
		"the last entry is missing": {func(p *wire.Entries) { p.Entries = p.Entries[:max(0, len(p.Entries)-1)] }, "withheld"},
		"and promised for ever":     {func(p *wire.Entries) { p.Entries, p.More = p.Entries[:max(0, len(p.Entries)-1)], true }, "withheld"},
		"none is there":             {func(p *wire.Entries) { p.Entries = nil }, "withheld"},
		"another hash":              {func(p *wire.Entries) { p.Head.Hash[0] ^= 1 }, "forked"},
	} {
		o.tells(entries(wire.RoomLogTarget(o.b.General, 0), tt.change))
		if got, err := linesOf(t, o.client(t, alice, false), o.b.General); bus.CodeOf(err) != tt.code || bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: alice reads %q, %v; want %s", name, got, err, tt.code)
		}
	}
}

// linesOf reads a room's history as a client sees it.
func linesOf(t *testing.T, c *client.Client, room bus.RoomID) (lines []string, err error) {
	t.Helper()
	err = c.Read(nodetest.Context(t), room, client.ReadOptions{Limit: 10}, func(e bus.Event) error {
		lines = append(lines, lineOf(e))
		return nil
	})
	return lines, err
}

// Attack: the operator answers without end: a page that goes on and on, and
// one that says each time that there is more. Checked: the client ends it.
func TestAttackEndlessHistory(t *testing.T) {
	t.Parallel()
	o := operate(t)
	alice := o.b.Alice(o.b.General)
	ack := post(t, o.b.Admin, o.b.General, "hello")
	read := func(lie func(*url.URL, []byte) []byte, options client.ReadOptions) (n int, err error) {
		o.tells(lie)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err = o.client(t, alice, true).Read(ctx, o.b.General, options, func(bus.Event) error { n++; return nil })
		if ctx.Err() != nil {
			t.Error("the client reads for ever")
		}
		return n, err
	}
	many := o.retold(o.b.General, func(m []wire.StoredMessage) []wire.StoredMessage {
		return slices.Repeat(m[:1], 10*bus.MaxPageMessages)
	})
	if n, err := read(many, client.ReadOptions{Limit: 10}); bus.KindOf(err) != bus.Integrity {
		t.Errorf("a page without end: got %d events, %v", n, err)
	}
	more := func(at *url.URL, body []byte) []byte {
		if at.Path != wire.RoomTarget(o.b.General)+"/messages" {
			return body
		}
		var out bytes.Buffer
		_ = wire.WritePageEnd(&out, wire.PageEnd{More: true})
		return out.Bytes()
	}
	if n, err := read(more, client.ReadOptions{After: ack.Seq}); err != nil || n != 0 {
		t.Errorf("always more: got %d events, %v", n, err)
	}
}
