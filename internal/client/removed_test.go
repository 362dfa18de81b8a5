package client_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// stillReads is what a client shows of a room without its node.
func stillReads(t *testing.T, c *client.Client, id bus.RoomID) string {
	t.Helper()
	got, _ := keptTexts(t, c, id, client.Span{Limit: 100})
	return strings.Join(got, ",")
}

// outOf finds a room that somebody is out of among those that he knows.
func outOf(t *testing.T, c *client.Client, id bus.RoomID) (f client.Facts, known bool) {
	t.Helper()
	rooms, err := c.KnownRooms(nodetest.Context(t))
	must(t, err)
	for _, f := range rooms {
		if f.ID == id {
			return f, true
		}
	}
	return f, false
}

// Who is put out of a room learns by whom, and still reads there what he had read, in
// another process too. Once he is in again it is all there.
func TestWhoIsPutOut(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	send(t, b.Admin.Client, b.General, "what he reads")
	read(t, bob.Client, b.General)
	s, r := follow(t, bob.Client, b.General)
	_, err := b.Admin.Kick(ctx, b.General, "bob")
	must(t, err)
	wantError(t, "the follow", r.wait(t), bus.Forbidden, "removed")
	s.mu.Lock()
	last := s.others[len(s.others)-1].Removed
	s.mu.Unlock()
	if last == nil || last.Reason != bus.RemovedKicked || last.By != "admin" {
		t.Errorf("told %+v", last)
	}
	send(t, b.Admin.Client, b.General, "what he does not")

	again := bob.Again()
	if f, known := outOf(t, again, b.General); !known || f.Gone != bus.RemovedKicked || f.GoneBy != "admin" || f.Name != "general" {
		t.Errorf("in another process: %v, %+v", known, f)
	}
	if got := stillReads(t, again, b.General); got != "what he reads" {
		t.Errorf("in another process: %q", got)
	}
	err = readOnce(t, again, b.General)
	wantError(t, "reading from the node", err, bus.Forbidden, "not_member")
	found, err := again.Search(ctx, client.Search{Words: "reads", Limit: 9})
	if err != nil || len(found) != 1 {
		t.Errorf("finds %d messages, %v", len(found), err)
	}

	_, err = b.Admin.AddMembers(ctx, b.General, bus.RoleMember, "bob")
	must(t, err)
	_, err = again.ListMyRooms(ctx)
	must(t, err)
	if f, known := outOf(t, again, b.General); !known || f.Gone != "" || f.Role != bus.RoleMember {
		t.Errorf("in again: %v, %+v", known, f)
	}
	send(t, b.Admin.Client, b.General, "welcome back")
	if got := strings.Join(texts(read(t, again, b.General)), ","); got != "what he reads,welcome back" {
		t.Errorf("in again: %q", got)
	}
}

// A room that one left is forgotten. Where the node shows nobody's entry, nobody is
// named; and it is asked again while it does not answer.
func TestWhoIsOutAndHow(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	left := newRoom(t, b, "left", "bob")
	for _, id := range []bus.RoomID{b.General, left} {
		send(t, b.Admin.Client, id, "words")
		read(t, bob.Client, id)
	}
	if out, err := bob.Missing(ctx, left); out != nil || err != nil {
		t.Errorf("of a room of his: %+v, %v", out, err)
	}
	must(t, bob.Again().Leave(ctx, left, ""))
	if out, err := bob.Missing(ctx, left); err != nil || out == nil || out.Reason != bus.RemovedLeft {
		t.Errorf("of a room that he left elsewhere: %+v, %v", out, err)
	}
	if _, known := outOf(t, bob.Client, left); known {
		t.Error("the room that he left is kept")
	}
	_, err := b.Admin.Kick(ctx, b.General, "bob")
	must(t, err)
	status := http.StatusServiceUnavailable
	bob.Between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/log") && req.URL.Path != "/log" {
			return &http.Response{StatusCode: status, Body: http.NoBody, Request: req, Header: http.Header{}}, nil
		}
		return next.RoundTrip(req)
	})
	short, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if out, err := bob.Missing(short, b.General); out != nil || err == nil {
		t.Errorf("while the log is not to be had: %+v, %v", out, err)
	}
	status = http.StatusForbidden
	if out, err := bob.Missing(ctx, b.General); err != nil || out == nil || *out != (bus.RemovedEvent{Reason: bus.RemovedKicked}) {
		t.Errorf("told of nobody: %+v, %v", out, err)
	}
	if got := stillReads(t, bob.Client, b.General); got != "words" {
		t.Errorf("keeps %q", got)
	}
}

