package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"strconv"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/membership"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

func TestBlob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice, bob := r.w.Alice.Device(), r.w.Bob.Device()
	room := r.room(alice)
	data := []byte("what only members can open")
	id := r.putBlob(alice, data, room.State.ID.String(), "whole")
	if again := r.putBlob(alice, data, room.State.ID.String(), "whole"); again != id {
		t.Errorf("%s and %s", id, again)
	}
	got := r.get(alice, wire.BlobTarget(id))
	if got.status != 200 || !bytes.Equal(got.body, data) || got.header.Get("Content-Length") != strconv.Itoa(len(data)) {
		t.Errorf("got %d %q", got.status, got.body)
	}
	head := r.do(call{method: http.MethodHead, target: wire.BlobTarget(id), key: &alice.Transport})
	if head.status != 200 || head.header.Get("Content-Length") != strconv.Itoa(len(data)) {
		t.Errorf("head: %d %v", head.status, head.header)
	}
	r.expect("bob may not know", r.get(bob, wire.BlobTarget(id)), 404, "no_blob")
	remove := call{method: http.MethodDelete, target: wire.BlobTarget(id), key: &bob.Transport}
	r.expect("nor delete", r.do(remove), 404, "no_blob")
	r.expect("nor put", r.do(call{method: http.MethodPut, target: wire.BlobPutTarget(id, room.State.ID.String(), "whole"),
		key: &bob.Transport, body: data}), 403, "not_member")
	remove.key = &alice.Transport
	r.expect("deleted", r.do(remove), 204, "")
	r.expect("gone", r.get(alice, wire.BlobTarget(id)), 404, "no_blob")
	if has, err := r.blobs.Has(t.Context(), id); has || err != nil {
		t.Errorf("the bytes stay: %v, %v", has, err)
	}
}

func TestBlobRanges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	data := make([]byte, 3*chunk+17)
	rand.Read(data)
	id := r.putBlob(alice, data, "bus", "whole")
	size := len(data)
	for header, want := range map[string][2]int{
		"": {0, size}, "bytes=0-0": {0, 1}, "bytes=5-9": {5, 10}, "bytes=100000-": {100000, size}, "bytes=0-" + strconv.Itoa(size): {0, size},
		"bytes=" + strconv.Itoa(size-1) + "-": {size - 1, size},
		// Ignored, so that all of it comes.
		"bytes=-5": {0, size}, "bytes=9-5": {0, size}, "bytes=0-1,3-4": {0, size}, "items=0-1": {0, size},
		"bytes=" + strconv.Itoa(size) + "-": {0, size}, "bytes=x-y": {0, size}, "bytes=": {0, size}, "bytes=99999999999999999999-": {0, size},
	} {
		got := r.do(call{method: http.MethodGet, target: wire.BlobTarget(id), key: &alice.Transport, headers: map[string]string{"Range": header}})
		status := map[bool]int{true: 200, false: 206}[want == [2]int{0, size}]
		if got.status != status || !bytes.Equal(got.body, data[want[0]:want[1]]) {
			t.Errorf("%q: got %d and %d bytes", header, got.status, len(got.body))
		}
		if status == 206 && got.header.Get("Content-Range") != "bytes "+strconv.Itoa(want[0])+"-"+strconv.Itoa(want[1]-1)+"/"+strconv.Itoa(size) {
			t.Errorf("%q: got %q", header, got.header.Get("Content-Range"))
		}
	}
}

