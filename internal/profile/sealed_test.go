package profile

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

const canary = "canary-8c1f0b"

// fillSecrets puts the canary wherever something secret is kept.
func fillSecrets(t *testing.T, s *Store) {
	t.Helper()
	ctx, now := context.Background(), time.UnixMilli(1_800_000_000_000)
	text := func(n string) []byte { return []byte(canary + n) }
	for i := range byte(2) {
		n := string('0' + i)
		room, id := bus.RoomID{i}, bus.Hash{i}
		must(t, s.PutSecret(ctx, room, bus.Epoch(i), text(n)))
		must(t, s.PutRoom(ctx, RoomName{Room: room, Name: canary + n, Direct: canary}))
		must(t, s.PutUpload(ctx, Upload{ID: id, Secret: text(n), Made: now, Pieces: map[uint32]bus.Hash{uint32(i): bus.Hash(append(text(n), make([]byte, 18)...))}}))
		must(t, s.PutState(ctx, n, text(n)))
		must(t, s.PutOutbox(ctx, OutboxRecord{ID: bus.RecordID{i}, Room: room, Made: now, Record: text(n)}))
		must(t, s.PutPin(ctx, bus.Handle(n), identity.Pin{Account: bus.AccountID(append(text(n), 0, 0))}))
	}
}

func TestSecretsAreNotOnDisk(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s := openStore(t, h, key)
	fillSecrets(t, s)
	must(t, s.SetCursor(context.Background(), bus.RoomID{}, "plain-"+canary, 1)) // shows that the search finds
	found := 0
	files, err := os.ReadDir(h.path("work", ""))
	must(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(h.path("work", f.Name()))
		must(t, err)
		plain := bytes.Count(raw, []byte("plain-"+canary))
		if n := bytes.Count(raw, []byte(canary)); n != plain {
			t.Errorf("%s shows %d secrets", f.Name(), n-plain)
		}
		found += plain
	}
	if found == 0 {
		t.Error("the search does not find what is there")
	}
}

// read reads every secret of fillSecrets' item i.
func readSecrets(s *Store, i byte) map[string]error {
	ctx, n := context.Background(), string('0'+i)
	errs := map[string]error{}
	_, errs["secret"] = s.Secret(ctx, bus.RoomID{i}, bus.Epoch(i))
	_, errs["room"] = s.Rooms(ctx)
	_, errs["upload"] = s.Upload(ctx, bus.Hash{i})
	_, errs["state"] = s.State(ctx, n)
	_, errs["outbox"] = s.Outbox(ctx, bus.RoomID{i})
	_, errs["pin"] = s.Pins(ctx)
	return errs
}

func TestMovedRowsDoNotOpen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ change, broken string }{
		"nothing":                    {"SELECT 1", ""},
		"secret to another room":     {"DELETE FROM secret WHERE epoch = 0; UPDATE secret SET room = zeroblob(16), epoch = 0", "secret"},
		"secret to another epoch":    {"DELETE FROM secret WHERE epoch = 0; UPDATE secret SET epoch = 0; UPDATE secret SET room = zeroblob(16)", "secret"},
		"secret of a state":          {"UPDATE secret SET sealed = (SELECT sealed FROM state WHERE name = '0')", "secret"},
		"room":                       {"UPDATE room SET sealed = (SELECT sealed FROM room ORDER BY room DESC LIMIT 1)", "room"},
		"room id cut":                {"UPDATE room SET room = x'01' WHERE room = zeroblob(16)", "room"},
		"upload":                     {"UPDATE upload SET sealed = (SELECT sealed FROM upload ORDER BY id DESC LIMIT 1)", "upload"},
		"upload made younger":        {"UPDATE upload SET made = made + 1", "upload"},
		"piece of another upload":    {"UPDATE piece SET sealed = (SELECT sealed FROM piece ORDER BY upload DESC LIMIT 1)", "upload"},
		"piece with another number":  {"UPDATE piece SET number = 7", "upload"},
		"state":                      {"UPDATE state SET sealed = (SELECT sealed FROM state WHERE name = '1')", "state"},
		"record to another room":     {"UPDATE outbox SET room = zeroblob(16)", "outbox"},
		"record of another id":       {"UPDATE outbox SET sealed = (SELECT sealed FROM outbox ORDER BY id DESC LIMIT 1)", "outbox"},
		"file taken for a record":    {"UPDATE outbox SET file = 1", "outbox"},
		"record made older":          {"UPDATE outbox SET made = 1", "outbox"},
		"record id too long":         {"UPDATE outbox SET id = zeroblob(17) WHERE id = zeroblob(16)", "outbox"},
		"pin of another user":        {"UPDATE pin SET sealed = (SELECT sealed FROM pin WHERE handle = '1')", "pin"},
		"a bit of everything sealed": {"UPDATE state SET sealed = substr(sealed, 2)", "state"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memory(t)
			fillSecrets(t, s)
			must(t, s.exec(context.Background(), kept, tt.change))
			for what, err := range readSecrets(s, 0) {
				if what == tt.broken {
					wantCode(t, err, bus.Integrity, "bad_profile")
				} else if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

func TestAnotherIdentityReadsNothing(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s := openStore(t, h, key)
	fillSecrets(t, s)
	must(t, s.Append(context.Background(), LogBus, [16]byte{}, 0, entries(0, 1)))
	other := openStore(t, h, identity.NewProfileKey())
	for what, err := range readSecrets(other, 0) {
		if bus.CodeOf(err) != "bad_profile" {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := other.Entries(context.Background(), LogBus, [16]byte{})
	wantCode(t, err, bus.Integrity, "bad_profile")
	wantCode(t, other.Append(context.Background(), LogBus, [16]byte{}, 1, entries(1, 1)), bus.Integrity, "bad_profile")
}
