package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/frame"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
)

// ear is a connection to one room that keeps what it hears, with none of the
// restraint of a client.
type ear struct {
	*nats.Conn
	heard chan heard
	gone  chan struct{}
}

type heard struct {
	at    time.Time
	epoch bus.Epoch
}

func newEar(t *testing.T, p *nodetest.Person, room bus.RoomID) *ear {
	t.Helper()
	e := &ear{heard: make(chan heard, 1<<16), gone: make(chan struct{})}
	var err error
	e.Conn, err = p.Dial(func(error) {}, nats.ClosedHandler(func(*nats.Conn) { close(e.gone) }))
	must(t, err)
	reply := e.open(t, p, room)
	if len(reply.Granted) != 1 {
		t.Fatalf("%s opens the room: got %+v", p.Name, reply)
	}
	_, err = e.Subscribe(wire.OutSubject(room), func(m *nats.Msg) {
		h, err := frame.Parse(m.Data)
		if err != nil {
			t.Errorf("%s hears no frame: %v", p.Name, err)
		}
		e.heard <- heard{time.Now(), h.Epoch}
	})
	must(t, err)
	must(t, e.Flush())
	return e
}

// open asks for a room on this connection.
func (e *ear) open(t *testing.T, p *nodetest.Person, room bus.RoomID) (reply wire.OpenReply) {
	t.Helper()
	client, err := e.GetClientID()
	must(t, err)
	server := wire.ServerToken(e.ConnectedServerId())
	req, err := json.Marshal(wire.OpenRequest{Server: server, Client: client, Rooms: []bus.RoomID{room}})
	must(t, err)
	must(t, json.Unmarshal(e.ask(t, wire.OpenSubject(p.Endpoint(), server), req), &reply))
	return reply
}

func (e *ear) ask(t *testing.T, subject string, data []byte) []byte {
	t.Helper()
	inbox := e.NewInbox()
	answers, err := e.SubscribeSync(inbox)
	must(t, err)
	must(t, e.PublishRequest(subject, inbox, data))
	m, err := answers.NextMsgWithContext(nodetest.Context(t))
	must(t, err)
	return m.Data
}

func (e *ear) wantGone(t *testing.T, who bus.Handle) {
	t.Helper()
	select {
	case <-e.gone:
	case <-nodetest.Context(t).Done():
		t.Fatalf("%s is still connected", who)
	}
}

func wantError(t testing.TB, what string, err error, kind bus.Kind, code string) {
	t.Helper()
	if bus.KindOf(err) != kind || bus.CodeOf(err) != code {
		t.Errorf("%s: got %v (kind %d, code %s), want kind %d, code %s", what, err, bus.KindOf(err), bus.CodeOf(err), kind, code)
	}
}

// readOnce asks for history and drops it.
func readOnce(t testing.TB, c *client.Client, room bus.RoomID) error {
	return c.Read(nodetest.Context(t), room, client.ReadOptions{Limit: 10}, func(bus.Event) error { return nil })
}

// wantRemoved checks the end of a follow.
func (s *seen) wantRemoved(t testing.TB, reason string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := bus.Event{}
	if len(s.others) > 0 {
		last = s.others[len(s.others)-1]
	}
	if last.Removed == nil || string(last.Removed.Reason) != reason {
		t.Errorf("end of a follow: got %+v, want a removed event, reason %q", last, reason)
	}
}

// Once a removal is acknowledged the removed one hears nothing more, though
// others go on talking.
func TestRemovedMemberHearsNothing(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	raw := newEar(t, bob, b.General)
	got, reading := follow(t, bob.Client, b.General)

	live := alice.NewLive(nil)
	box := live.Post(b.General, 0)
	start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, 1<<16)
	talk := start(t, func(ctx context.Context) error {
		for n := 0; ; n++ {
			if err := box.Send(ctx, text(fmt.Sprint(n)), acks); err != nil {
				return nil
			}
		}
	})
	wantAcks(t, ctx, acks, 100)
	before := epochOf(t, b.Admin.Client, b.General)
	_, err := b.Admin.Kick(ctx, b.General, "bob")
	acknowledged := time.Now()
	must(t, err)
	wantAcks(t, ctx, acks, len(acks)+500) // far more than were on the way
	talk.end()

	raw.wantGone(t, "bob")
	close(raw.heard)
	late := time.Duration(0)
	for h := range raw.heard {
		late = max(late, h.at.Sub(acknowledged))
		if h.epoch > before {
			t.Errorf("bob heard a frame of epoch %d, which began with his removal", h.epoch)
		}
	}
	t.Logf("the last message reached bob %v after the removal was acknowledged (at most 100ms)", late)
	if late > 100*time.Millisecond {
		t.Errorf("bob heard a message %v after his removal was acknowledged", late)
	}
	wantError(t, "bob's follow", reading.wait(t), bus.Forbidden, "removed")
	got.wantRemoved(t, "removed")
	wantError(t, "bob's next read", readOnce(t, bob.Client, b.General), bus.Forbidden, "not_member")
	_, err = bob.SendOne(ctx, b.General, text("still here"))
	wantError(t, "bob's next message", err, bus.Forbidden, "removed")
}

