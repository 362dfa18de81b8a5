package client_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// crowd is what one person sees of many rooms.
type crowd struct {
	rooms map[bus.RoomID]*seen
	all   *seen
	up    online
}

// watch follows every room of a live connection that is not running yet.
func watch(c *client.Client, rooms []bus.RoomID) (*crowd, *client.Live) {
	w := &crowd{rooms: map[bus.RoomID]*seen{}, all: newSeen(), up: newOnline()}
	live := c.NewLive(w.up.state)
	for _, id := range rooms {
		s := newSeen()
		w.rooms[id] = s
		live.Follow(id, 0, func(e bus.Event) error { return errors.Join(s.add(e), w.all.add(e)) })
	}
	return w, live
}

// Connections break and the node restarts while messages flow in many rooms.
func TestNothingIsLostOverBrokenConnections(t *testing.T) {
	t.Parallel()
	rooms, writing := count(8, 20), count(4, 5)
	messages, disconnects := count(1000, 5000), count(2, 5)
	b := nodetest.Boot(t)
	alice, bob := b.Alice(), b.Bob()
	var ids []bus.RoomID
	for n := range rooms {
		ids = append(ids, newRoom(t, b, fmt.Sprintf("room-%d", n), "alice", "bob"))
	}
	toAlice, toBob := newRelay(t, b), newRelay(t, b)
	toAlice.carries(alice)
	toBob.carries(bob)

	atBob, reads := watch(bob.Again(), ids)
	atAlice, writes := watch(alice.Again(), ids)
	var boxes []*client.Outbox
	for _, id := range ids[:writing] {
		boxes = append(boxes, writes.Post(id, 0))
	}
	reader, writer := start(t, reads.Run), start(t, writes.Run)
	atBob.up.wait(t)
	atAlice.up.wait(t)

	began := time.Now()
	acks := make(chan client.Ack, messages)
	ctx := nodetest.Context(t)
	var sending sync.WaitGroup
	for n, box := range boxes {
		sending.Go(func() {
			for i := range messages / writing {
				if err := box.Send(ctx, text(fmt.Sprintf("%d/%d", n, i)), acks); err != nil {
					t.Errorf("room %d, message %d: %v", n, i, err)
					return
				}
			}
		})
	}
	demote := func() {
		for _, role := range []bus.RoomRole{bus.RoleReader, bus.RoleMember} {
			_, err := b.Admin.SetRoomRole(ctx, ids[rooms-1], "alice", role)
			must(t, err)
		}
	}
	faults := []func(){toAlice.cut, demote, toBob.cut, func() { toAlice.cut(); toBob.cut() }, demote}[:disconnects]
	faults = slices.Insert(faults, disconnects/2, b.Restart)
	for n, fault := range faults {
		atBob.all.untilTexts(t, (n+1)*messages/(len(faults)+2))
		fault()
	}
	sending.Wait()
	wantAcks(t, ctx, acks, messages)
	t.Logf("%d messages in %d rooms over %d disconnects and a restart in %v; lives of the writer: %d, of the reader: %d",
		messages, rooms, disconnects, time.Since(began).Round(time.Millisecond), 1+len(atAlice.up), 1+len(atBob.up))
	for n, id := range ids {
		send(t, b.Admin.Client, id, fmt.Sprintf("last/%d", n))
	}
	for n, id := range ids {
		for _, who := range []*crowd{atAlice, atBob} {
			who.rooms[id].untilText(t, fmt.Sprintf("last/%d", n))
			var want []string
			if n < writing {
				for i := range messages / writing {
					want = append(want, fmt.Sprintf("%d/%d", n, i))
				}
			}
			want = append(want, fmt.Sprintf("last/%d", n))
			who.rooms[id].wantOnce(t, want)
			who.rooms[id].wantOrder(t, want)
		}
	}
	for _, r := range []*running{reader, writer} {
		select {
		case err := <-r.done:
			t.Errorf("a live connection ended: %v", err)
			r.done <- err
		default:
		}
	}
}

// wantOrder checks that s saw the messages as they were sent.
func (s *seen) wantOrder(t testing.TB, want []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.texts, want) {
		t.Errorf("%d messages came in another order than they were sent, from number %d on", len(want), firstDifference(s.texts, want))
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
