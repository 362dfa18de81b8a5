package profile

import (
	"context"
	"maps"
	"math"
	"reflect"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	a, b := bus.RoomID{1}, bus.RoomID{2}
	_, err := s.Secret(ctx, a, 1)
	wantCode(t, err, bus.NotFound, "no_secret")
	must(t, s.PutSecret(ctx, a, 1, []byte("a1")))
	must(t, s.PutSecret(ctx, a, math.MaxUint64, []byte("a9")))
	must(t, s.PutSecret(ctx, b, 1, []byte("b1")))
	must(t, s.PutSecret(ctx, b, 1, []byte("b1 again")))
	for _, want := range []struct {
		room   bus.RoomID
		epoch  bus.Epoch
		secret string
	}{{a, 1, "a1"}, {a, math.MaxUint64, "a9"}, {b, 1, "b1 again"}} {
		if got, err := s.Secret(ctx, want.room, want.epoch); err != nil || string(got) != want.secret {
			t.Errorf("got %q, %v, want %s", got, err, want.secret)
		}
	}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	if got, err := s.Rooms(ctx); err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v", got, err)
	}
	ops := RoomName{Room: bus.RoomID{2}, Name: "öps \"1\"", Epoch: math.MaxUint64, Out: &Out{Reason: "removed", By: "bob", At: time.UnixMilli(7).UTC()}}
	bob := RoomName{Room: bus.RoomID{1}, Name: "bob", Epoch: 1, Direct: "bob"}
	must(t, s.PutRoom(ctx, RoomName{Room: ops.Room, Name: "old", Epoch: 3, Direct: "x"}))
	must(t, s.PutRoom(ctx, ops))
	must(t, s.PutRoom(ctx, bob))
	if got, err := s.Rooms(ctx); err != nil || !reflect.DeepEqual(got, []RoomName{bob, ops}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestForgetRoom(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	a, b := bus.RoomID{1}, bus.RoomID{2}
	for _, room := range []bus.RoomID{a, b} {
		must(t, s.PutRoom(ctx, RoomName{Room: room, Name: "x"}))
		must(t, s.PutSecret(ctx, room, 1, []byte("x")))
		must(t, s.SetCursor(ctx, room, "", 7))
		must(t, s.PutOutbox(ctx, OutboxRecord{ID: bus.RecordID(room), Room: room}))
		must(t, s.Append(ctx, LogRoom, [16]byte(room), 0, entries(0, 1)))
	}
	must(t, s.ForgetRoom(ctx, a))
	must(t, s.ForgetRoom(ctx, bus.RoomID{9}))
	for room, want := range map[bus.RoomID]int{a: 0, b: 1} {
		rooms, err := s.Rooms(ctx)
		must(t, err)
		outbox, err := s.Outbox(ctx, room)
		must(t, err)
		cursor, err := s.Cursor(ctx, room, "")
		must(t, err)
		_, err = s.Secret(ctx, room, 1)
		if len(rooms) != 1 || len(outbox) != want || int(cursor) != 7*want || (err == nil) != (want == 1) {
			t.Errorf("room %v: %d names, %d records, cursor %d, secret %v", room[0], len(rooms), len(outbox), cursor, err)
		}
		if got, err := s.Entries(ctx, LogRoom, [16]byte(room)); err != nil || len(got) != 1 {
			t.Errorf("room %v: its log is %q, %v", room[0], got, err)
		}
	}
}

// Who is out of a room keeps what he has read there, and forgets what he was to send;
// once he is in again, nothing says that he was out.
func TestOut(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	id, unknown := bus.RoomID{1}, bus.RoomID{2}
	must(t, s.PutRoom(ctx, RoomName{Room: id, Name: "ops", Epoch: 3}))
	must(t, s.PutSecret(ctx, id, 1, []byte("x")))
	must(t, s.SetCursor(ctx, id, "", 7))
	must(t, s.PutOutbox(ctx, OutboxRecord{ID: bus.RecordID{1}, Room: id}))
	out := Out{Reason: bus.RemovedKicked, By: "alice", At: time.UnixMilli(9).UTC()}
	must(t, s.PutOut(ctx, id, out))
	must(t, s.PutOut(ctx, unknown, out))
	for room, name := range map[bus.RoomID]string{id: "ops", unknown: ""} {
		if r, err := s.Room(ctx, room); err != nil || r.Name != name || r.Out == nil || *r.Out != out {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	outbox, err := s.Outbox(ctx, id)
	must(t, err)
	cursor, err := s.Cursor(ctx, id, "")
	must(t, err)
	if _, err := s.Secret(ctx, id, 1); err != nil || len(outbox) > 0 || cursor != 7 {
		t.Errorf("%d records, cursor %d, secret %v", len(outbox), cursor, err)
	}
	must(t, s.PutRoom(ctx, RoomName{Room: id, Name: "ops", Epoch: 5}))
	if r, err := s.Room(ctx, id); err != nil || r.Out != nil {
		t.Errorf("in again: got %+v, %v", r, err)
	}
	if r, err := s.Room(ctx, bus.RoomID{3}); err != nil || r.Name != "" {
		t.Errorf("of no room: got %+v, %v", r, err)
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	s, ctx, room := memory(t), context.Background(), bus.RoomID{1}
	for _, step := range []struct{ set, want uint64 }{{0, 0}, {5, 5}, {3, 5}, {5, 5}, {6, 6}, {0, 6}, {math.MaxInt64, math.MaxInt64}} {
		must(t, s.SetCursor(ctx, room, "", step.set))
		if got, err := s.Cursor(ctx, room, ""); err != nil || got != step.want {
			t.Errorf("after %d: got %d, %v, want %d", step.set, got, err, step.want)
		}
	}
	wantCode(t, s.SetCursor(ctx, room, "", math.MaxInt64+1), bus.Invalid, "bad_sequence")
	must(t, s.SetCursor(ctx, room, "deploy", 2))
	deploy, err := s.Cursor(ctx, room, "deploy")
	must(t, err)
	other, err := s.Cursor(ctx, bus.RoomID{2}, "deploy")
	must(t, err)
	if deploy != 2 || other != 0 {
		t.Errorf("got deploy %d, of another room %d", deploy, other)
	}
}

// The last decision about a user counts, and about no other.
// A cursor is set back only from where it is known to be, and no other one is.
func TestCutCursor(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	a, b := bus.RoomID{1}, bus.RoomID{2}
	must(t, s.SetCursor(ctx, a, "", 100))
	must(t, s.SetCursor(ctx, a, "other", 100))
	must(t, s.SetCursor(ctx, b, "", 7))
	must(t, s.CutCursor(ctx, a, "", 99, 5))
	must(t, s.CutCursor(ctx, b, "", 7, 6))
	must(t, s.CutCursor(ctx, bus.RoomID{3}, "", 7, 6))
	want := map[bus.RoomID]uint64{a: 100, b: 6}
	if got, err := s.Cursors(ctx, ""); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := s.Cursors(ctx, "other"); err != nil || len(got) != 1 || got[a] != 100 {
		t.Errorf("under another name: %v, %v", got, err)
	}
	wantCode(t, s.CutCursor(ctx, a, "", math.MaxUint64, 5), bus.Invalid, "bad_sequence")
}

func TestPins(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	if pins, err := s.Pins(ctx); err != nil || len(pins) != 0 {
		t.Errorf("at first: got %v, %v", pins, err)
	}
	bob := identity.Pin{Account: bus.AccountID{1}, Key: identity.VerifyKey{1}, Mark: bus.TrustVerified}
	eve := identity.Pin{Account: bus.AccountID{2}, Key: identity.VerifyKey{2}, Mark: bus.TrustRejected}
	other := identity.Pin{Account: bus.AccountID{3}, Key: identity.VerifyKey{3}}
	must(t, s.PutPin(ctx, "bob", bob))
	must(t, s.PutPin(ctx, "eve", eve))
	must(t, s.PutPin(ctx, "bob", other))
	got, err := s.Pins(ctx)
	must(t, err)
	if want := (map[bus.Handle]identity.Pin{"bob": other, "eve": eve}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUploads(t *testing.T) {
	t.Parallel()
	s, ctx, now := memory(t), context.Background(), time.UnixMilli(1_800_000_000_123).UTC()
	u := Upload{ID: bus.Hash{1}, Secret: []byte("key and salt"), Made: now, Pieces: map[uint32]bus.Hash{0: {10}}}
	_, err := s.Upload(ctx, u.ID)
	wantCode(t, err, bus.NotFound, "no_upload")
	must(t, s.PutUpload(ctx, u))
	must(t, s.PutPiece(ctx, u.ID, math.MaxUint32, bus.Hash{11}))
	must(t, s.PutPiece(ctx, u.ID, math.MaxUint32, bus.Hash{12}))
	u.Pieces[math.MaxUint32] = bus.Hash{12}
	if got, err := s.Upload(ctx, u.ID); err != nil || !reflect.DeepEqual(got, u) {
		t.Fatalf("got %v, %v", got, err)
	}

	again := Upload{ID: u.ID, Secret: []byte("another"), Made: now.Add(time.Hour), Pieces: map[uint32]bus.Hash{}}
	must(t, s.PutUpload(ctx, again))
	if got, err := s.Upload(ctx, u.ID); err != nil || !reflect.DeepEqual(got, again) {
		t.Fatalf("begun again: got %v, %v", got, err)
	}
	must(t, s.PutUpload(ctx, Upload{ID: bus.Hash{2}, Made: again.Made.Add(UploadLife)}))
	if _, err := s.Upload(ctx, u.ID); err != nil {
		t.Fatalf("gone too early: %v", err)
	}
	must(t, s.PutUpload(ctx, Upload{ID: bus.Hash{3}, Made: again.Made.Add(UploadLife + time.Millisecond)}))
	_, err = s.Upload(ctx, u.ID)
	wantCode(t, err, bus.NotFound, "no_upload")

	must(t, s.PutPiece(ctx, bus.Hash{3}, 1, bus.Hash{13}))
	must(t, s.DeleteUpload(ctx, bus.Hash{3}))
	must(t, s.DeleteUpload(ctx, bus.Hash{3}))
	_, err = s.Upload(ctx, bus.Hash{3})
	wantCode(t, err, bus.NotFound, "no_upload")
	var left int
	must(t, s.db.QueryRow("SELECT count(*) FROM piece").Scan(&left))
	if left != 0 {
		t.Errorf("%d pieces are left of uploads that are gone", left)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	_, err := s.State(ctx, "join")
	wantCode(t, err, bus.NotFound, "no_state")
	must(t, s.PutState(ctx, "join", []byte("one")))
	must(t, s.PutState(ctx, "join", []byte("two")))
	must(t, s.PutState(ctx, "empty", nil))
	if got, err := s.State(ctx, "join"); err != nil || string(got) != "two" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := s.State(ctx, "empty"); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	a, b, at := bus.RoomID{1}, bus.RoomID{2}, time.UnixMilli(1_800_000_000_001).UTC()
	record := func(id byte, room bus.RoomID, text string) OutboxRecord {
		return OutboxRecord{ID: bus.RecordID{id}, Room: room, Made: at, Record: []byte(text)}
	}
	must(t, s.PutOutbox(ctx, record(9, a, "first")))
	must(t, s.PutOutbox(ctx, record(5, b, "elsewhere")))
	must(t, s.PutOutbox(ctx, record(1, a, "second")))
	must(t, s.PutOutbox(ctx, record(5, a, "third")))
	must(t, s.DeleteOutbox(ctx, bus.RecordID{5}))
	must(t, s.PutOutbox(ctx, record(5, a, "third")))
	must(t, s.PutOutbox(ctx, record(9, a, "first, changed")))
	want := []OutboxRecord{record(9, a, "first, changed"), record(1, a, "second"), record(5, a, "third")}
	if got, err := s.Outbox(ctx, a); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	must(t, s.DeleteOutbox(ctx, bus.RecordID{9}))
	must(t, s.DeleteOutbox(ctx, bus.RecordID{9}))
	if got, err := s.Outbox(ctx, a); err != nil || !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := s.Outbox(ctx, b); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// What a file becomes keeps its turn; what was given up does not come back.
func TestOutboxFile(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	room, at := bus.RoomID{1}, time.UnixMilli(1_800_000_000_001).UTC()
	entry := func(id byte, file bool, text string) OutboxRecord {
		return OutboxRecord{ID: bus.RecordID{id}, Room: room, Made: at, File: file, Record: []byte(text)}
	}
	must(t, s.PutOutbox(ctx, entry(9, true, "a path")))
	must(t, s.PutOutbox(ctx, entry(1, false, "words")))
	elsewhere, older := entry(9, false, "x"), entry(9, false, "x")
	elsewhere.Room, older.Made = bus.RoomID{2}, at.Add(-time.Second)
	for _, step := range []struct {
		put   OutboxRecord
		found bool
		first OutboxRecord
	}{
		{entry(9, true, "the same, held"), true, entry(9, true, "the same, held")},
		{elsewhere, false, entry(9, true, "the same, held")},
		{older, false, entry(9, true, "the same, held")},
		{entry(7, false, "another"), false, entry(9, true, "the same, held")},
		{entry(9, false, "a record"), true, entry(9, false, "a record")},
		{entry(9, true, "late"), false, entry(9, false, "a record")},
	} {
		found, err := s.ReplaceFile(ctx, step.put)
		must(t, err)
		got, err := s.Outbox(ctx, room)
		if want := []OutboxRecord{step.first, entry(1, false, "words")}; err != nil || found != step.found || !reflect.DeepEqual(got, want) {
			t.Errorf("after %s: found %v, %v, %v; want %v", step.put.Record, found, got, err, want)
		}
	}
	must(t, s.DeleteOutbox(ctx, bus.RecordID{9}))
	if found, err := s.ReplaceFile(ctx, entry(9, false, "late")); found || err != nil {
		t.Errorf("what was given up is there again: %v, %v", found, err)
	}
}
