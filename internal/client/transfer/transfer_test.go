package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/client/transfertest"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// onShelf is a client of a shelf, with an empty profile.
func onShelf(t *testing.T, s *transfertest.Shelf) Blobs {
	t.Helper()
	store, err := profile.Memory(t.Context(), identity.NewProfileKey())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c := withoutStore(s)
	c.Store = store
	return c
}

func withoutStore(s *transfertest.Shelf) Blobs {
	return Blobs{Call: call.New("node:1", bus.ID{}, identity.NewTransportKey(), s, time.Now), Now: time.Now}
}

func fetch(t *testing.T, c Blobs, ref blob.Ref) []byte {
	t.Helper()
	d, err := c.Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	defer d.Close()
	got, err := io.ReadAll(d.Data)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return got
}

// onePiece is how long a file without a name is whose ciphertext is exactly one
// piece.
func onePiece(t *testing.T) int64 {
	t.Helper()
	for n := int64(bus.PieceSize); n > bus.PieceSize-64<<10; n-- {
		if seal.EncryptedSize(seal.File{Size: n}.PackedSize()) == bus.PieceSize {
			return n
		}
	}
	t.Fatal("no file fills a piece")
	return 0
}

func TestBlobsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	full := onePiece(t)
	tests := []struct {
		name  string
		size  int64
		parts string
	}{
		{"empty", 0, "whole"}, {"a byte", 1, "whole"}, {"padded", 70_000, "whole"}, {"over the padding", 2 << 20, "whole"},
		{"a full piece", full, "whole"}, {"one byte more", full + 1, "piece piece manifest"},
		{"many pieces", 3*bus.PieceSize + 5, "piece piece piece piece manifest"},
	}
	for _, tt := range tests {
		for _, pipe := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{true: ", piped"}[pipe], func(t *testing.T) {
				t.Parallel()
				s := &transfertest.Shelf{}
				c, data := onShelf(t, s), transfertest.Noise(tt.size)
				src := Source{Data: bytes.NewReader(data), Size: tt.size, Mark: "mark"}
				if pipe {
					src = Source{Data: io.MultiReader(bytes.NewReader(data)), Size: seal.SizeUnknown}
				}
				ref, err := c.Put(t.Context(), bus.RoomID{1}, src)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(s.Parts, " "); got != tt.parts {
					t.Errorf("uploaded %s, want %s", got, tt.parts)
				}
				if got := fetch(t, c, ref); !bytes.Equal(got, data) {
					t.Errorf("got %d bytes, want the %d that were put", len(got), len(data))
				}
				for id, kept := range s.Kept {
					if len(data) > 16 && bytes.Contains(kept, data[:16]) {
						t.Errorf("object %s holds plaintext", id)
					}
				}
			})
		}
	}
}

// A file that was interrupted goes on: what the node has is not sent again.
func TestUploadGoesOn(t *testing.T) {
	t.Parallel()
	puts := 0
	s := &transfertest.Shelf{}
	s.Before = func(r *http.Request) (*http.Response, error) {
		s.Lock()
		defer s.Unlock()
		if puts++; r.Method == http.MethodPut && puts == 3 {
			return transfertest.Refuse(http.StatusForbidden, "read_only"), nil
		}
		return nil, nil
	}
	c, data := onShelf(t, s), transfertest.Noise(4*bus.PieceSize)
	put := func() (blob.Ref, error) {
		return c.Put(t.Context(), bus.RoomID{1}, Source{Data: bytes.NewReader(data), Size: int64(len(data)), Mark: "m"})
	}
	if _, err := put(); bus.CodeOf(err) != "read_only" {
		t.Fatalf("the first run: got %v, want the node's refusal", err)
	}
	before := len(s.Parts)
	if before == 0 {
		t.Fatal("the first run stored nothing")
	}
	ref, err := put()
	if err != nil {
		t.Fatal(err)
	}
	if want := 5 + 1; len(s.Parts) != want { // five pieces, their list
		t.Errorf("%d objects were sent in both runs, want %d: %v", len(s.Parts), want, s.Parts)
	}
	if got := fetch(t, c, ref); !bytes.Equal(got, data) {
		t.Error("the file came back changed")
	}
	if again, err := put(); err != nil || again.Text() == ref.Text() {
		t.Errorf("a finished upload was continued: %v", err)
	}
}

