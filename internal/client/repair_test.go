package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// sends has a device do what comes before a message, with one waiting.
func (m *model) sends(d *device, id bus.RoomID) (*outbox, error) {
	box := m.box(d, id)
	box.waiting = []letter{{record: seal.Record{Kind: seal.KindText}}}
	m.intents = nil
	return box, box.refresh(m.ctx)
}

// epochLines is what a follower of a room is told of new keys.
func (m *model) epochLines(d *device, id bus.RoomID) (out []bus.EpochEvent) {
	f := d.newFollower(id, 0, nil)
	m.must(d.refresh(m.ctx, id))
	for _, e := range f.newChanges() {
		if e.Epoch != nil {
			out = append(out, *e.Epoch)
		}
	}
	return out
}

func (m *model) noFaults(t *testing.T) {
	t.Helper()
	for _, f := range m.faults {
		t.Error(f)
	}
}

// Who was given something else than the key of an epoch says so and goes on, and
// everybody sees whose key it was.
func TestComplaint(t *testing.T) {
	t.Parallel()
	for how, name := range []string{"noise", "another's envelope", "another secret"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t.Context(), 1, nothing)
			id, crook, victim, third := m.roomIDs[0], m.devices[1], m.devices[2], m.devices[0]
			m.crooked(crook, id, crookedness(how))
			bad := bus.Epoch(len(m.branches[0].table.rooms[id].epochs))
			box, err := m.sends(victim, id)
			if err != nil || box.epoch != bad+1 {
				t.Fatalf("%s goes on in epoch %d, %v; want %d", victim.name, box.epoch, err, bad+1)
			}
			if other, err := m.sends(third, id); err != nil || other.epoch != bad+1 {
				t.Errorf("%s follows in epoch %d, %v; want %d", third.name, other.epoch, err, bad+1)
			}
			if m.done["complaint"] != 1 {
				t.Errorf("there were %d complaints, want 1", m.done["complaint"])
			}
			lines := m.epochLines(m.devices[0], id)
			got := lines[len(lines)-1]
			if got.Epoch != bad+1 || got.By != victim.owner.name || got.BadKeyBy != crook.owner.name {
				t.Errorf("others are told %+v, want that the key of %s did not open for %s", got, crook.owner.name, victim.owner.name)
			}
			for _, line := range lines[:len(lines)-1] {
				if line.BadKeyBy != "" {
					t.Errorf("epoch %d accuses %s", line.Epoch, line.BadKeyBy)
				}
			}
			m.noFaults(t)
		})
	}
}

// A node that gives another envelope than the author made is told so, whatever it
// does: no person is accused, and nothing is sent.
func TestSwappedEnvelopeAccusesNobody(t *testing.T) {
	t.Parallel()
	for lie, code := range map[keyLie]string{keyNone: "no_key", keyOther: "wrong_envelope", keyOld: "wrong_envelope",
		keyBroken: "wrong_envelope", keyGhost: "wrong_envelope"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			m := newModel(t.Context(), 1, nothing)
			id, author, d := m.roomIDs[0], m.devices[1], m.devices[2]
			m.intents = []intent{{op: roomlog.OpRekey}}
			m.must(author.Rekey(t.Context(), id))
			d.lens.key = lie
			_, err := m.sends(d, id)
			if bus.KindOf(err) != bus.Integrity || bus.CodeOf(err) != code {
				t.Errorf("lie %d: got %v (%s), want %s", lie, err, bus.CodeOf(err), code)
			}
			if err != nil && strings.Contains(err.Error(), string(author.owner.name)) {
				t.Errorf("lie %d: %q accuses %s", lie, err, author.owner.name)
			}
			if m.done["complaint"] > 0 {
				t.Errorf("lie %d: %s complained", lie, d.name)
			}
			d.lens.key = keyTrue
			if box, err := m.sends(d, id); err != nil || box.sender == nil {
				t.Errorf("once the node gives the true one: %v", err)
			}
			m.noFaults(t)
		})
	}
}