func TestBlobUploadIsChecked(t *testing.T) {
	t.Parallel()
	for _, m := range []bus.Mode{bus.ModeEnforce, bus.ModeOff} {
		r := newRig(t, mode(m))
		alice := r.w.Alice.Device()
		data := []byte("some bytes")
		id := bus.Hash(sha256.Sum256(data))
		other := bus.Hash(sha256.Sum256([]byte("other")))
		put := func(id bus.Hash, target string, body []byte) reply {
			c := call{method: http.MethodPut, target: target, key: &alice.Transport, body: body}
			c.change = func(s *signing.Request) { s.Digest = id }
			return r.do(c)
		}
		digest := map[bus.Mode][2]any{bus.ModeEnforce: {401, "bad_digest"}, bus.ModeOff: {422, "blob_digest"}}[m]
		r.expect("other bytes", put(other, wire.BlobPutTarget(other, "bus", "whole"), data), digest[0].(int), digest[1].(string))
		if m == bus.ModeEnforce {
			r.expect("another digest", put(id, wire.BlobPutTarget(other, "bus", "whole"), data), 400, "other_digest")
		}
		r.expect("no part", put(id, wire.BlobTarget(id)+"?scope=bus", data), 400, "bad_part")
		r.expect("another part", put(id, wire.BlobPutTarget(id, "bus", "half"), data), 400, "bad_part")
		r.expect("no scope", put(id, wire.BlobTarget(id)+"?part=whole", data), 400, "bad_id")
		empty := bus.Hash(sha256.Sum256(nil))
		r.expect("nothing", put(empty, wire.BlobPutTarget(empty, "bus", "whole"), nil), 400, "blob_empty")
		r.expect("a manifest that is none", put(id, wire.BlobPutTarget(id, "bus", "manifest"), data), 422, "bad_manifest")
		for _, left := range []bus.Hash{id, other} {
			if has, err := r.blobs.Has(t.Context(), left); has || err != nil {
				t.Errorf("%s: left behind, %v", m, err)
			}
		}
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice, bob := r.w.Alice.Device(), r.w.Bob.Device()
	pieces := [][]byte{bytes.Repeat([]byte("a"), bus.PieceSize), []byte("the rest")}
	m := blob.Manifest{Total: bus.PieceSize + 8, Pieces: []bus.Hash{blob.ID(pieces[0]), blob.ID(pieces[1])}}
	raw, err := m.Encode()
	r.must(err)
	r.putBlob(alice, pieces[0], "bus", "piece")
	early := call{method: http.MethodPut, target: wire.BlobPutTarget(blob.ID(raw), "bus", "manifest"), key: &alice.Transport, body: raw}
	r.expect("a piece is missing", r.do(early), 409, "no_piece")
	if has, _ := r.blobs.Has(t.Context(), blob.ID(raw)); has {
		t.Error("a refused manifest stays")
	}
	r.putBlob(alice, pieces[1], "bus", "piece")
	early.key = &bob.Transport
	r.expect("another's pieces", r.do(early), 409, "no_piece")
	id := r.putBlob(alice, raw, "bus", "manifest")
	if got := r.o.Inflight.InFlight(); got != 0 {
		t.Errorf("%d bytes still reserved", got)
	}
	r.expect("listed", r.get(bob, "/blobs?scope=bus"), 200, "")
	r.expect("deleted", r.do(call{method: http.MethodDelete, target: wire.BlobTarget(id), key: &alice.Transport}), 204, "")
	for _, left := range append(m.Pieces, id) {
		if has, err := r.blobs.Has(t.Context(), left); has || err != nil {
			t.Errorf("%s stays: %v", left, err)
		}
	}
}

// TestChunkedUpload has no length to declare: it goes through memory, under
// the budget.
func TestChunkedUpload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	data := bytes.Repeat([]byte("x"), 100<<10)
	id := blob.ID(data)
	c := call{method: http.MethodPut, target: wire.BlobPutTarget(id, "bus", "whole"), key: &alice.Transport, body: data}
	c.spoil = func(q *http.Request) { q.ContentLength = -1 }
	r.expect("chunked", r.do(c), 204, "")
	if got := r.get(alice, wire.BlobTarget(id)); !bytes.Equal(got.body, data) {
		t.Errorf("got %d bytes", len(got.body))
	}
}

// TestRevokedWhileReading gets no further part of a blob.
func TestRevokedWhileReading(t *testing.T) {
	t.Parallel()
	testCutBlob(t, func(r *rig) (string, func()) {
		return "bus", func() {
			r.w.Revoke(r.w.Bob)
			_, err := r.members.AppendBus(t.Context(), by(r.w.Founder.Device()), r.w.BusLog[len(r.w.BusLog)-1].Encode())
			r.must(err)
		}
	})
}

// TestRemovedWhileReading gets no further part of a blob of the room.
func TestRemovedWhileReading(t *testing.T) {
	t.Parallel()
	testCutBlob(t, func(r *rig) (string, func()) {
		alice := r.w.Alice.Device()
		room := r.room(alice, r.w.Bob)
		return room.State.ID.String(), func() { r.remove(room, alice, r.w.Bob) }
	})
}

// testCutBlob has bob read a blob of the scope that prepare returns, and lose
// his right to it in the middle.
func testCutBlob(t *testing.T, prepare func(*rig) (scope string, cut func())) {
	slow := &slowBlobs{}
	r := newRig(t, func(o *Options, _ *membership.Options) { o.Blobs = slow })
	slow.Store = r.blobs
	scope, cut := prepare(r)
	data := make([]byte, 10*chunk)
	id := r.putBlob(r.w.Bob.Device(), data, scope, "whole")
	slow.read = func(n int) {
		if n == 5 {
			cut()
		}
	}
	c := call{method: http.MethodGet, target: wire.BlobTarget(id), key: &r.w.Bob.Device().Transport}
	res, err := r.client.Do(r.request(c))
	r.must(err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil || len(got) > 5*chunk {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// slowBlobs tells of every read of a blob.
type slowBlobs struct {
	blob.Store
	read func(n int)
}

func (s *slowBlobs) Get(ctx context.Context, id bus.Hash) (io.ReadSeekCloser, int64, error) {
	src, size, err := s.Store.Get(ctx, id)
	return &slowReader{src, s, 0}, size, err
}

type slowReader struct {
	io.ReadSeekCloser
	s *slowBlobs
	n int
}

func (r *slowReader) Read(p []byte) (int, error) {
	r.n++
	r.s.read(r.n)
	return r.ReadSeekCloser.Read(p)
}

func FuzzSpan(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=5-", "bytes=-5", "bytes=1-2,3-4", "x"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 1 {
			return
		}
		if s := spanOf(header, size); s.from < 0 || s.size < 1 || s.from > size-s.size {
			t.Errorf("%q of %d: %+v", header, size, s)
		}
	})
}

// putBlob uploads bytes and returns their id.
func (r *rig) putBlob(d *chaintest.Device, data []byte, scope, part string) bus.Hash {
	r.tb.Helper()
	id := bus.Hash(sha256.Sum256(data))
	got := r.do(call{method: http.MethodPut, target: wire.BlobPutTarget(id, scope, part), key: &d.Transport, body: data})
	if got.status != 204 || !bytes.Equal(got.body, nil) {
		r.tb.Fatalf("put: %d %s", got.status, got.body)
	}
	return id
}
