package membership_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// whole is an upload of a blob of one piece.
func whole(n byte, scope membership.Scope) membership.Upload {
	return membership.Upload{ID: bus.Hash{n}, Scope: scope, Size: 10_000, Part: membership.PartWhole}
}

// eraser remembers what it erased.
type eraser struct {
	mu   sync.Mutex
	gone []bus.Hash
}

func (e *eraser) erase(id bus.Hash) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = append(e.gone, id)
	return nil
}

// TestBlobRights: members of the scope's room read, those who write put, and
// foreign and unknown blobs are alike.
func TestBlobRights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob, admin := by(b.Alice.Device()), by(b.Bob.Device()), by(b.Founder.Device())
	r := b.room(b.Alice.Device())
	b.add(b.Alice.Device(), r, bus.RoleReader, b.Bob)
	scope := membership.Scope(r.State.ID)
	b.must(b.s.AddBlob(b.ctx(), alice, whole(1, scope)))
	b.must(b.s.AddBlob(b.ctx(), bob, whole(2, membership.Scope{})))
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"member reads":         {second(b.s.MayRead(b.ctx(), bob, bus.Hash{1})), ""},
		"uploader reads":       {second(b.s.MayRead(b.ctx(), alice, bus.Hash{1})), ""},
		"all read the bus's":   {second(b.s.MayRead(b.ctx(), admin, bus.Hash{2})), ""},
		"foreign":              {second(b.s.MayRead(b.ctx(), admin, bus.Hash{1})), "no_blob"},
		"unknown":              {second(b.s.MayRead(b.ctx(), admin, bus.Hash{77})), "no_blob"},
		"stranger":             {second(b.s.MayRead(b.ctx(), stranger(b.NewDevice()), bus.Hash{2})), "unauthenticated"},
		"reader puts":          {b.s.AddBlob(b.ctx(), bob, whole(3, scope)), "read_only"},
		"reader asks":          {b.s.MayUpload(b.ctx(), bob, scope, 1), "read_only"},
		"stranger to the room": {b.s.AddBlob(b.ctx(), admin, whole(3, scope)), "not_member"},
		"unknown room":         {b.s.AddBlob(b.ctx(), admin, whole(3, membership.Scope{4})), "not_member"},
		"no part":              {b.s.AddBlob(b.ctx(), alice, membership.Upload{ID: bus.Hash{3}, Scope: scope}), "bad_part"},
		"foreign list":         {second(b.s.ListBlobs(b.ctx(), admin, scope, membership.BlobPlace{}, 1000)), "not_member"},
		"foreign delete":       {b.s.DeleteBlob(b.ctx(), bob, nil, bus.Hash{1}), "no_blob"},
		"unknown delete":       {b.s.DeleteBlob(b.ctx(), bob, nil, bus.Hash{77}), "no_blob"},
	} {
		if c.err == nil && c.code != "" || c.err != nil && bus.CodeOf(c.err) != c.code {
			t.Errorf("%s: %v (%s), want %q", name, c.err, bus.CodeOf(c.err), c.code)
		}
	}
	got, err := b.s.ListBlobs(b.ctx(), bob, scope, membership.BlobPlace{}, 1000)
	b.must(err)
	if l := got.Items; len(l) != 1 || l[0].Uploader != "alice" || l[0].Pieces != 1 || l[0].Expires.Sub(l[0].Created) != bus.DefaultRetention {
		t.Errorf("listed %+v", got)
	}
	b.append(b.Alice.Device(), r, r.RemoveEntry(b.Alice.Device(), []bus.AccountID{b.Bob.ID()}, nil))
	b.refused(second(b.s.MayRead(b.ctx(), bob, bus.Hash{1})), "no_blob")
	b.revoke(b.Bob)
	b.refused(second(b.s.MayRead(b.ctx(), bob, bus.Hash{2})), "revoked")
}