// What does not open names the one who made it, in words, when a new one is
// refused for now.
func TestRefusedComplaint(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, crook, victim := m.roomIDs[0], m.devices[1], m.devices[2]
	m.crooked(crook, id, crookedNoise)
	tries := 0
	m.deny = func() error { tries++; return call.ErrRekeyOften }
	for range 3 {
		_, err := m.sends(victim, id)
		if want := "the room key that " + string(crook.owner.name) + " made does not open here"; !strings.Contains(err.Error(), want) || !call.Retryable(err) {
			t.Errorf("got %v, want %q, to be tried again", err, want)
		}
	}
	idle := &outbox{c: victim.Client, id: id}
	if err := idle.refresh(t.Context()); err != nil || idle.sender != nil {
		t.Errorf("with nothing to send: %v; want to wait for a key", err)
	}
	if tries != 1 {
		t.Errorf("complained %d times at once, want once", tries)
	}
	for i, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		m.now = m.now.Add(wait - time.Second)
		_, _ = m.sends(victim, id)
		if tries != 1+i {
			t.Errorf("complained %d times before %v were over, want %d", tries, wait, 1+i)
		}
		m.now = m.now.Add(time.Second)
		_, _ = m.sends(victim, id)
	}
	m.deny = nil
	m.now = m.now.Add(time.Hour)
	if box, err := m.sends(victim, id); err != nil || box.sender == nil {
		t.Errorf("once it is taken: %v", err)
	}
	m.noFaults(t)
}

// What keeps an epoch from being begun ends nobody's reading: a room has no place for
// one more device.
func TestRefusedRekeys(t *testing.T) {
	t.Parallel()
	for kind, want := range map[bus.Kind]bool{bus.Limited: true, bus.Forbidden: true, bus.TooLarge: true, bus.Integrity: false, bus.Failed: false} {
		if refusedRekey(bus.Errorf(kind, "x", "x")) != want {
			t.Errorf("%v goes on: %v", kind, !want)
		}
	}
}

// addBadly has a device add somebody to a room, whose envelope alone holds nothing.
func (m *model) addBadly(ctx context.Context, d *device, id bus.RoomID, who *human) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	r, err := d.world.syncRoom(ctx, id)
	m.must(err)
	m.must(d.world.syncAccount(ctx, who.account, 1))
	change := roomlog.Change{Add: []roomlog.Member{{Account: who.account, Role: bus.RoleMember, Since: r.Len, Time: m.now}}}
	start, to, err := r.Draft(d.world, change, m.now)
	m.must(err)
	made := &madeEpoch{secret: seal.NewSecret(), epoch: start.Epoch}
	m.must(d.sealTo(made, r, start.Epoch, to))
	leaves := make([]roomlog.Leaf, len(to))
	for i, rec := range to {
		if rec.Account == who.account {
			made.envelopes[i].Sealed = bytes.Repeat([]byte{1}, len(made.envelopes[i].Sealed))
		}
		leaves[i] = roomlog.Leaf{Endpoint: rec.Endpoint, Serial: rec.Serial, Envelope: sha256.Sum256(made.envelopes[i].Sealed)}
	}
	start.Root = roomlog.Root(id, leaves)
	start.Name, err = made.secret.SealName(id, start.Epoch, "room")
	m.must(err)
	by := d.author()
	by.Seen = d.world.bus.Head().Ref()
	body := roomlog.Add{Members: []roomlog.NewMember{{Account: who.account, Role: bus.RoleMember}}, Start: start}
	e := r.Tail.New(roomlog.OpAdd, body.Encode(), by, m.now)
	body.Start.Confirm = made.secret.Confirm(roomlog.ConfirmInput(e))
	e.Body = body.Encode()
	e.Sign(identity.ContextRoom, d.file.Content)
	_, err = d.at.history.offer(chain.ID(id), e.Encode())
	m.must(err)
	d.at.history.keys[keyPlace{id, start.Epoch}] = made.envelopes
}

// newcomer is somebody who alone was given no key when he was let into a room, and
// has made one without a name since.
type newcomer struct {
	*model
	id                  bus.RoomID
	owner, victim, crew *device
	epoch               bus.Epoch // his
}