// epochOf is the key generation of a room in force.
func epochOf(t testing.TB, c *client.Client, room bus.RoomID) bus.Epoch {
	t.Helper()
	log, err := c.Log(nodetest.Context(t), room)
	must(t, err)
	return log[len(log)-1].Epoch
}

func TestRevokedUserIsTold(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob := b.Bob(b.General)
	got, reading := follow(t, bob.Client, b.General)
	_, err := b.Admin.RevokeUser(nodetest.Context(t), "bob")
	must(t, err)
	wantError(t, "a revoked user's follow", reading.wait(t), bus.Unauthenticated, "revoked")
	got.wantRemoved(t, "revoked")
	wantError(t, "his next read", readOnce(t, bob.Client, b.General), bus.Unauthenticated, "revoked")
	_, err = bob.SendOne(nodetest.Context(t), b.General, text("still here"))
	wantError(t, "his next message", err, bus.Unauthenticated, "revoked")
	live := bob.Again().NewLive(nil)
	live.Follow(b.General, 0, func(bus.Event) error { return nil })
	wantError(t, "his next follow", live.Run(nodetest.Context(t)), bus.Unauthenticated, "revoked")
}

// What somebody sends after he left is refused, also over a connection and a
// process that are not told yet.
func TestFramesAfterLeavingAreRefused(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob := b.Bob(b.General)
	raw := newEar(t, bob, b.General)
	live := bob.Again().NewLive(nil)
	box := live.Post(b.General, 0)
	sending := start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, 2)
	must(t, box.Send(ctx, text("before"), acks))
	wantAcks(t, ctx, acks, 1)
	old := stored(t, bob, b.General)

	must(t, bob.Leave(ctx, b.General, ""))
	_ = box.Send(ctx, text("after"), acks)
	wantError(t, "the other process of a leaver", sending.wait(t), bus.Forbidden, "removed")
	raw.wantGone(t, "bob")
	again, err := bob.Dial(func(error) {})
	must(t, err)
	e := &ear{Conn: again}
	if reply := e.open(t, bob, b.General); len(reply.Granted) != 0 {
		t.Errorf("a leaver opens the room: got %+v, want it refused", reply)
	}
	post := wire.PostSubject(wire.ServerToken(again.ConnectedServerId()), b.General, bob.Endpoint())
	must(t, again.PublishRequest(post, again.NewInbox(), old[0].Frame))
	must(t, again.Flush())
	got := newSeen()
	for _, e := range read(t, b.Admin.Client, b.General) {
		must(t, got.add(e))
	}
	got.wantOnce(t, []string{"before"})
	if n := len(stored(t, b.Admin, b.General)); n != 1 {
		t.Errorf("got %d stored frames, want the one from before he left", n)
	}
}

// Who is added later sees one line instead of all that came before, however
// many keys that had.
func TestNewcomerSeesNothingOlder(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob()
	mallory := b.Mallory()
	ctx := nodetest.Context(t)
	for n := range 3 {
		send(t, alice.Client, b.General, fmt.Sprint("old ", n))
		_, err := b.Admin.AddMembers(ctx, b.General, bus.RoleReader, mallory.Name)
		must(t, err)
		send(t, alice.Client, b.General, fmt.Sprint("older still ", n))
		_, err = b.Admin.Kick(ctx, b.General, mallory.Name)
		must(t, err)
	}
	_, err := b.Admin.AddMembers(ctx, b.General, bus.RoleMember, "bob")
	must(t, err)
	send(t, alice.Client, b.General, "new")
	got, _ := follow(t, bob.Client, b.General)
	send(t, alice.Client, b.General, "newest")
	got.untilText(t, "newest")
	got.wantOnce(t, []string{"new", "newest"})
	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.others) != 1 || got.others[0].Start == nil || got.others[0].Start.Reason != "joined" {
		t.Errorf("other events of a newcomer: got %+v, want one start, reason joined", got.others)
	}
}