// A node that says alone that a room was deleted, or that one is out of it, makes
// nobody forget what he read there or has to send. Once it takes that back, all goes on.
func TestRefusedWithoutAnEntry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code, told string
		reason     bus.RemovedReason
	}{
		{"room_closed", "room_closed", bus.RemovedClosed},
		{"not_member", "removed", bus.RemovedKicked},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			b := nodetest.Boot(t)
			bob, ctx := b.Bob(b.General), nodetest.Context(t)
			send(t, b.Admin.Client, b.General, "kept words")
			read(t, bob.Client, b.General)
			must(t, bob.Queue(ctx, b.General, text("waits for the bus")))
			var lies atomic.Bool
			bob.Between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if !lies.Load() || !strings.Contains(req.URL.Path, "/rooms/") {
					return next.RoundTrip(req)
				}
				body := `{"error":{"code":"` + tt.code + `","message":"no"}}`
				return &http.Response{StatusCode: http.StatusForbidden, Body: io.NopCloser(strings.NewReader(body)), Request: req,
					Header: http.Header{"Content-Type": {"application/json"}}}, nil
			})
			lies.Store(true)
			var told *bus.RemovedEvent
			live := bob.NewLive(nil)
			live.Follow(b.General, 0, func(e bus.Event) error {
				if e.Removed != nil {
					told = e.Removed
				}
				return nil
			})
			wantError(t, "the follow", live.Run(ctx), bus.Forbidden, tt.told)
			if told == nil || *told != (bus.RemovedEvent{Reason: tt.reason}) {
				t.Errorf("told %+v", told)
			}
			if f, known := outOf(t, bob.Client, b.General); !known || f.Gone != tt.reason || f.GoneBy != "" || f.Name != "general" {
				t.Errorf("known %v, %+v", known, f)
			}
			kept := func(when string) {
				t.Helper()
				waiting, err := bob.Queued(ctx, b.General)
				if got := stillReads(t, bob.Client, b.General); err != nil || got != "kept words" || len(waiting) != 1 {
					t.Errorf("%s: reads %q, %d wait, %v", when, got, len(waiting), err)
				}
			}
			kept("after the lie")
			lies.Store(false)
			_, err := bob.ListMyRooms(ctx)
			must(t, err)
			if f, known := outOf(t, bob.Client, b.General); !known || f.Gone != "" || f.Role != bus.RoleMember {
				t.Errorf("after it was taken back: %v, %+v", known, f)
			}
			kept("after it was taken back")
			must(t, readOnce(t, bob.Client, b.General))
		})
	}
}

// A room that an owner deleted is forgotten: the entry shows it, and by whom.
func TestDeletionIsShown(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	send(t, b.Admin.Client, b.General, "words")
	read(t, bob.Client, b.General)
	must(t, b.Admin.DeleteRoom(ctx, b.General))
	if out, err := bob.Missing(ctx, b.General); err != nil || out == nil || *out != (bus.RemovedEvent{Reason: bus.RemovedClosed, By: "admin"}) {
		t.Errorf("told %+v, %v", out, err)
	}
	if _, known := outOf(t, bob.Client, b.General); known {
		t.Error("the room is kept")
	}
}
