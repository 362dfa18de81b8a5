package profile

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"unibus/internal/bus"
)

// sealedSecrets are the bytes of secrets as they stand in the file, by place.
func sealedSecrets(t *testing.T, s *Store) map[bus.RoomID]map[bus.Epoch][]byte {
	t.Helper()
	out := map[bus.RoomID]map[bus.Epoch][]byte{}
	must(t, each(context.Background(), s.db, func(scan func(...any) error) error {
		var room, sealed []byte
		var epoch int64
		if err := scan(&room, &epoch, &sealed); err != nil {
			return err
		}
		id := bus.RoomID(room)
		if out[id] == nil {
			out[id] = map[bus.Epoch][]byte{}
		}
		out[id][bus.Epoch(epoch)] = bytes.Clone(sealed)
		return nil
	}, "SELECT room, epoch, sealed FROM secret"))
	return out
}

// inFiles counts what of a list stands anywhere in the context's folder.
func inFiles(t *testing.T, h Home, all [][]byte) (n int) {
	t.Helper()
	files, err := os.ReadDir(h.path("work", ""))
	must(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(h.path("work", f.Name()))
		must(t, err)
		for _, one := range all {
			n += bytes.Count(raw, one)
		}
	}
	return n
}

// TestForgottenSecretsAreGone: after a Scrub no byte of a secret that was forgotten
// is left in any file, however its pages were filled, split and joined before,
// while another process has the store open. What is kept is all there.
func TestForgottenSecretsAreGone(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s, other := openStore(t, h, key), openStore(t, h, key)
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 1))
	rooms := make([]bus.RoomID, 12)
	for i := range rooms {
		rooms[i] = bus.RoomID{byte(rng.Uint32()), byte(i)}
	}
	kept := map[bus.RoomID]bus.Epoch{} // up to here they are forgotten
	var gone [][]byte
	for round := range bus.Epoch(8) {
		for n := range bus.Epoch(8) {
			for _, i := range rng.Perm(len(rooms)) {
				must(t, s.PutSecret(ctx, rooms[i], round*8+n+1, bytes.Repeat([]byte{byte(n)}, 32)))
			}
		}
		must(t, other.PutState(ctx, "x", make([]byte, 100*round)))
		all := sealedSecrets(t, s)
		for _, id := range rooms {
			through := kept[id] + bus.Epoch(rng.IntN(10))
			for n := kept[id] + 1; n <= through; n++ {
				if sealed := all[id][n]; sealed != nil {
					gone = append(gone, sealed)
				}
			}
			if rng.IntN(10) == 0 {
				must(t, s.ForgetRoom(ctx, id))
				for n, sealed := range all[id] {
					if n > through {
						gone = append(gone, sealed)
					}
				}
				through = (round + 1) * 8
			}
			must(t, s.ForgetSecrets(ctx, id, through))
			kept[id] = max(kept[id], through)
		}
		if round == 0 && inFiles(t, h, gone) == 0 {
			t.Error("the search does not find what is there before the scrub")
		}
		must(t, s.Scrub(ctx, time.Now()))
		if n := inFiles(t, h, gone); n > 0 {
			t.Fatalf("round %d: %d copies of %d forgotten secrets are in the files", round, n, len(gone))
		}
		for id, secrets := range sealedSecrets(t, s) {
			for n := range secrets {
				if n <= kept[id] {
					t.Errorf("epoch %d of room %v was forgotten and is there", n, id)
				}
			}
			if len(secrets) != int((round+1)*8-min(kept[id], (round+1)*8)) {
				t.Errorf("room %v keeps %d secrets up to epoch %d, forgotten up to %d", id, len(secrets), (round+1)*8, kept[id])
			}
		}
	}
	t.Logf("%d secrets were forgotten", len(gone))
}

// TestScrubForgetsUploads that nobody can continue.
func TestScrubForgetsUploads(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t), context.Background()
	now := time.UnixMilli(1_800_000_000_000)
	must(t, s.PutUpload(ctx, Upload{ID: bus.Hash{1}, Secret: []byte("a"), Made: now, Pieces: map[uint32]bus.Hash{0: {1}}}))
	must(t, s.Scrub(ctx, now.Add(UploadLife)))
	_, err := s.Upload(ctx, bus.Hash{1})
	must(t, err)
	must(t, s.Scrub(ctx, now.Add(UploadLife+time.Second)))
	_, err = s.Upload(ctx, bus.Hash{1})
	wantCode(t, err, bus.NotFound, "no_upload")
}

// TestSecretRooms lists each room once.
func TestSecretRooms(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t), context.Background()
	for n := range bus.Epoch(3) {
		must(t, s.PutSecret(ctx, bus.RoomID{2}, n, make([]byte, 32)))
		must(t, s.PutSecret(ctx, bus.RoomID{1}, n, make([]byte, 32)))
	}
	must(t, s.ForgetSecrets(ctx, bus.RoomID{1}, 1))
	must(t, s.ForgetSecrets(ctx, bus.RoomID{2}, 9))
	rooms, err := s.SecretRooms(ctx)
	must(t, err)
	if len(rooms) != 1 || rooms[0] != (bus.RoomID{1}) {
		t.Errorf("secrets of rooms %v are kept, want of one", rooms)
	}
}
