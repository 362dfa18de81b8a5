package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/seal"
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
	m.deny = func() error { tries++; return errRekeyOften }
	for range 3 {
		_, err := m.sends(victim, id)
		if want := "the room key that " + string(crook.owner.name) + " made does not open here"; !strings.Contains(err.Error(), want) || !retryable(err) {
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

// A newcomer who alone was given no key knows no name of the room that he could
// seal: he goes on without, and others keep the name.
func TestNewcomerComplains(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	owner, crook, victim := m.devices[0], m.devices[1], m.devices[2]
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.createRoom(owner)
	id := m.roomIDs[1]
	m.addBadly(t.Context(), owner, id, crook.owner) // it happens to be honest about everybody else
	m.addBadly(t.Context(), owner, id, victim.owner)
	m.branches[0].table.rooms[id] = m.branches[0].table.rooms[m.roomIDs[0]] // the oracle was not asked
	r, err := victim.world.syncRoom(t.Context(), id)
	m.must(err)
	bad, err := victim.broken(t.Context(), r)
	if bad == nil || err != nil || bad.by != owner.owner.account {
		t.Fatalf("the newcomer complains of %+v, %v; want of %s", bad, err, owner.name)
	}
	made, err := victim.makeEpoch(r, complain(bad.complaint), "", roomlog.Closing{})
	m.must(err)
	_, err = owner.at.history.offer(chain.ID(id), made.entry.Encode())
	m.must(err)
	owner.at.history.keys[keyPlace{id, made.epoch}] = made.envelopes
	called, err := owner.learnName(t.Context(), id)
	if err != nil || called.Name != "room" {
		t.Errorf("to others the room is called %q, %v; want its name", called.Name, err)
	}
	called, err = victim.learnName(t.Context(), id)
	if err != nil || called.Name != "" {
		t.Errorf("to the newcomer it is called %q, %v; want no name", called.Name, err)
	}
	if _, err := victim.world.secret(t.Context(), victim.world.rooms[id], made.epoch, victim.reader()); err != nil {
		t.Errorf("the newcomer has no key: %v", err)
	}
	m.noFaults(t)
}