// New keys while somebody writes and somebody reads lose nothing.
func TestRekeyWhileReading(t *testing.T) {
	t.Parallel()
	changes := count(6, 30)
	const each = 100 // messages about every change
	b := nodetest.Boot(t)
	alice, bob, mallory := b.Alice(b.General), b.Bob(b.General), b.Mallory()
	got, _ := follow(t, bob.Client, b.General)
	live := alice.NewLive(nil)
	box := live.Post(b.General, 0)
	start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, changes*each)
	var want []string
	for n := range changes {
		changed := make(chan error, 1)
		go func() {
			var err error
			if n%2 == 0 {
				_, err = b.Admin.AddMembers(ctx, b.General, bus.RoleMember, mallory.Name)
			} else {
				_, err = b.Admin.Kick(ctx, b.General, mallory.Name)
			}
			changed <- err
		}()
		for i := range each {
			want = append(want, fmt.Sprintf("%d/%d", n, i))
			must(t, box.Send(ctx, text(want[len(want)-1]), acks))
		}
		must(t, <-changed)
	}
	messages := len(want)
	wantAcks(t, ctx, acks, messages)
	got.untilTexts(t, messages)
	got.wantOnce(t, want)
	got.wantOrder(t, want)
	epochs := map[bus.Epoch]int{}
	for _, h := range frames(t, bob, b.General) {
		epochs[h.Epoch]++
	}
	t.Logf("%d messages in %d epochs, %d of them late", messages, len(epochs), got.late)
	if len(epochs) < changes/2 {
		t.Errorf("got messages of epochs %v: the keys did not change while they flowed", epochs)
	}
}

// A key change finds messages that were sent and not acknowledged: they are
// sealed anew under their ids, and everybody sees each once, whether the first
// copies had arrived or not.
func TestUnacknowledgedIsSealedAnew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lose   func(*relay)
		copies int // of each message, on the node
	}{
		{"the answers were lost", (*relay).mute, 2},
		{"the messages were lost", (*relay).deafen, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := nodetest.Boot(t)
			alice, bob := b.Alice(b.General), b.Bob(b.General)
			got, _ := follow(t, bob.Client, b.General)
			r := newRelay(t, b)
			r.carries(alice)
			live := alice.Again().NewLive(nil)
			box := live.Post(b.General, 0)
			start(t, live.Run)
			ctx := nodetest.Context(t)
			acks := make(chan client.Ack, 8)
			must(t, box.Send(ctx, text("first"), acks))
			wantAcks(t, ctx, acks, 1)

			tt.lose(r)
			want := []string{"first"}
			for n := range 5 {
				want = append(want, fmt.Sprint(n))
				must(t, box.Send(ctx, text(want[n+1]), acks))
			}
			if tt.copies == 2 {
				got.untilTexts(t, len(want))
			}
			must(t, b.Admin.Rekey(ctx, b.General))
			r.cut()
			wantAcks(t, ctx, acks, 5)
			send(t, b.Admin.Client, b.General, "last")
			got.untilText(t, "last")
			got.wantOnce(t, append(want, "last"))
			if n := len(stored(t, bob, b.General)); n != 2+5*tt.copies {
				t.Errorf("the node holds %d frames, want %d", n, 2+5*tt.copies)
			}
		})
	}
}

// Whoever follows a room that is deleted is told, whether it kept messages or not.
func TestDeletedRoomEndsAFollow(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob := b.Bob()
	for name, o := range map[string]client.RoomOptions{"kept": {}, "fleeting": {NoPersist: true}} {
		ctx := nodetest.Context(t)
		room, err := b.Admin.CreateRoom(ctx, name, o)
		must(t, err)
		_, err = b.Admin.AddMembers(ctx, room, bus.RoleMember, "bob")
		must(t, err)
		ofBob, bobReads := follow(t, bob.Client, room)
		ofAdmin, adminReads := follow(t, b.Admin.Again(), room)
		send(t, b.Admin.Client, room, "hello")
		ofBob.untilText(t, "hello")
		ofAdmin.untilText(t, "hello")
		must(t, b.Admin.DeleteRoom(ctx, room))
		wantError(t, name+", a member", bobReads.wait(t), bus.Forbidden, "room_closed")
		ofBob.wantRemoved(t, "closed")
		wantError(t, name+", who deleted it", adminReads.wait(t), bus.Forbidden, "room_closed")
		ofAdmin.wantRemoved(t, "closed")
	}
}