// TestManifest is taken only for pieces of the same uploader in the same
// scope, which then live as long as it does.
func TestManifest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := by(b.Alice.Device()), by(b.Bob.Device())
	r := b.room(b.Alice.Device())
	b.add(b.Alice.Device(), r, bus.RoleMember, b.Bob)
	scope := membership.Scope(r.State.ID)
	var pieces []bus.Hash
	for i := range membership.BlobBatch + 2 {
		u := membership.Upload{ID: bus.Hash{1, byte(i), byte(i >> 8)}, Scope: scope, Size: 1, Part: membership.PartPiece}
		b.must(b.s.AddBlob(b.ctx(), alice, u))
		pieces = append(pieces, u.ID)
	}
	manifest := membership.Upload{ID: bus.Hash{9}, Scope: scope, Size: 50, Total: 5 << 40, Part: membership.PartManifest, Pieces: pieces}
	elsewhere, short, missing := manifest, manifest, manifest
	elsewhere.Scope = membership.Scope{}
	short.Pieces = nil
	missing.Pieces = append(slices.Clone(pieces), bus.Hash{8})
	b.refused(b.s.AddBlob(b.ctx(), bob, manifest), "no_piece")
	b.refused(b.s.AddBlob(b.ctx(), alice, elsewhere), "no_piece")
	b.refused(b.s.AddBlob(b.ctx(), alice, short), "no_piece")
	b.refused(b.s.AddBlob(b.ctx(), alice, missing), "no_piece")
	manifest.Pieces = append(slices.Clone(pieces), pieces[0]) // a piece may stand twice
	b.must(b.s.AddBlob(b.ctx(), alice, manifest))
	lonely := membership.Upload{ID: bus.Hash{3}, Scope: scope, Size: 1, Part: membership.PartPiece}
	b.must(b.s.AddBlob(b.ctx(), bob, lonely))

	b.Pass(membership.PieceLife + time.Minute)
	var e eraser
	n, err := b.s.ExpireBlobs(b.ctx(), e.erase)
	b.must(err)
	if n != 1 || !slices.Equal(e.gone, []bus.Hash{lonely.ID}) {
		t.Errorf("%d erased: %v; want the piece that no manifest names", n, e.gone)
	}
	b.must(second(b.s.MayRead(b.ctx(), bob, pieces[3])))
	if got, err := b.s.ListBlobs(b.ctx(), alice, scope, membership.BlobPlace{}, 1000); err != nil || len(got.Items) != 1 || got.Items[0].Pieces != len(manifest.Pieces) || got.Items[0].Size != manifest.Total {
		t.Errorf("listed %+v, %v; want the manifest alone", got, err)
	}
	b.Pass(bus.DefaultRetention)
	b.refused(second(b.s.MayRead(b.ctx(), bob, pieces[3])), "no_blob") // expired, swept or not
	if n, err := b.s.ExpireBlobs(b.ctx(), e.erase); err != nil || n != len(pieces)+1 {
		t.Errorf("%d erased, %v; want all", n, err)
	}
}

// TestBlobCap holds for parallel uploads; the same bytes again cost nothing.
func TestBlobCap(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.BlobBytes = 55_000 })
	alice := by(b.Alice.Device())
	var stored atomic.Int32
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			switch err := b.s.AddBlob(b.ctx(), alice, whole(byte(i+1), membership.Scope{})); {
			case err == nil:
				stored.Add(1)
			case bus.CodeOf(err) != "blob_cap":
				t.Error(err)
			}
		})
	}
	group.Wait()
	if stored.Load() != 5 {
		t.Errorf("%d blobs of 10,000 bytes in 55,000, want 5", stored.Load())
	}
	got, err := b.s.ListBlobs(b.ctx(), alice, membership.Scope{}, membership.BlobPlace{}, 1000)
	b.must(err)
	again := whole(0, membership.Scope{})
	again.ID = got.Items[0].ID
	b.must(b.s.AddBlob(b.ctx(), alice, again))
	b.must(b.s.MayUpload(b.ctx(), alice, membership.Scope{}, 5000))
	b.refused(b.s.MayUpload(b.ctx(), alice, membership.Scope{}, 5001), "blob_cap")
	b.refused(b.s.MayUpload(b.ctx(), alice, membership.Scope{}, -1), "blob_cap")
	b.refused(b.s.MayUpload(b.ctx(), alice, membership.Scope{}, 1<<62), "blob_cap")
	var e eraser
	b.must(b.s.DeleteBlob(b.ctx(), alice, e.erase, again.ID))
	b.must(b.s.MayUpload(b.ctx(), alice, membership.Scope{}, 15_000))
}

// TestDeleteBlob takes claims away; bytes go when nobody claims them and
// nobody is storing them.
func TestDeleteBlob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob, admin := by(b.Alice.Device()), by(b.Bob.Device()), by(b.Founder.Device())
	bus1 := membership.Scope{}
	b.must(b.s.AddBlob(b.ctx(), alice, whole(1, bus1)))
	b.must(b.s.AddBlob(b.ctx(), bob, whole(1, bus1)))
	b.must(b.s.AddBlob(b.ctx(), bob, whole(2, bus1)))
	var e eraser
	b.must(b.s.DeleteBlob(b.ctx(), alice, e.erase, bus.Hash{1}, bus.Hash{2}, bus.Hash{3}))
	if len(e.gone) != 1 || e.gone[0] != (bus.Hash{3}) { // nobody's bytes: left over
		t.Errorf("erased %v while bob claims both", e.gone)
	}
	b.must(second(b.s.MayRead(b.ctx(), bob, bus.Hash{1})))
	e.gone = nil
	b.must(b.s.DeleteBlob(b.ctx(), admin, e.erase, bus.Hash{1}))
	if !slices.Equal(e.gone, []bus.Hash{{1}}) {
		t.Errorf("erased %v, want the blob", e.gone)
	}

	release := b.hold(bus.Hash{2})
	other := b.hold(bus.Hash{2})
	e.gone = nil
	b.must(b.s.DeleteBlob(b.ctx(), bob, e.erase, bus.Hash{2}))
	release()
	release()
	if erased, err := b.s.EraseUnclaimed(b.ctx(), bus.Hash{2}, e.erase); err != nil || erased || len(e.gone) != 0 {
		t.Errorf("erased %v, %v while somebody stores it", e.gone, err)
	}
	b.must(b.s.AddBlob(b.ctx(), alice, whole(2, bus1)))
	other()
	if erased, err := b.s.EraseUnclaimed(b.ctx(), bus.Hash{2}, e.erase); err != nil || erased {
		t.Errorf("erased %v, %v though alice claims it", e.gone, err)
	}
	fails := errors.New("disk")
	err := b.s.DeleteBlob(b.ctx(), alice, func(bus.Hash) error { return fails }, bus.Hash{2})
	if !errors.Is(err, fails) {
		t.Errorf("got %v, want the eraser's error", err)
	}
}