// The key of an interrupted upload never meets another content, also where size
// and time of the file are the same.
func TestChangedFileStartsAnew(t *testing.T) {
	t.Parallel()
	s, puts := &transfertest.Shelf{}, 0
	s.Before = func(r *http.Request) (*http.Response, error) {
		s.Lock()
		defer s.Unlock()
		if puts++; puts == 3 {
			return transfertest.Refuse(http.StatusForbidden, "read_only"), nil
		}
		return nil, nil
	}
	c, data := onShelf(t, s), transfertest.Noise(4*bus.PieceSize)
	put := func(r io.Reader) (blob.Ref, error) {
		return c.Put(t.Context(), bus.RoomID{1}, Source{Data: r, Size: int64(len(data)), Mark: "m"})
	}
	if _, err := put(bytes.NewReader(data)); err == nil {
		t.Fatal("the first run was to be interrupted")
	}
	first := secretOf(t, c)
	data[5] ^= 1
	if _, err := put(io.MultiReader(bytes.NewReader(data))); !errors.Is(err, errOtherFile) {
		t.Errorf("a source that cannot be read again: got %v", err)
	}
	if _, err := put(bytes.NewReader(data)); err != nil {
		t.Errorf("the run after it: got %v", err)
	}

	s.Lock()
	puts = 0
	s.Unlock()
	if _, err := put(bytes.NewReader(data)); err == nil {
		t.Fatal("this run was to be interrupted")
	}
	data[7] ^= 1
	ref, err := put(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, c, ref); !bytes.Equal(got, data) {
		t.Error("the file came back changed")
	}
	fragment := ref.Fragment()
	if bytes.Equal(fragment[:seal.SecretSize], first[:seal.SecretSize]) {
		t.Error("the key was used for two contents")
	}
}

func secretOf(t *testing.T, c Blobs) []byte {
	t.Helper()
	up, err := c.beginUpload(t.Context(), bus.RoomID{1}, Source{Size: 4 * bus.PieceSize, Mark: "m"})
	if err != nil || up.sent == nil {
		t.Fatalf("no upload is kept: %v", err)
	}
	return up.key.Bytes()
}

func TestBrokenDownloadGoesOn(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1 << 20, 3 * bus.PieceSize} {
		s := &transfertest.Shelf{Cut: 700_000, Cuts: 4}
		c, data := onShelf(t, s), transfertest.Noise(size)
		ref, err := c.Put(t.Context(), bus.RoomID{}, Source{Data: bytes.NewReader(data), Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if got := fetch(t, c, ref); !bytes.Equal(got, data) {
			t.Errorf("%d bytes that came in parts are not what was put", size)
		}
		if s.Cuts != 0 {
			t.Errorf("%d connections were not broken", s.Cuts)
		}
	}
}

func TestDamagedBlobIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{100, 2 * bus.PieceSize} {
		s := &transfertest.Shelf{}
		c, data := onShelf(t, s), transfertest.Noise(size)
		ref, err := c.Put(t.Context(), bus.RoomID{}, Source{Data: bytes.NewReader(data), Size: size})
		if err != nil {
			t.Fatal(err)
		}
		for id, kept := range s.Kept {
			if id != ref.ID().String() || !ref.IsManifest() {
				kept[len(kept)/2] ^= 1
			}
		}
		d, err := c.Get(t.Context(), ref)
		if err == nil {
			_, err = io.Copy(io.Discard, d.Data)
			d.Close()
		}
		if bus.KindOf(err) != bus.Integrity {
			t.Errorf("%d bytes: got %v, want it refused", size, err)
		}
	}
}

// A node that does not move is given up after the limit, and its last word is
// the error where it has said one.
func TestStalledTransfer(t *testing.T) {
	t.Parallel()
	const limit = 20 * time.Second
	silent := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	busy := func(r *http.Request) (*http.Response, error) {
		_, err := io.Copy(io.Discard, r.Body)
		return transfertest.Refuse(http.StatusServiceUnavailable, "busy"), err
	}
	gone := func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	tests := []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		heard  bool // it has answered something before
		code   string
		least  time.Duration
		most   time.Duration
	}{
		{"went silent", silent, true, "timeout", limit, limit},
		{"never answered", silent, false, "unreachable", limit, limit},
		{"busy", busy, true, "busy", limit - call.Longest, limit},
		{"not there", gone, false, "unreachable", 0, call.Longest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node := &transfertest.Shelf{}
				c := withoutStore(node)
				if tt.heard {
					_ = c.Call.Get(t.Context(), wire.TargetServer, nil)
				}
				node.Before = tt.answer
				ctx, stop := Watch(t.Context(), limit, nil)
				defer stop()
				start := time.Now()
				_, err := c.Put(ctx, bus.RoomID{}, Source{Data: strings.NewReader("hi"), Size: 2})
				if took := time.Since(start); bus.CodeOf(err) != tt.code || took < tt.least || took > tt.most {
					t.Errorf("put: got %v after %s, want code %s after %s to %s", err, took, tt.code, tt.least, tt.most)
				}
				start = time.Now()
				_, err = c.Get(ctx, blob.PieceRef(bus.Hash{1}, [blob.FragmentSize]byte{1}))
				if err == nil {
					t.Errorf("get: got nothing after %s", time.Since(start))
				}
			})
		})
	}
}

