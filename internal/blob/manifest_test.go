package blob

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"unibus/internal/bus"
)

func TestManifestBytes(t *testing.T) {
	t.Parallel()
	m := Manifest{Total: bus.PieceSize + 5, Pieces: []bus.Hash{ID([]byte("a")), ID([]byte("b"))}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := hex.EncodeToString([]byte("unibus/1 manifest\n")) + "00000002" + "0000000000800005" +
		m.Pieces[0].String() + m.Pieces[1].String()
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("encoded\n%s, want\n%s", got, want)
	}
}

func TestManifestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range []Manifest{
		{Total: bus.PieceSize + 1, Pieces: make([]bus.Hash, 2)},
		{Total: 2 * bus.PieceSize, Pieces: []bus.Hash{{1}, {2}}},
		{Total: 2*bus.PieceSize + 7, Pieces: []bus.Hash{{1}, {2}, {3}}},
		{Total: bus.MaxPieces * bus.PieceSize, Pieces: make([]bus.Hash, bus.MaxPieces)},
	} {
		b, err := m.Encode()
		if err != nil {
			t.Fatalf("%d of %d: %v", m.Total, len(m.Pieces), err)
		}
		if err := CheckSize(int64(len(b))); err != nil {
			t.Errorf("a manifest of %d pieces does not fit a request: %v", len(m.Pieces), err)
		}
		got, err := ParseManifest(b)
		if err != nil || got.Total != m.Total || !slices.Equal(got.Pieces, m.Pieces) {
			t.Errorf("%d of %d: got %d of %d, %v", m.Total, len(m.Pieces), got.Total, len(got.Pieces), err)
		}
		sum := int64(0)
		for i := range m.Pieces {
			sum += m.Size(i)
		}
		if sum != m.Total || m.Size(0) != bus.PieceSize {
			t.Errorf("sizes add up to %d of %d, the first is %d", sum, m.Total, m.Size(0))
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]Manifest{
		"nothing":                  {},
		"one piece":                {Total: 5, Pieces: make([]bus.Hash, 1)},
		"one piece, two said":      {Total: bus.PieceSize + 1, Pieces: make([]bus.Hash, 1)},
		"empty last piece":         {Total: bus.PieceSize, Pieces: make([]bus.Hash, 2)},
		"last piece too large":     {Total: 2*bus.PieceSize + 1, Pieces: make([]bus.Hash, 2)},
		"negative total":           {Total: -1, Pieces: make([]bus.Hash, 2)},
		"one piece more than fits": {Total: (bus.MaxPieces + 1) * bus.PieceSize, Pieces: make([]bus.Hash, bus.MaxPieces+1)},
	} {
		if _, err := m.Encode(); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: encoded, %v", name, err)
		}
		if _, err := ParseManifest(raw(manifestMagic, uint32(len(m.Pieces)), uint64(m.Total), len(m.Pieces))); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: parsed, %v", name, err)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	t.Parallel()
	const total = 2 * bus.PieceSize
	good := raw(manifestMagic, 2, total, 2)
	if _, err := ParseManifest(good); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty":              nil,
		"header alone":       good[:manifestHeader],
		"header cut":         good[:manifestHeader-1],
		"one byte short":     good[:len(good)-1],
		"one byte long":      append(bytes.Clone(good), 0),
		"other magic":        raw("unibus/2 manifest\n", 2, total, 2),
		"count too small":    raw(manifestMagic, 1, total, 2),
		"count too large":    raw(manifestMagic, 3, total, 2),
		"count that wraps":   raw(manifestMagic, 1<<27+2, total, 2), // times 32 is 64 in 32 bits
		"largest count":      raw(manifestMagic, 1<<32-1, total, 2),
		"total with top bit": raw(manifestMagic, 2, 1<<63|total, 2),
		"largest total":      raw(manifestMagic, 2, 1<<64-1, 2),
	} {
		if _, err := ParseManifest(b); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: parsed, %v", name, err)
		}
	}
}

func TestParseManifestKeepsNothing(t *testing.T) {
	t.Parallel()
	b := raw(manifestMagic, 2, 2*bus.PieceSize, 2)
	m, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if m.Pieces[0][0] != 0xff {
		t.Error("the manifest changed with the bytes it was read from")
	}
}

func raw(magic string, count uint32, total uint64, hashes int) []byte {
	b := binary.BigEndian.AppendUint32([]byte(magic), count)
	b = binary.BigEndian.AppendUint64(b, total)
	return append(b, bytes.Repeat([]byte{0xff}, hashes*hashSize)...)
}

func FuzzParseManifest(f *testing.F) {
	f.Add(raw(manifestMagic, 2, 2*bus.PieceSize, 2))
	f.Add(raw(manifestMagic, 3, 2*bus.PieceSize+1, 3))
	f.Add(raw(manifestMagic, 1<<32-1, 1<<64-1, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			if !errors.Is(err, ErrManifest) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x, %v", b, again, err)
		}
		for i := range m.Pieces {
			if size := m.Size(i); size < 1 || size > bus.PieceSize {
				t.Fatalf("piece %d has %d bytes", i, size)
			}
		}
	})
}
