package client

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/client/transfer"
	"unibus/internal/client/transfertest"
	"unibus/internal/identity"
	"unibus/internal/profile"
)

// onShelf is a client of a shelf, with an empty profile.
func onShelf(t *testing.T, s *transfertest.Shelf) *Client {
	t.Helper()
	store, err := profile.Memory(t.Context(), identity.NewProfileKey())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &Client{call: call.New("node:1", bus.ID{}, identity.NewTransportKey(), s, time.Now), store: store, now: time.Now}
}

// waits is the one thing that waits to be sent to a room.
func waits(t *testing.T, c *Client, room bus.RoomID) Queued {
	t.Helper()
	queued, err := c.Queued(t.Context(), room)
	if err != nil || len(queued) != 1 {
		t.Fatalf("%d wait, %v", len(queued), err)
	}
	return queued[0]
}

// A file waits under its id, and once it is uploaded the record that brings it
// does; an upload that broke goes on.
func TestQueuedFile(t *testing.T) {
	t.Parallel()
	s, puts := &transfertest.Shelf{}, 0
	s.Before = func(r *http.Request) (*http.Response, error) {
		s.Lock()
		defer s.Unlock()
		if puts++; r.Method == http.MethodPut && puts == 3 {
			return transfertest.Refuse(http.StatusServiceUnavailable, "away"), nil
		}
		return nil, nil
	}
	c, data := onShelf(t, s), transfertest.Noise(4*bus.PieceSize)
	room, id := bus.RoomID{1}, bus.RecordID{7}
	a := Attached{Path: "/a b", Name: "b", Size: int64(len(data)), Mark: "m"}
	if err := c.QueueFile(t.Context(), room, id, a); err != nil {
		t.Fatal(err)
	}
	q := waits(t, c, room)
	if m := Preview(q.Record); q.File == nil || *q.File != a || m.ID != id || m.File == nil || m.File.Name != "b" || m.File.Size != a.Size {
		t.Fatalf("waits as %+v of %+v", m.File, q.File)
	}
	src := func() transfer.Source {
		return transfer.Source{Data: bytes.NewReader(data), Name: a.Name, Size: a.Size, Mark: a.Mark}
	}
	for tries := 0; q.File != nil; tries++ {
		found, err := c.UploadQueued(t.Context(), room, q, src())
		if tries > 9 || (err == nil) != found {
			t.Fatalf("try %d: found %v, %v", tries, found, err)
		}
		q = waits(t, c, room)
	}
	if want := 5 + 1; len(s.Parts) != want {
		t.Errorf("%d objects were sent, want %d: %v", len(s.Parts), want, s.Parts)
	}
	ref, err := blob.ParseRef(Preview(q.Record).File.Ref)
	if err != nil || q.Record.ID != id {
		t.Fatalf("record %v, %v", q.Record.ID, err)
	}
	d, err := c.Blobs().Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, err := io.ReadAll(d.Data); err != nil || !bytes.Equal(got, data) {
		t.Error("the file came back changed")
	}
}

// A file that is not what was sent of it already is not sent in its place: it waits,
// until the person says that it goes as it is now.
func TestQueuedFileThatChanged(t *testing.T) {
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
	c, room, data := onShelf(t, s), bus.RoomID{1}, transfertest.Noise(4*bus.PieceSize)
	a := Attached{Name: "b", Size: int64(len(data)), Mark: "m"}
	if err := c.QueueFile(t.Context(), room, bus.RecordID{7}, a); err != nil {
		t.Fatal(err)
	}
	upload := func() error {
		_, err := c.UploadQueued(t.Context(), room, waits(t, c, room),
			transfer.Source{Data: bytes.NewReader(data), Name: a.Name, Size: a.Size, Mark: a.Mark})
		return err
	}
	if upload() == nil {
		t.Fatal("the first run was to be interrupted")
	}
	data[5] ^= 1
	if err := upload(); bus.CodeOf(err) != "file_changed" || waits(t, c, room).File == nil {
		t.Fatalf("what changed is sent: %v", err)
	}
	if err := upload(); err != nil || waits(t, c, room).File != nil {
		t.Errorf("sent again: %v", err)
	}
}

// What was given up while it was uploaded is not sent, nor is it held.
func TestQueuedFileGivenUp(t *testing.T) {
	t.Parallel()
	c, room, id := onShelf(t, &transfertest.Shelf{}), bus.RoomID{1}, bus.RecordID{7}
	if err := c.QueueFile(t.Context(), room, id, Attached{Name: "b", Size: 2, Mark: "m"}); err != nil {
		t.Fatal(err)
	}
	q := waits(t, c, room)
	held := q
	held.File = &Attached{Name: "b", Size: 2, Mark: "m", Held: true}
	if found, err := c.RequeueFile(t.Context(), room, held); !found || err != nil || !waits(t, c, room).File.Held {
		t.Fatalf("not held: %v, %v", found, err)
	}
	if err := c.Unqueue(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	found, err := c.UploadQueued(t.Context(), room, q, transfer.Source{Data: bytes.NewReader([]byte("hi")), Name: "b", Size: 2, Mark: "m"})
	if found || err != nil {
		t.Errorf("uploaded: found %v, %v", found, err)
	}
	if found, err := c.RequeueFile(t.Context(), room, held); found || err != nil {
		t.Errorf("held: found %v, %v", found, err)
	}
	if queued, err := c.Queued(t.Context(), room); len(queued) != 0 || err != nil {
		t.Errorf("%d wait, %v", len(queued), err)
	}
}
