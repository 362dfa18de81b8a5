// Package membershiptest is the contract of membership.Store, as tests that
// every backend passes. The suite is the specification: a change of the
// contract begins here. Only tests may import it.
package membershiptest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// Opener opens one and the same store, again after it was closed.
type Opener func() membership.Store

// Run tests a backend. Each call of newPlace gives a new, empty place; stores
// that are still open when the test ends are closed by it.
func Run(t *testing.T, newPlace func(testing.TB) Opener) {
	for name, test := range map[string]func(*testing.T, Opener){
		"Empty": testEmpty, "Commit": testCommit, "Pages": testPages, "WalkOrder": testWalkOrder,
		"Behind": testBehind, "Atomic": testAtomic, "Race": testRace, "Parallel": testParallel,
		"Stage": testStage, "StageExact": testStageExact, "StageLimits": testStageLimits, "Inline": testInline,
		"DeleteKeys": testDeleteKeys, "Grants": testGrants,
		"Rooms": testRooms, "Blobs": testBlobs, "BlobRenewal": testBlobRenewal, "Meta": testMeta,
		"Cancelled": testCancelled, "Closed": testClosed, "Reopen": testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newPlace(t))
		})
	}
}

// noon is when everything in the suite happens.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, bus.CodeOf(err))
	}
}

func refused(t *testing.T, err, want error) {
	t.Helper()
	if bus.CodeOf(err) != bus.CodeOf(want) {
		t.Fatalf("got %v (%s), want code %s", err, bus.CodeOf(err), bus.CodeOf(want))
	}
}

// seed derives bytes from a number.
func seed(n int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func id(n int) (out [16]byte) {
	h := seed(n)
	copy(out[:], h[:])
	return out
}

// entry makes bytes that stand for an entry; a store does not look into them.
func entry(log membership.Log, c, index int) membership.StoredEntry {
	return membership.StoredEntry{Log: log, Chain: chain.ID(id(c)), Index: uint32(index),
		Raw: bytes.Repeat([]byte{byte(log), byte(c), byte(index)}, 20)}
}

func envelope(n int) wire.Envelope {
	h := seed(n)
	return wire.Envelope{Endpoint: bus.EndpointID(id(n)), Serial: uint32(n), Sealed: bytes.Repeat(h[:], 4)}
}

// envelopes makes some, sorted by endpoint, with their leaves.
func envelopes(from, n int) (envs []wire.Envelope, leaves []wire.Leaf) {
	for i := range n {
		envs = append(envs, envelope(from+i))
	}
	sortEnvelopes(envs)
	for _, e := range envs {
		leaves = append(leaves, membership.LeafOf(e))
	}
	return envs, leaves
}

func record(n int) membership.RoomRecord {
	return membership.RoomRecord{ID: bus.RoomID(id(n)), Shard: n % wire.Shards, Created: noon}
}

// entriesOf reads a whole chain.
func entriesOf(t *testing.T, s membership.Store, log membership.Log, c int) [][]byte {
	t.Helper()
	var all [][]byte
	for {
		got, err := s.Entries(ctx(t), log, chain.ID(id(c)), uint32(len(all)), 1000)
		must(t, err)
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

func walk(t *testing.T, s membership.Store) (all []membership.StoredEntry) {
	t.Helper()
	must(t, s.Walk(ctx(t), func(e membership.StoredEntry) error {
		all = append(all, e)
		return nil
	}))
	return all
}