// TestDeleteManifest: with a manifest go the pieces of those whose manifest it
// was, in its scope, and of nobody else: its author chose what it names.
func TestDeleteManifest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob, admin := by(b.Alice.Device()), by(b.Bob.Device()), by(b.Founder.Device())
	r := b.room(b.Alice.Device())
	b.add(b.Alice.Device(), r, bus.RoleMember, b.Bob)
	everybody, room := membership.Scope{}, membership.Scope(r.State.ID)
	piece := func(n byte, scope membership.Scope) membership.Upload {
		return membership.Upload{ID: bus.Hash{n}, Scope: scope, Size: 1, Part: membership.PartPiece}
	}
	manifest := func(n byte, scope membership.Scope) membership.Upload {
		return membership.Upload{ID: bus.Hash{n}, Scope: scope, Size: 50, Part: membership.PartManifest, Pieces: []bus.Hash{{1}, {2}}}
	}
	for _, u := range []membership.Upload{piece(1, everybody), piece(2, everybody), whole(3, everybody), manifest(9, everybody)} {
		b.must(b.s.AddBlob(b.ctx(), alice, u))
	}
	for _, u := range []membership.Upload{
		piece(1, everybody), piece(2, everybody), manifest(8, everybody),
		piece(1, room), piece(2, room), manifest(7, room), whole(6, everybody),
	} {
		b.must(b.s.AddBlob(b.ctx(), bob, u))
	}

	var e eraser
	// What bob calls a whole blob may look like a manifest: nobody's pieces are its.
	b.must(b.s.DeleteBlob(b.ctx(), admin, e.erase, bus.Hash{6}, bus.Hash{1}, bus.Hash{3}))
	b.must(b.s.DeleteBlob(b.ctx(), admin, e.erase, bus.Hash{8}, bus.Hash{1}, bus.Hash{2}, bus.Hash{3}))
	if want := []bus.Hash{{6}, {8}}; !slices.Equal(e.gone, want) {
		t.Errorf("erased %v, want %v: alice and bob's other manifest need the rest", e.gone, want)
	}
	b.must(b.s.MayDelete(b.ctx(), alice, bus.Hash{1}))
	b.must(b.s.MayDelete(b.ctx(), alice, bus.Hash{3}))
	b.must(b.s.DeleteBlob(b.ctx(), alice, e.erase, bus.Hash{9}, bus.Hash{1}, bus.Hash{2}))
	b.must(second(b.s.MayRead(b.ctx(), bob, bus.Hash{1})))
	e.gone = nil
	b.must(b.s.DeleteBlob(b.ctx(), bob, e.erase, bus.Hash{7}, bus.Hash{1}, bus.Hash{2}))
	if want := []bus.Hash{{1}, {2}, {7}}; !slices.Equal(e.gone, want) {
		t.Errorf("erased %v, want %v", e.gone, want)
	}
}

// TestBlobRetention: a blob of a room lives as long as its messages, pieces
// never longer than that.
func TestBlobRetention(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.append(alice, r, r.PolicyEntry(alice, time.Hour, "short"))
	scope := membership.Scope(r.State.ID)
	b.must(b.s.AddBlob(b.ctx(), by(alice), whole(1, scope)))
	b.must(b.s.AddBlob(b.ctx(), by(alice), membership.Upload{ID: bus.Hash{2}, Scope: scope, Part: membership.PartPiece}))
	b.Pass(50 * time.Minute)
	b.must(b.s.AddBlob(b.ctx(), by(alice), whole(1, scope))) // renewed
	b.Pass(20 * time.Minute)
	var e eraser
	if n, err := b.s.ExpireBlobs(b.ctx(), e.erase); err != nil || n != 1 || e.gone[0] != (bus.Hash{2}) {
		t.Errorf("erased %v, %v; want the piece", e.gone, err)
	}
	b.must(second(b.s.MayRead(b.ctx(), by(alice), bus.Hash{1})))
}
