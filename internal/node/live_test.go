package node_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
)

func TestSecondStartFindsEverything(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	send(t, alice, b.General, "before")
	id, _ := b.Bus()
	b.Restart()
	if again, ok := b.Bus(); !ok || again != id {
		t.Errorf("bus after a restart: got %v %v, want %v", again, ok, id)
	}
	send(t, alice, b.General, "after")
	if got := texts(t, b.Admin, b.General); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("messages after a restart: got %q", got)
	}
}

// What was acknowledged while the node was being stopped is there afterwards.
func TestStopDuringTraffic(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx, cancel := context.WithCancel(nodetest.Context(t))
	live := alice.NewLive(nil)
	box := live.Post(b.General, 0)
	var running sync.WaitGroup
	running.Go(func() { _ = live.Run(ctx) })

	acks := make(chan client.Ack, 4096)
	var acked sync.Map
	flowing := make(chan struct{})
	running.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			r := text(fmt.Sprint(n))
			if box.Send(ctx, r, acks) != nil {
				return
			}
			select {
			case a := <-acks:
				if a.Err == nil {
					acked.Store(fmt.Sprint(n), true)
				}
			case <-ctx.Done():
				return
			}
			if n == 20 {
				close(flowing)
			}
		}
	})
	<-flowing
	b.Stop()
	cancel()
	running.Wait()
	b.Restart()
	got := texts(t, b.Admin, b.General)
	acked.Range(func(key, _ any) bool {
		if !slices.Contains(got, key.(string)) {
			t.Errorf("message %v was acknowledged and is lost", key)
		}
		return true
	})
}

// closedBy connects as somebody and returns a channel that is closed when the
// node ends the connection.
func closedBy(t *testing.T, p *nodetest.Person) <-chan struct{} {
	t.Helper()
	gone := make(chan struct{})
	if _, err := p.Dial(func(error) {}, nats.ClosedHandler(func(*nats.Conn) { close(gone) })); err != nil {
		t.Fatalf("%s connects: %v", p.Name, err)
	}
	return gone
}

func TestRevocationCutsLiveConnections(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	first, second, other := closedBy(t, alice), closedBy(t, alice), closedBy(t, bob)
	rev, err := b.Admin.RevokeUser(nodetest.Context(t), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if !rev.Changed || rev.Cut != 2 || !slices.Contains(rev.Rekeyed, b.General) {
		t.Errorf("revocation: got %+v, want 2 connections cut and general rekeyed", rev)
	}
	for _, gone := range []<-chan struct{}{first, second} {
		select {
		case <-gone:
		case <-nodetest.Context(t).Done():
			t.Fatal("a revoked user's connection lives on")
		}
	}
	select {
	case <-other:
		t.Error("another user's connection was cut")
	default:
	}
	if _, err := alice.Dial(func(error) {}); err == nil {
		t.Error("a revoked user connects again")
	}
	res := alice.Do(alice.Request(http.MethodGet, "/users", nil))
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a revoked user's request: got %s, want 401", res.Status)
	}
	if again, err := b.Admin.RevokeUser(nodetest.Context(t), "alice"); err != nil || again.Changed || again.Cut != 0 {
		t.Errorf("the same revocation again: got %+v %v", again, err)
	}
}

