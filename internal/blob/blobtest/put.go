package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

var errSource = errors.New("the source broke")

// refusal is a body that no store may keep under id, and why.
type refusal struct {
	name string
	id   bus.Hash
	body io.Reader
	size int64
	want error
}

// refusals are bodies for a blob of 600,000 bytes, more than one buffer of any
// backend.
func refusals(good []byte) []refusal {
	id, size := blob.ID(good), int64(len(good))
	flipped, last := bytes.Clone(good), bytes.Clone(good)
	flipped[0] ^= 1
	last[len(last)-1] ^= 1
	cut := func(err error) io.Reader {
		return io.MultiReader(bytes.NewReader(good[:len(good)/2]), iotest.ErrReader(err))
	}
	return []refusal{
		{"first bit flipped", id, bytes.NewReader(flipped), size, blob.ErrDigest},
		{"last bit flipped", id, bytes.NewReader(last), size, blob.ErrDigest},
		{"another id", blob.ID([]byte("x")), bytes.NewReader(good), size, blob.ErrDigest},
		{"empty body", id, strings.NewReader(""), size, blob.ErrSize},
		{"one byte short", id, bytes.NewReader(good[:size-1]), size, blob.ErrSize},
		{"one byte long", id, bytes.NewReader(append(bytes.Clone(good), 0)), size, blob.ErrSize},
		{"said to be shorter", id, bytes.NewReader(good), size - 1, blob.ErrSize},
		{"source breaks at once", id, iotest.ErrReader(errSource), size, errSource},
		{"source breaks", id, cut(errSource), size, errSource},
		{"source is cut off", id, cut(io.ErrUnexpectedEOF), size, io.ErrUnexpectedEOF},
		{"error in place of the end", id, io.MultiReader(bytes.NewReader(good), iotest.ErrReader(errSource)), size, errSource},
	}
}

func testRefused(t *testing.T, s blob.Store) {
	good := content(1, 600_000)
	for _, r := range refusals(good) {
		t.Run(r.name, func(t *testing.T) {
			wantError(t, s.Put(t.Context(), r.id, r.body, r.size), r.want)
			wantMissing(t, s, r.id)
			wantMissing(t, s, blob.ID(good))
		})
	}
	put(t, s, good)
	wantContent(t, s, good)
}

// testRefusedAgain: to know a hash is not to have the bytes, and a bad upload
// must not harm a good one.
func testRefusedAgain(t *testing.T, s blob.Store) {
	good := content(2, 600_000)
	put(t, s, good)
	for _, r := range refusals(good) {
		t.Run(r.name, func(t *testing.T) {
			wantError(t, s.Put(t.Context(), r.id, r.body, r.size), r.want)
			wantContent(t, s, good)
		})
	}
}

func testRefusedSizes(t *testing.T, s blob.Store) {
	for name, c := range map[string]struct {
		size int64
		want error
	}{
		"negative":          {-1, blob.ErrEmpty},
		"zero":              {0, blob.ErrEmpty},
		"one byte too much": {bus.MaxPieceBody + 1, blob.ErrTooLarge},
		"absurd":            {1 << 62, blob.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			body := bytes.NewReader([]byte("unread"))
			wantError(t, s.Put(t.Context(), blob.ID(nil), body, c.size), c.want)
			if body.Len() != len("unread") {
				t.Error("the body was read")
			}
			wantMissing(t, s, blob.ID(nil))
		})
	}
}

func testPutAgain(t *testing.T, s blob.Store) {
	data := content(3, 100_000)
	put(t, s, data)
	put(t, s, data)
	wantContent(t, s, data)
	if err := s.Delete(t.Context(), blob.ID(data)); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, s, blob.ID(data))
	put(t, s, data)
	wantContent(t, s, data)
}

func testCancelledPut(t *testing.T, s blob.Store) {
	data := content(4, bus.PieceSize)
	for name, at := range map[string]int{"at the start": 0, "half way": len(data) / 2, "at the end": len(data)} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			rest := bytes.NewReader(data[at:])
			body := io.MultiReader(bytes.NewReader(data[:at]), &hook{cancel}, rest)
			wantError(t, s.Put(ctx, blob.ID(data), body, int64(len(data))), context.Canceled)
			wantMissing(t, s, blob.ID(data))
			if at < len(data) && rest.Len() < len(data)/4 {
				t.Errorf("put read on after the cancel: %d bytes left", rest.Len())
			}
		})
	}
	put(t, s, data)
	wantContent(t, s, data)
}

// hook is an empty reader that does something when it is reached.
type hook struct{ do func() }

func (h *hook) Read([]byte) (int, error) {
	h.do()
	return 0, io.EOF
}
