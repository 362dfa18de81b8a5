package membershiptest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func hash(b []byte) bus.Hash { return sha256.Sum256(b) }

func sortEnvelopes(envs []wire.Envelope) {
	slices.SortFunc(envs, func(a, b wire.Envelope) int { return bytes.Compare(a.Endpoint[:], b.Endpoint[:]) })
}

func sortRooms(rooms []membership.RoomRecord) {
	slices.SortFunc(rooms, func(a, b membership.RoomRecord) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// staging is where n's envelopes for room 1 wait.
func staging(n int) membership.Staging {
	return membership.Staging{Room: bus.RoomID(id(1)), Root: seed(1), By: bus.AccountID(id(n))}
}

// commitKeys offers an entry of room 1 with keys.
func commitKeys(t *testing.T, s membership.Store, index int, k membership.EpochKeys) error {
	return s.Commit(ctx(t), membership.Batch{Keys: &k, Entries: []membership.StoredEntry{entry(membership.LogRoom, 1, index)}})
}

// testStage shows that staged envelopes are readable from their commit on and
// not before.
func testStage(t *testing.T, open Opener) {
	s, at := open(), staging(5)
	envs, leaves := envelopes(1, 4)
	must(t, s.Stage(ctx(t), at, envs[:3], noon))
	must(t, s.Stage(ctx(t), at, envs[2:], noon))
	got, err := s.Staged(ctx(t), at)
	must(t, err)
	if !reflect.DeepEqual(got, leaves) {
		t.Fatalf("staged %v, want %v", got, leaves)
	}
	for _, e := range envs {
		_, _, err := s.Envelope(ctx(t), at.Room, 1, e.Endpoint)
		refused(t, err, membership.ErrNoKey)
	}
	must(t, commitKeys(t, s, 0, membership.EpochKeys{Staging: at, Epoch: 1, Leaves: leaves}))
	for _, e := range envs {
		sealed, all, err := s.Envelope(ctx(t), at.Room, 1, e.Endpoint)
		must(t, err)
		if !bytes.Equal(sealed, e.Sealed) || !reflect.DeepEqual(all, leaves) {
			t.Errorf("endpoint %s: another envelope, or other leaves", e.Endpoint)
		}
	}
	all, err := s.Leaves(ctx(t), at.Room, 1)
	none, err2 := s.Leaves(ctx(t), at.Room, 2)
	must(t, errors.Join(err, err2))
	if !reflect.DeepEqual(all, leaves) || len(none) != 0 {
		t.Errorf("leaves %v, and %v of no epoch; want %v", all, none, leaves)
	}
	left, err := s.Staged(ctx(t), at)
	n, err2 := s.StagedCount(ctx(t), at.By)
	must(t, errors.Join(err, err2))
	if len(left) != 0 || n != 0 {
		t.Errorf("%d leaves, %d envelopes still staged", len(left), n)
	}
	_, _, err = s.Envelope(ctx(t), at.Room, 2, envs[0].Endpoint)
	refused(t, err, membership.ErrNoKey)
	_, _, err = s.Envelope(ctx(t), at.Room, 1, bus.EndpointID(id(999)))
	refused(t, err, membership.ErrNoKey)
}

// testStageExact commits only when inline and staged are the leaves, no more
// and no less, by that author and for that root.
func testStageExact(t *testing.T, open Opener) {
	s := open()
	envs, leaves := envelopes(1, 4)
	other := envelope(50)
	swapped := slices.Clone(leaves)
	swapped[0].Envelope = seed(3)
	strange := staging(5)
	strange.Root = seed(2)
	must(t, s.Stage(ctx(t), staging(5), envs[:2], noon))
	for name, k := range map[string]membership.EpochKeys{
		"missing":         {Staging: staging(5), Epoch: 1, Leaves: leaves, Inline: envs[3:]},
		"twice":           {Staging: staging(5), Epoch: 1, Leaves: leaves, Inline: envs[1:]},
		"extra":           {Staging: staging(5), Epoch: 1, Leaves: leaves, Inline: append(slices.Clone(envs[2:]), other)},
		"other bytes":     {Staging: staging(5), Epoch: 1, Leaves: swapped, Inline: envs[2:]},
		"another author":  {Staging: staging(6), Epoch: 1, Leaves: leaves, Inline: envs[2:]},
		"another root":    {Staging: strange, Epoch: 1, Leaves: leaves, Inline: envs[2:]},
		"nothing at all":  {Staging: staging(7), Epoch: 1, Leaves: leaves},
		"fewer than said": {Staging: staging(5), Epoch: 1, Leaves: leaves[:3], Inline: envs[2:]},
	} {
		if err := commitKeys(t, s, 0, k); !errors.Is(err, membership.ErrStaged) {
			t.Errorf("%s: %v, want bad_staged", name, err)
		}
	}
	must(t, commitKeys(t, s, 0, membership.EpochKeys{Staging: staging(5), Epoch: 1, Leaves: leaves, Inline: envs[2:]}))
}

func testStageLimits(t *testing.T, open Opener) {
	s := open()
	envs, leaves := envelopes(1, 3)
	replaced := envs[0]
	replaced.Sealed = bytes.Repeat([]byte{9}, 64)
	must(t, s.Stage(ctx(t), staging(5), append(slices.Clone(envs), replaced), noon))
	got, err := s.Staged(ctx(t), staging(5))
	must(t, err)
	if len(got) != 3 || got[0] != membership.LeafOf(replaced) || got[1] != leaves[1] {
		t.Errorf("staged %v: the later envelope of an endpoint must stand", got)
	}
	crowd, _ := envelopes(1000, bus.MaxEndpoints-3)
	must(t, s.Stage(ctx(t), staging(5), crowd, noon))
	more, _ := envelopes(9000, 1)
	refused(t, s.Stage(ctx(t), staging(5), more, noon), membership.ErrStaged)
	must(t, s.Stage(ctx(t), staging(6), more, noon))

	n, err := s.StagedCount(ctx(t), staging(5).By)
	must(t, err)
	if n != bus.MaxEndpoints {
		t.Errorf("%d staged, want %d", n, bus.MaxEndpoints)
	}
	must(t, s.Stage(ctx(t), staging(6), more, noon.Add(membership.StageLife+time.Second)))
	if n, err = s.StagedCount(ctx(t), staging(5).By); err != nil || n != 0 {
		t.Errorf("%d envelopes (%v) outlived their time", n, err)
	}
}

// testInline takes envelopes with the entry, epoch after epoch.
func testInline(t *testing.T, open Opener) {
	s := open()
	for epoch := 1; epoch <= 3; epoch++ {
		envs, leaves := envelopes(10*epoch, 5)
		must(t, commitKeys(t, s, epoch-1, membership.EpochKeys{
			Staging: staging(5), Epoch: bus.Epoch(epoch), Leaves: leaves, Inline: envs}))
		sealed, all, err := s.Envelope(ctx(t), staging(5).Room, bus.Epoch(epoch), envs[4].Endpoint)
		must(t, err)
		if !bytes.Equal(sealed, envs[4].Sealed) || !reflect.DeepEqual(all, leaves) {
			t.Errorf("epoch %d: another envelope, or other leaves", epoch)
		}
	}
}

// testDeleteKeys removes the epochs of a room up to one, and nothing else.
func testDeleteKeys(t *testing.T, open Opener) {
	s := open()
	room, other := staging(5).Room, bus.RoomID(id(2))
	envs, leaves := envelopes(1, 3)
	for epoch := 1; epoch <= 4; epoch++ {
		keys := membership.EpochKeys{Staging: staging(5), Epoch: bus.Epoch(epoch), Leaves: leaves, Inline: envs}
		must(t, commitKeys(t, s, epoch-1, keys))
		keys.Room = other
		must(t, s.Commit(ctx(t), membership.Batch{Keys: &keys,
			Entries: []membership.StoredEntry{entry(membership.LogRoom, 2, epoch-1)}}))
	}
	must(t, s.Stage(ctx(t), staging(5), envs, noon))
	must(t, s.DeleteKeys(ctx(t), room, 0))
	must(t, s.DeleteKeys(ctx(t), bus.RoomID(id(3)), 9))
	must(t, s.DeleteKeys(ctx(t), room, 2))
	must(t, s.DeleteKeys(ctx(t), room, 2))
	s = open()
	for epoch := bus.Epoch(1); epoch <= 4; epoch++ {
		for _, e := range envs {
			if _, _, err := s.Envelope(ctx(t), room, epoch, e.Endpoint); (epoch <= 2) != errors.Is(err, membership.ErrNoKey) {
				t.Errorf("epoch %d of the room, once those up to 2 are deleted: %v", epoch, err)
			}
			if _, all, err := s.Envelope(ctx(t), other, epoch, e.Endpoint); err != nil || !reflect.DeepEqual(all, leaves) {
				t.Errorf("epoch %d of another room: %v", epoch, err)
			}
		}
	}
	left, err := s.Staged(ctx(t), staging(5))
	must(t, err)
	if len(left) != 3 || len(entriesOf(t, s, membership.LogRoom, 1)) != 4 {
		t.Errorf("%d envelopes still wait, and the log has %d entries; want 3 and 4", len(left), len(entriesOf(t, s, membership.LogRoom, 1)))
	}
}
