package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// Stage implements membership.Store.
func (s *Store) Stage(ctx context.Context, at membership.Staging, envelopes []wire.Envelope, now time.Time) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		if err := t.exec("DELETE FROM staged WHERE at < ?", now.Add(-membership.StageLife).UnixMilli()); err != nil {
			return err
		}
		for _, e := range envelopes {
			hash := sha256.Sum256(e.Sealed)
			if err := t.exec("INSERT OR REPLACE INTO staged (author, room, root, endpoint, serial, hash, sealed, at) "+
				"VALUES (?, ?, ?, ?, ?, ?, ?, ?)", at.By[:], at.Room[:], at.Root[:],
				e.Endpoint[:], e.Serial, hash[:], e.Sealed, now.UnixMilli()); err != nil {
				return err
			}
		}
		n, err := number(t.ctx, t, "SELECT count(*) FROM staged WHERE author = ? AND room = ? AND root = ?",
			at.By[:], at.Room[:], at.Root[:])
		if err == nil && n > bus.MaxEndpoints {
			err = membership.ErrStaged
		}
		return err
	})
}

// Staged implements membership.Store.
func (s *Store) Staged(ctx context.Context, at membership.Staging) ([]wire.Leaf, error) {
	leaves, err := staged(ctx, s.read, at)
	return leaves, translate(err)
}

func staged(ctx context.Context, q querier, at membership.Staging) ([]wire.Leaf, error) {
	return collect(ctx, q, func(row *sql.Rows) (l wire.Leaf, err error) {
		return l, row.Scan(id16((*[16]byte)(&l.Endpoint)), &l.Serial, id32((*[32]byte)(&l.Envelope)))
	}, "SELECT endpoint, serial, hash FROM staged WHERE author = ? AND room = ? AND root = ? ORDER BY endpoint",
		at.By[:], at.Room[:], at.Root[:])
}

// StagedCount implements membership.Store.
func (s *Store) StagedCount(ctx context.Context, by bus.AccountID) (int, error) {
	n, err := number(ctx, s.read, "SELECT count(*) FROM staged WHERE author = ?", by[:])
	return int(n), translate(err)
}

// addKeys makes the envelopes of an epoch readable: the inline ones, and the
// staged ones if some are missing.
func (t *tx) addKeys(k membership.EpochKeys) error {
	have := make([]wire.Leaf, 0, len(k.Leaves))
	for _, e := range k.Inline {
		have = append(have, membership.LeafOf(e))
	}
	if len(have) < len(k.Leaves) {
		more, err := staged(t.ctx, t, k.Staging)
		if err != nil {
			return err
		}
		have = append(have, more...)
	}
	slices.SortFunc(have, func(a, b wire.Leaf) int { return bytes.Compare(a.Endpoint[:], b.Endpoint[:]) })
	if !slices.Equal(have, k.Leaves) {
		return membership.ErrStaged
	}
	leaves := packLeaves(k.Leaves)
	if err := t.exec("INSERT INTO epochs (room, epoch, leaves, sum) VALUES (?, ?, ?, ?)",
		k.Room[:], int64(k.Epoch), leaves, sum(k.Room[:], int64(k.Epoch), leaves)); err != nil {
		return err
	}
	for _, e := range k.Inline {
		if err := t.exec("INSERT INTO envelopes (room, epoch, endpoint, sealed) VALUES (?, ?, ?, ?)",
			k.Room[:], int64(k.Epoch), e.Endpoint[:], e.Sealed); err != nil {
			return err
		}
	}
	if len(k.Inline) == len(k.Leaves) {
		return nil
	}
	if err := t.exec("INSERT INTO envelopes (room, epoch, endpoint, sealed) SELECT room, ?, endpoint, sealed FROM staged "+
		"WHERE author = ? AND room = ? AND root = ?", int64(k.Epoch), k.By[:], k.Room[:], k.Root[:]); err != nil {
		return err
	}
	return t.exec("DELETE FROM staged WHERE author = ? AND room = ? AND root = ?", k.By[:], k.Room[:], k.Root[:])
}