// The node may be restarted in the middle: what was taken before makes the
// client wait for it, as long as the limit allows.
func TestRestartedNodeIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down, up time.Time
		s := &transfertest.Shelf{}
		s.Before = func(*http.Request) (*http.Response, error) {
			now := time.Now()
			s.Lock()
			defer s.Unlock()
			if down.IsZero() && s.Asked == 1 {
				down, up = now, now.Add(8*time.Second)
			}
			if !down.IsZero() && now.Before(up) {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			return nil, nil
		}
		c, data := withoutStore(s), transfertest.Noise(2*bus.PieceSize)
		ctx, stop := Watch(t.Context(), 20*time.Second, nil)
		defer stop()
		ref, err := c.Put(ctx, bus.RoomID{}, Source{Data: bytes.NewReader(data), Size: int64(len(data))})
		if err != nil {
			t.Fatal(err)
		}
		if got := fetch(t, c, ref); !bytes.Equal(got, data) {
			t.Error("the blob came back changed")
		}
	})
}

// slow gives a byte, then nothing for a while.
type slow struct{ left int }

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	time.Sleep(time.Minute)
	return copy(p, "x"), nil
}

// Only the node is waited for: a pipe may take its time, and so may a reader.
func TestSlowEndsAreNoStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := withoutStore(&transfertest.Shelf{})
		moved := int64(0)
		ctx, stop := Watch(t.Context(), time.Second, func(n int64) { moved += n })
		defer stop()
		ref, err := c.Put(ctx, bus.RoomID{}, Source{Data: &slow{left: 5}, Size: seal.SizeUnknown})
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.Get(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		time.Sleep(time.Hour)
		if got, err := io.ReadAll(d.Data); err != nil || string(got) != "xxxxx" {
			t.Errorf("got %q %v", got, err)
		}
		if moved != 2*d.Stored {
			t.Errorf("%d bytes moved, want %d up and down", moved, 2*d.Stored)
		}
	})
}

// Whoever stops the command is not held by a pipe that says nothing, and a
// refusal is told before the pipe says more.
func TestSilentPipeHoldsNobody(t *testing.T) {
	t.Parallel()
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		pipe, end := io.Pipe()
		defer end.Close()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err := withoutStore(&transfertest.Shelf{}).Put(ctx, bus.RoomID{}, Source{Data: pipe, Size: seal.SizeUnknown})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		pipe, end := io.Pipe()
		defer end.Close()
		go end.Write(transfertest.Noise(3 * bus.PieceSize)) // and then nothing more
		s := &transfertest.Shelf{Before: func(*http.Request) (*http.Response, error) {
			return transfertest.Refuse(http.StatusForbidden, "read_only"), nil
		}}
		_, err := withoutStore(s).Put(t.Context(), bus.RoomID{}, Source{Data: pipe, Size: seal.SizeUnknown})
		if bus.CodeOf(err) != "read_only" {
			t.Errorf("got %v", err)
		}
	})
}

func TestStatBlob(t *testing.T) {
	t.Parallel()
	s := &transfertest.Shelf{}
	c := onShelf(t, s)
	data := []byte("hello")
	ref, err := c.Put(t.Context(), bus.RoomID{7}, Source{Data: bytes.NewReader(data), Name: "a.txt", Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	s.Before = func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/blobs" {
			return transfertest.Answer(http.StatusOK, []byte(`{"items":[{"id":"`+ref.ID().String()+`","uploader":"bob","created":"2026-11-21T12:00:00Z"}]}`)), nil
		}
		return nil, nil
	}
	got, err := c.Stat(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	stored := s.Kept[ref.ID().String()]
	if got.File != (seal.File{Name: "a.txt", Size: 5}) || got.Room != (bus.RoomID{7}) || got.Uploader != "bob" ||
		got.Pieces != 1 || got.Size != int64(len(stored)) || got.ID != sha256.Sum256(stored) {
		t.Errorf("got %+v", got)
	}
}