func newNewcomer(t *testing.T) *newcomer {
	m := newModel(t.Context(), 1, nothing)
	n := &newcomer{model: m, owner: m.devices[0], crew: m.devices[1], victim: m.devices[2]}
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.createRoom(n.owner)
	n.id = m.roomIDs[1]
	m.addBadly(t.Context(), n.owner, n.id, n.crew.owner) // it happens to be honest about everybody else
	m.addBadly(t.Context(), n.owner, n.id, n.victim.owner)
	m.branches[0].table.rooms[n.id] = m.branches[0].table.rooms[m.roomIDs[0]] // the oracle was not asked
	r, err := n.victim.world.syncRoom(t.Context(), n.id)
	m.must(err)
	bad, err := n.victim.broken(t.Context(), r)
	if bad == nil || err != nil || bad.by != n.owner.owner.account {
		t.Fatalf("the newcomer complains of %+v, %v; want of %s", bad, err, n.owner.name)
	}
	made, err := n.victim.makeEpoch(r, complain(bad.complaint), "", roomlog.Closing{})
	m.must(err)
	_, err = n.owner.at.history.offer(chain.ID(n.id), made.entry.Encode())
	m.must(err)
	n.owner.at.history.keys[keyPlace{n.id, made.epoch}] = made.envelopes
	n.epoch = made.epoch
	return n
}

// calls checks what the room is called to everybody.
func (n *newcomer) calls(t *testing.T) {
	t.Helper()
	called, err := n.owner.learnName(t.Context(), n.id)
	if err != nil || called.Name != "room" {
		t.Errorf("to others the room is called %q, %v; want its name", called.Name, err)
	}
	called, err = n.victim.learnName(t.Context(), n.id)
	if err != nil || called.Name != "" {
		t.Errorf("to the newcomer it is called %q, %v; want no name", called.Name, err)
	}
}

// A newcomer who alone was given no key knows no name of the room that he could
// seal: he goes on without, and others keep the name.
func TestNewcomerComplains(t *testing.T) {
	t.Parallel()
	n := newNewcomer(t)
	n.calls(t)
	if _, err := n.victim.world.secret(t.Context(), n.victim.world.rooms[n.id], n.epoch, n.victim.reader()); err != nil {
		t.Errorf("the newcomer has no key: %v", err)
	}
	n.noFaults(t)
}

// credulous is a node that takes entries of rooms as the rules allow, and asks no
// oracle.
type credulous struct{ line }

// RoundTrip implements http.RoundTripper.
func (c credulous) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost {
		return c.line.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var a wire.Append
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	e, err := chain.Parse(a.Entry)
	if err != nil {
		return nil, err
	}
	h := c.d.at.history
	if _, err := h.offer(e.Chain, a.Entry); err != nil {
		return nil, err
	}
	h.stored(h.rooms[bus.RoomID(e.Chain)], a.Envelopes)
	c.d.learnsEntry(bus.RoomID(e.Chain))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{}`)), Request: req}, nil
}

// Who knows no name of a room, by no key and from no time before, still removes from
// it and renews its key; others keep the name.
func TestNamelessOwner(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(n *newcomer, ctx context.Context) error{
		"removes": func(n *newcomer, ctx context.Context) error {
			_, err := n.victim.Kick(ctx, n.id, n.crew.owner.name)
			return err
		},
		"renews": func(n *newcomer, ctx context.Context) error { return n.victim.Rekey(ctx, n.id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewcomer(t)
			n.owner.call.HTTP.Transport, n.victim.call.HTTP.Transport = credulous{line{n.model, n.owner}}, credulous{line{n.model, n.victim}}
			if _, err := n.owner.SetRoomRole(t.Context(), n.id, n.victim.owner.name, bus.RoleOwner); err != nil {
				t.Fatal(err)
			}
			if err := do(n, t.Context()); err != nil {
				t.Fatalf("who knows no name: %v (%s)", err, bus.CodeOf(err))
			}
			if got := n.owner.at.history.rooms[n.id].Epoch; got.Number != n.epoch+1 || got.Author != n.victim.owner.account {
				t.Errorf("epoch %d is in force, want his", got.Number)
			}
			n.calls(t)
			n.noFaults(t)
		})
	}
}

// A complaint that was taken is followed by no other within a minute, whoever made
// the next bad key; then it is.
func TestComplaintsAMinuteApart(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, crook, victim := m.roomIDs[0], m.devices[1], m.devices[2]
	complains := func(want int, when string) {
		t.Helper()
		_, err := m.sends(victim, id)
		if m.done["complaint"] != want {
			t.Errorf("%s there were %d complaints, want %d: %v", when, m.done["complaint"], want, err)
		}
	}
	m.crooked(crook, id, crookedNoise)
	complains(1, "at first")
	m.crooked(crook, id, crookedNoise)
	complains(1, "at once")
	m.now = m.now.Add(complainFirst - time.Second)
	complains(1, "after less than a minute")
	m.now = m.now.Add(time.Second)
	complains(2, "after a minute")
	m.noFaults(t)
}
