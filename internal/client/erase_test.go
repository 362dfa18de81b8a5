package client

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/profile"
)

// A kem key stays as long as there is an envelope that it alone opens, however
// little the node gives of it; one that its author spoiled is not waited for.
func TestKEMKeyWaitsForEnvelopes(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, author, d := m.roomIDs[0], m.devices[1], m.devices[2]
	m.crooked(author, id, crookedNoise)
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(m.devices[0].Rekey(t.Context(), id))
	for lie, want := range map[keyLie]bool{keyNone: false, keyOther: false, keyOld: false, keyBroken: false, keyGhost: false} {
		d.lens.key = lie
		if opened, err := d.openAll(t.Context(), id, []uint32{1}); opened != want || err != nil {
			t.Errorf("lie %d: all is open: %v, %v; want %v", lie, opened, err, want)
		}
	}
	d.lens.key = keyTrue
	if opened, err := d.openAll(t.Context(), id, []uint32{2}); !opened || err != nil {
		t.Errorf("nothing was sealed to serial 2: %v, %v", opened, err)
	}
	if opened, err := d.openAll(t.Context(), id, []uint32{1}); !opened || err != nil {
		t.Errorf("told the truth: all is open: %v, %v", opened, err)
	}
	d.lens.key = keyNone
	if opened, err := d.openAll(t.Context(), id, []uint32{1}); opened || err != nil {
		t.Errorf("the spoiled one alone is missing: all is open: %v, %v; the node may give it later", opened, err)
	}
	m.noFaults(t)
}

// What is over is erased to the second, the newest key too, and the room keeps its
// name: who sends again makes a new key under it.
func TestErasedToTheSecond(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(d.Rekey(t.Context(), id))
	last := bus.Epoch(len(m.branches[0].table.rooms[id].epochs))
	over := m.now.Add(bus.DefaultRetention + bus.LateFrames + bus.ChainSkew)
	keeps := func(n bus.Epoch) bool { return d.keeps(m, keyPlace{id, n}) }
	for _, step := range []struct {
		now         time.Time
		older, last bool
	}{{over, true, true}, {over.Add(time.Millisecond), false, true}, {over.Add(bus.EpochLife), false, true}, {over.Add(bus.EpochLife + time.Millisecond), false, false}} {
		m.now = step.now
		m.must(d.eraseSecrets(t.Context()))
		if keeps(last-1) != step.older || keeps(last) != step.last {
			t.Errorf("at %v: keeps the older key: %v, the last: %v; want %v, %v", step.now.Sub(over), keeps(last-1), keeps(last), step.older, step.last)
		}
	}
	d.lens.key = keyNone // nor does the node have it
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(d.Rekey(t.Context(), id))
	d.lens.key = keyTrue
	if called, err := d.learnName(t.Context(), id); err != nil || called.Name != "room" {
		t.Errorf("the room is called %q, %v", called.Name, err)
	}
	m.noFaults(t)
}

// A room that one was put out of is forgotten when it would keep nothing any more of
// what one has read there.
func TestErasesWhereOneIsOut(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d, began := m.roomIDs[0], m.devices[0], m.now
	m.must(d.refresh(t.Context(), id))
	m.must(d.store.PutOut(t.Context(), id, profile.Out{Reason: bus.RemovedKicked, At: began}))
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {bus.DefaultRetention, true}, {bus.DefaultRetention + time.Millisecond, false}} {
		m.now = began.Add(c.after)
		m.must(d.eraseLeft(t.Context()))
		r, err := d.store.Room(t.Context(), id)
		m.must(err)
		if keeps := d.keeps(m, keyPlace{id, 1}); keeps != c.want || (r.Out != nil) != c.want {
			t.Errorf("after %v: keeps a key: %v, knows that it is out: %v; want %v", c.after, keeps, r.Out != nil, c.want)
		}
	}
}

// Erasing happens at most once an hour, whatever asks for it, and fails nobody.
func TestEraseNowAndThen(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(d.Rekey(t.Context(), id))
	first := keyPlace{id, 1}
	m.must(d.erase(t.Context()))
	m.now = m.now.Add(eraseEvery)
	m.must(d.erase(t.Context()))
	m.now = m.now.Add(bus.DefaultRetention + bus.EpochAge)
	m.must(d.erase(t.Context()))
	if d.keeps(m, first) {
		t.Error("an old key is kept")
	}
	m.must(d.profile.PutSecret(t.Context(), id, 1, make([]byte, 32)))
	m.now = m.now.Add(eraseEvery - time.Second)
	m.must(d.erase(t.Context()))
	if !d.keeps(m, first) {
		t.Error("looked again within the hour")
	}
	m.now = m.now.Add(time.Second)
	m.must(d.erase(t.Context()))
	if d.keeps(m, first) {
		t.Error("not looked again after the hour")
	}
	m.now = m.now.Add(-2 * eraseEvery) // the clock was set back
	m.must(d.profile.PutSecret(t.Context(), id, 1, make([]byte, 32)))
	m.must(d.erase(t.Context()))
	if d.keeps(m, first) {
		t.Error("a clock that was set back stops the erasing")
	}
	m.noFaults(t)
}

// Messages go when their room keeps them no more: at once from what is shown and
// found, and from the profile with the next erasing. A node that dates them ahead
// has them kept no longer.
func TestErasedMessages(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.send(d, id)
	frames := m.branches[0].history.frames[id]
	frames[len(frames)-1].at = m.now.Add(90 * 24 * time.Hour)
	m.read(d, id, false)
	m.noFaults(t)
	look := func(shown, kept int) {
		t.Helper()
		page, err := d.KeptPage(t.Context(), id, Span{Limit: 10})
		m.must(err)
		found, err := d.Search(t.Context(), Search{Words: "text", Limit: 10})
		m.must(err)
		spots, err := d.profile.Find(t.Context(), id, profile.ParseQuery("text"))
		m.must(err)
		if len(page.Events) != shown || len(found) != shown || len(spots) != kept {
			t.Errorf("%d events are shown, %d messages found, %d frames kept; want %d, %d, %d", len(page.Events), len(found), len(spots), shown, shown, kept)
		}
	}
	look(1, 1)
	m.now = m.now.Add(bus.DefaultRetention)
	m.must(d.eraseFrames(t.Context()))
	look(1, 1)
	m.now = m.now.Add(time.Second)
	look(0, 1)
	m.must(d.eraseFrames(t.Context()))
	look(0, 0)
}

// Messages of a room that was left while somebody still read it do not stay.
func TestErasedMessagesOfALeftRoom(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.send(d, id)
	m.must(d.profile.ForgetRoom(t.Context(), id))
	m.must(d.profile.PutSecret(t.Context(), id, 1, make([]byte, 32)))
	m.must(d.profile.Keep(t.Context(), id, []profile.Frame{{Seq: 1, At: m.now, Raw: []byte("x")}}, profile.Stretch{Through: 1}))
	m.must(d.eraseFrames(t.Context()))
	rooms, err := d.profile.KeptRooms(t.Context())
	m.must(err)
	if len(rooms) > 0 || !d.keeps(m, keyPlace{id, 1}) {
		t.Errorf("%d rooms are kept; the key is kept: %v", len(rooms), d.keeps(m, keyPlace{id, 1}))
	}
}