// Envelope implements membership.Store.
func (s *Store) Envelope(ctx context.Context, room bus.RoomID, epoch bus.Epoch, endpoint bus.EndpointID) ([]byte, []wire.Leaf, error) {
	type found struct{ sealed, leaves, check []byte }
	got, err := collect(ctx, s.read, func(row *sql.Rows) (f found, err error) {
		return f, row.Scan(&f.sealed, &f.leaves, &f.check)
	}, "SELECT v.sealed, p.leaves, p.sum FROM envelopes v JOIN epochs p USING (room, epoch) "+
		"WHERE v.room = ? AND v.epoch = ? AND v.endpoint = ?", room[:], int64(epoch), endpoint[:])
	if err != nil {
		return nil, nil, translate(err)
	}
	if len(got) == 0 {
		return nil, nil, membership.ErrNoKey
	}
	f := got[0]
	if !bytes.Equal(f.check, sum(room[:], int64(epoch), f.leaves)) {
		return nil, nil, membership.ErrDamaged
	}
	leaves, ok := unpackLeaves(f.leaves)
	hash := bus.Hash(sha256.Sum256(f.sealed))
	if !ok || !slices.ContainsFunc(leaves, func(l wire.Leaf) bool { return l.Endpoint == endpoint && l.Envelope == hash }) {
		return nil, nil, membership.ErrDamaged
	}
	return f.sealed, leaves, nil
}

// DeleteKeys implements membership.Store.
func (s *Store) DeleteKeys(ctx context.Context, room bus.RoomID, through bus.Epoch) error {
	for {
		oldest, err := collect(ctx, s.read, func(row *sql.Rows) (n int64, err error) { return n, row.Scan(&n) },
			"SELECT epoch FROM epochs WHERE room = ? AND epoch <= ? ORDER BY epoch LIMIT 1", room[:], int64(through))
		if err != nil || len(oldest) == 0 {
			return translate(err)
		}
		if err := s.deleteEpoch(ctx, room, oldest[0]); err != nil {
			return err
		}
	}
}

// deleteEpoch removes what is kept of one epoch: few thousand rows, so that other
// writes do not wait for long.
func (s *Store) deleteEpoch(ctx context.Context, room bus.RoomID, epoch int64) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		if err := t.exec("DELETE FROM envelopes WHERE room = ? AND epoch = ?", room[:], epoch); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM grants WHERE room = ? AND epoch = ?", room[:], epoch); err != nil {
			return err
		}
		return t.exec("DELETE FROM epochs WHERE room = ? AND epoch = ?", room[:], epoch)
	})
}

// Leaves implements membership.Store.
func (s *Store) Leaves(ctx context.Context, room bus.RoomID, epoch bus.Epoch) ([]wire.Leaf, error) {
	got, err := collect(ctx, s.read, func(row *sql.Rows) (out []wire.Leaf, err error) {
		var leaves, check []byte
		if err := row.Scan(&leaves, &check); err != nil {
			return nil, err
		}
		out, ok := unpackLeaves(leaves)
		if !ok || !bytes.Equal(check, sum(room[:], int64(epoch), leaves)) {
			return nil, membership.ErrDamaged
		}
		return out, nil
	}, "SELECT leaves, sum FROM epochs WHERE room = ? AND epoch = ?", room[:], int64(epoch))
	if err != nil || len(got) == 0 {
		return nil, translate(err)
	}
	return got[0], nil
}

// leafSize is that of one packed leaf: endpoint 16, serial 4, hash 32.
const leafSize = 16 + 4 + 32

func packLeaves(leaves []wire.Leaf) []byte {
	b := make([]byte, 0, len(leaves)*leafSize)
	for _, l := range leaves {
		b = append(b, l.Endpoint[:]...)
		b = binary.BigEndian.AppendUint32(b, l.Serial)
		b = append(b, l.Envelope[:]...)
	}
	return b
}

func unpackLeaves(b []byte) (leaves []wire.Leaf, ok bool) {
	for ; len(b) >= leafSize; b = b[leafSize:] {
		leaves = append(leaves, wire.Leaf{Endpoint: bus.EndpointID(b[:16]),
			Serial: binary.BigEndian.Uint32(b[16:]), Envelope: bus.Hash(b[20:leafSize])})
	}
	return leaves, len(b) == 0
}