// notices connects as somebody and collects the notices that come.
func notices(t *testing.T, p *nodetest.Person) <-chan string {
	t.Helper()
	nc, err := p.Dial(func(err error) { t.Errorf("%s: %v", p.Name, err) })
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 64)
	if _, err := nc.Subscribe(wire.EventWildcard(p.Endpoint()), func(m *nats.Msg) { got <- m.Subject + " " + string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return got
}

func wantNotice(t *testing.T, p *nodetest.Person, from <-chan string, kind wire.Notice, room bus.RoomID) {
	t.Helper()
	until(t, p, from, kind, room)
}

// until waits for a notice and returns what came before it.
func until(t *testing.T, p *nodetest.Person, from <-chan string, kind wire.Notice, room bus.RoomID) (before string) {
	t.Helper()
	want := wire.EventSubject(p.Endpoint(), kind) + fmt.Sprintf(` {"room":"%s"}`, room)
	ctx := nodetest.Context(t)
	for {
		select {
		case got := <-from:
			if got == want {
				return before
			}
			before += got + "\n"
		case <-ctx.Done():
			t.Fatalf("%s was not told %q", p.Name, want)
		}
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob, mallory := b.Alice(b.General), b.Bob(b.General), b.Mallory()
	toAlice, toBob, toMallory := notices(t, alice), notices(t, bob), notices(t, mallory)
	ctx := nodetest.Context(t)

	ops, err := b.Admin.CreateRoom(ctx, "ops", client.RoomOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Admin.AddMembers(ctx, ops, bus.RoleMember, "alice"); err != nil {
		t.Fatal(err)
	}
	wantNotice(t, alice, toAlice, wire.NoticeJoined, ops)
	if err := b.Admin.Rekey(ctx, b.General); err != nil {
		t.Fatal(err)
	}
	wantNotice(t, alice, toAlice, wire.NoticeLog, b.General)
	if _, err := b.Admin.Kick(ctx, ops, "alice"); err != nil {
		t.Fatal(err)
	}
	wantNotice(t, alice, toAlice, wire.NoticeLeft, ops)

	// A change in several rooms is told to the members of each.
	if _, err := b.Admin.AddMembers(ctx, ops, bus.RoleMember, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Admin.RevokeUser(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	last, err := b.Admin.CreateRoom(ctx, "last", client.RoomOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Admin.AddMembers(ctx, last, bus.RoleMember, "bob"); err != nil {
		t.Fatal(err)
	}
	about := until(t, bob, toBob, wire.NoticeJoined, last)
	if !strings.Contains(about, b.General.String()) || strings.Contains(about, ops.String()) {
		t.Errorf("bob was told %q: want general, where he is, and not ops", about)
	}
	if len(toMallory) > 0 {
		t.Errorf("mallory, who is in no room, was told %q", <-toMallory)
	}
}

// A member who loses the right to write is off the connection that had it.
func TestDemotionIsImmediate(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx, cancel := context.WithCancel(nodetest.Context(t))
	defer cancel()
	var lives atomic.Int32
	online := make(chan struct{}, 16)
	live := alice.NewLive(func(e bus.StateEvent) {
		if e.State == "online" {
			lives.Add(1)
			online <- struct{}{}
		}
	})
	live.Follow(b.General, 0, func(bus.Event) error { return nil })
	done := make(chan struct{})
	go func() { defer close(done); _ = live.Run(ctx) }()
	<-online
	if _, err := b.Admin.SetRoomRole(ctx, b.General, "alice", bus.RoleReader); err != nil {
		t.Fatal(err)
	}
	select {
	case <-online: // the next life, without the right
	case <-ctx.Done():
		t.Fatal("the connection with the old right lives on")
	}
	cancel()
	<-done
}

func TestSweep(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	b := nodetest.Boot(t, func(o *node.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	ctx := nodetest.Context(t)
	short, err := b.Admin.CreateRoom(ctx, "short", client.RoomOptions{Retention: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := b.Admin.CreateRoom(ctx, "closed", client.RoomOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stored := func(want map[bus.RoomID]uint64) {
		t.Helper()
		for room, n := range want {
			if got, err := b.Stored(ctx, room); err != nil || got != n {
				t.Errorf("after %v: room %s: %d messages %v, want %d", time.Duration(ahead.Load()), room, got, err, n)
			}
		}
	}
	send(t, b.Admin, closed, "hello")
	stored(map[bus.RoomID]uint64{closed: 1})
	if err := b.Admin.DeleteRoom(ctx, closed); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the messages of a deleted room are purged", func(ctx context.Context) bool {
		n, err := b.Stored(ctx, closed)
		return err == nil && n == 0
	})
	send(t, b.Admin, short, "hello")
	send(t, b.Admin, b.General, "hello")
	b.Sweep(ctx)
	stored(map[bus.RoomID]uint64{b.General: 1, short: 1})

	ahead.Store(int64(time.Hour + 6*time.Minute)) // and a tenth
	b.Sweep(ctx)
	stored(map[bus.RoomID]uint64{b.General: 1, short: 0})
	ahead.Store(int64(31 * 24 * time.Hour))
	b.Sweep(ctx)
	stored(map[bus.RoomID]uint64{b.General: 0, short: 0})
}

func TestClearRoomsStayOnLoopback(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	clear, err := b.Admin.CreateRoom(ctx, "clear", client.RoomOptions{Clear: true})
	if err != nil {
		t.Fatalf("a room in clear text on loopback: %v", err)
	}
	send(t, b.Admin, clear, "hello")
	b.Stop()
	public := b.Options
	public.Listen, public.Hosts = "0.0.0.0:0", []string{"127.0.0.1"}
	refused(t, public, "clear_rooms", clear.String())
	if err := node.Check(ctx, public); bus.CodeOf(err) != "clear_rooms" {
		t.Errorf("check: got %v, want clear_rooms", err)
	}
	b.Restart()
	if err := b.Admin.DeleteRoom(ctx, clear); err != nil {
		t.Fatal(err)
	}
	b.Stop()
	b.Options = public
	b.Restart()
	if _, err := b.Admin.CreateRoom(ctx, "clear", client.RoomOptions{Clear: true}); bus.CodeOf(err) != "cleartext_refused" {
		t.Errorf("a room in clear text on a public node: got %v, want cleartext_refused", err)
	}
}

// A registered non-member hears nothing of others, whatever she subscribes to.
func TestMalloryHearsNothing(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	refusals := make(chan error, 16)
	nc, err := mallory.Dial(func(err error) { refusals <- err })
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan *nats.Msg, 16)
	subjects := []string{">", wire.OutSubject(b.General), wire.EventWildcard(alice.Endpoint()), wire.InboxWildcard(alice.Endpoint()), "$JS.API.>"}
	for _, s := range subjects {
		if _, err := nc.ChanSubscribe(s, heard); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	send(t, alice, b.General, "secret")
	for range subjects {
		select {
		case err := <-refusals:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("got %v, want a permission violation", err)
			}
		case <-nodetest.Context(t).Done():
			t.Fatal("a subscription was not refused")
		}
	}
	if len(heard) > 0 {
		t.Errorf("mallory heard %q", (<-heard).Subject)
	}
}

// What is on the node's disk shows neither a message nor a room's name.
func TestDiskHoldsNoWords(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "canary-room", client.RoomOptions{})
	if err != nil {
		t.Fatal(err)
	}
	send(t, b.Admin, room, "canary-message")
	b.Stop()
	root := os.DirFS(b.Options.Dir)
	for _, word := range []string{"canary-room", "canary-message"} {
		if path := find(t, root, []byte(word)); path != "" {
			t.Errorf("%s holds %q", path, word)
		}
	}
	if find(t, root, []byte("admin")) == "" {
		t.Error("the search finds nothing at all")
	}
}
