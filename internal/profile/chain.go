package profile

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Log is a kind of chain.
type Log uint8

// The numbers stand in the database and never change.
const (
	LogBus     Log = 1
	LogAccount Log = 2
	LogRoom    Log = 3
)

// Errors of Append.
var (
	errForked = bus.Errorf(bus.Integrity, "forked", "another history of this chain was seen before").
			WithHint("do not send; ask an admin what happened to the node")
	errHole = bus.Errorf(bus.Integrity, "chain_hole", "entries of this chain are missing in between")
)

// head sums up what is kept of one chain. It stands sealed, so that entries
// which somebody put in, took out or changed on disk are not taken for those
// that were verified.
type head struct {
	len    uint32
	digest bus.Hash // over the entries: SHA-256(digest before || entry), zero at first
}

func (h head) after(raw []byte) head {
	sum := sha256.New()
	sum.Write(h.digest[:])
	sum.Write(raw)
	next := head{len: h.len + 1}
	sum.Sum(next.digest[:0])
	return next
}

func (h head) encode() []byte {
	return append(binary.BigEndian.AppendUint32(nil, h.len), h.digest[:]...)
}

func parseHead(raw []byte) (h head, err error) {
	if len(raw) != 4+len(h.digest) {
		return h, errValue
	}
	h.len = binary.BigEndian.Uint32(raw)
	copy(h.digest[:], raw[4:])
	return h, nil
}

func chainPlace(log Log, id chain.ID) string {
	return "head/" + strconv.Itoa(int(log)) + "/" + hex.EncodeToString(id[:])
}

// Entries returns the entries of a chain from the first on, byte for byte as
// they were appended: none where nothing is known of it.
func (s *Store) Entries(ctx context.Context, log Log, id chain.ID) (entries [][]byte, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		want, err := s.head(ctx, tx, log, id)
		if err != nil {
			return err
		}
		var got head
		entries, err = entriesFrom(ctx, tx, log, id, 0)
		for _, raw := range entries {
			got = got.after(raw)
		}
		if err == nil && got != want {
			err = errValue
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Length is how many entries of a chain are kept.
func (s *Store) Length(ctx context.Context, log Log, id chain.ID) (uint32, error) {
	h, err := s.head(ctx, s.db, log, id)
	return h.len, err
}

// Append adds entries of a chain, the first of which has index from. What is
// there already may be given again: then it must be the same, or the error is
// Integrity, code forked, and nothing is added. A hole before from is an error
// of code chain_hole.
func (s *Store) Append(ctx context.Context, log Log, id chain.ID, from uint32, raw [][]byte) error {
	return s.write(ctx, cached, func(tx *sql.Tx) error {
		h, err := s.head(ctx, tx, log, id)
		if err != nil {
			return err
		}
		if from > h.len {
			return errHole
		}
		known := min(int(h.len-from), len(raw))
		if err := same(ctx, tx, log, id, from, raw[:known]); err != nil || known == len(raw) {
			return err
		}
		return s.extend(ctx, tx, log, id, h, raw[known:])
	})
}

// same compares entries with those that are kept at the same indexes.
func same(ctx context.Context, tx *sql.Tx, log Log, id chain.ID, from uint32, raw [][]byte) error {
	if len(raw) == 0 {
		return nil
	}
	kept, err := entriesFrom(ctx, tx, log, id, from)
	if err != nil {
		return err
	}
	if len(kept) < len(raw) {
		return errValue
	}
	for i := range raw {
		if string(kept[i]) != string(raw[i]) {
			return errForked
		}
	}
	return nil
}

func (s *Store) extend(ctx context.Context, tx *sql.Tx, log Log, id chain.ID, h head, raw [][]byte) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO entry (log, chain, number, raw) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, r := range raw {
		if _, err := insert.ExecContext(ctx, log, id[:], h.len, r); err != nil {
			return err
		}
		h = h.after(r)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO head (log, chain, sealed) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`, log, id[:], s.key.Seal(chainPlace(log, id), h.encode()))
	return err
}

// head returns what is kept of a chain; the zero head where nothing is.
func (s *Store) head(ctx context.Context, tx querier, log Log, id chain.ID) (head, error) {
	raw, err := s.sealed(ctx, tx, chainPlace(log, id), errNoHead, "SELECT sealed FROM head WHERE log = ? AND chain = ?", log, id[:])
	if errors.Is(err, errNoHead) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	return parseHead(raw)
}

var errNoHead = bus.Errorf(bus.NotFound, "no_head", "nothing is known of this chain")

func entriesFrom(ctx context.Context, tx *sql.Tx, log Log, id chain.ID, from uint32) (entries [][]byte, err error) {
	err = each(ctx, tx, func(scan func(...any) error) error {
		var raw []byte
		err := scan(&raw)
		entries = append(entries, raw)
		return err
	}, "SELECT raw FROM entry WHERE log = ? AND chain = ? AND number >= ? ORDER BY number", log, id[:], from)
	return entries, err
}
