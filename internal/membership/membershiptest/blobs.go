package membershiptest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// blobRow is a claim of account n to blob n in scope 1.
func blobRow(n int) membership.BlobRow {
	return membership.BlobRow{ID: seed(n), Scope: membership.Scope(id(1)), Uploader: bus.AccountID(id(n)),
		Pieces: 1, Size: int64(100 * n), Created: noon.Add(time.Duration(n) * time.Second), Expires: noon.Add(time.Hour)}
}

func testBlobs(t *testing.T, open Opener) {
	s := open()
	a, b, piece := blobRow(1), blobRow(2), blobRow(3)
	shared := a
	shared.Uploader, shared.Scope = b.Uploader, membership.Scope(id(2))
	piece.Pieces, piece.Uploader, piece.Size = 0, a.Uploader, bus.PieceSize
	for _, r := range []membership.BlobRow{a, b, piece, shared} {
		must(t, s.PutBlob(ctx(t), r))
	}
	claims, err := s.Blobs(ctx(t), a.ID)
	listed, err2 := s.BlobsOf(ctx(t), a.Scope, membership.BlobPlace{}, 10)
	newest, err3 := s.BlobsOf(ctx(t), a.Scope, membership.BlobPlace{}, 1)
	none, err4 := s.Blobs(ctx(t), seed(99))
	size, err5 := s.BlobBytes(ctx(t), a.Uploader)
	nothing, err6 := s.BlobBytes(ctx(t), bus.AccountID(id(77)))
	must(t, errors.Join(err, err2, err3, err4, err5, err6))
	if len(claims) != 2 || len(none) != 0 {
		t.Errorf("%d claims to a shared blob, %d to none; want 2 and 0", len(claims), len(none))
	}
	if !reflect.DeepEqual(listed, []membership.BlobRow{b, a}) || !reflect.DeepEqual(newest, listed[:1]) {
		t.Errorf("listed %+v, want b then a, and no piece", listed)
	}
	if size != membership.BlobFloor+piece.Size || nothing != 0 {
		t.Errorf("%d bytes of a, %d of nobody; want %d and 0", size, nothing, membership.BlobFloor+piece.Size)
	}
	must(t, s.DeleteBlobs(ctx(t), []membership.BlobRow{a, piece}))
	must(t, s.DeleteBlobs(ctx(t), []membership.BlobRow{a}))
	must(t, s.DeleteBlobs(ctx(t), nil))
	claims, err = s.Blobs(ctx(t), a.ID)
	must(t, err)
	if !reflect.DeepEqual(claims, []membership.BlobRow{shared}) {
		t.Errorf("left %+v, want the other claim", claims)
	}
}

// testBlobRenewal puts the same bytes again, later and as more.
func testBlobRenewal(t *testing.T, open Opener) {
	s := open()
	r := blobRow(1)
	r.Pieces = 0
	must(t, s.PutBlob(ctx(t), r))
	later := r
	later.Manifest, later.Pieces, later.Expires, later.Created = true, 3, r.Expires.Add(time.Hour), noon.Add(9*time.Hour)
	later.Total = 3 * bus.PieceSize
	must(t, s.PutBlob(ctx(t), later))
	must(t, s.PutBlob(ctx(t), r))
	want := later
	want.Created = r.Created
	if got, err := s.Blobs(ctx(t), r.ID); err != nil || !reflect.DeepEqual(got, []membership.BlobRow{want}) {
		t.Errorf("got %+v (%v)\nwant %+v", got, err, want)
	}
	must(t, s.DeleteBlobs(ctx(t), []membership.BlobRow{r})) // as it was read before it was renewed
	if got, err := s.Blobs(ctx(t), r.ID); err != nil || len(got) != 1 {
		t.Errorf("%d rows (%v) after an old one was deleted, want 1", len(got), err)
	}

	found, err := s.RenewBlobs(ctx(t), r.Scope, r.Uploader, []bus.Hash{r.ID, seed(5)}, noon.Add(10*time.Hour))
	must(t, err)
	foreign, err := s.RenewBlobs(ctx(t), r.Scope, bus.AccountID(id(2)), []bus.Hash{r.ID}, noon.Add(20*time.Hour))
	must(t, err)
	if found != 1 || foreign != 0 {
		t.Errorf("found %d of his and %d of another's, want 1 and 0", found, foreign)
	}
	for _, c := range []struct {
		at   time.Time
		want int
	}{{noon.Add(10 * time.Hour), 0}, {noon.Add(10*time.Hour + time.Second), 1}} {
		if got, err := s.ExpiredBlobs(ctx(t), c.at, 10); err != nil || len(got) != c.want {
			t.Errorf("at %s: %d expired (%v), want %d", c.at, len(got), err, c.want)
		}
	}
}

func testMeta(t *testing.T, open Opener) {
	s := open()
	if got, err := s.Meta(ctx(t), "mode"); err != nil || got != nil {
		t.Errorf("got %q, %v for a key that was not set", got, err)
	}
	for _, v := range []string{"soft", "enforce"} {
		must(t, s.SetMeta(ctx(t), "mode", []byte(v)))
		if got, err := s.Meta(ctx(t), "mode"); err != nil || string(got) != v {
			t.Errorf("got %q, %v, want %q", got, err, v)
		}
	}
}
