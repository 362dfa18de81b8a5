package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// refusing takes everything but what is handed on, and with that the patience of
// who waits ends.
type refusing struct {
	line
	end context.CancelFunc
}

// RoundTrip implements http.RoundTripper.
func (r refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPut {
		return r.line.RoundTrip(req)
	}
	r.end()
	body := strings.NewReader(`{"error":{"code":"busy","message":"try again","retryable":true}}`)
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(body), Request: req}, nil
}

// TestGrantsAreTriedAgain: what does not get through fails nothing, and is handed
// on with the next thing that is done in the room, also by another process.
func TestGrantsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(m *model, owner *device, id bus.RoomID, bob *human)
		want int
	}{
		"the same process": {func(*model, *device, bus.RoomID, *human) {}, 2}, // to his device and his recovery endpoint
		"another process":  {func(m *model, owner *device, _ bus.RoomID, _ *human) { m.open(owner) }, 2},
		"once he is gone": {func(m *model, owner *device, id bus.RoomID, bob *human) {
			m.kick(owner, id, bob, owner.at.table.rooms[id])
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t.Context(), 1, nothing)
			owner, bob := m.devices[0], m.people[1]
			m.intents = []intent{{op: roomlog.OpRekey}}
			id, err := owner.CreateRoom(t.Context(), "all", RoomOptions{History: bus.HistoryAll})
			m.must(err)
			ctx, end := context.WithCancel(t.Context())
			owner.call.HTTP.Transport = refusing{line{m, owner}, end}
			m.attempt(owner, id, intent{op: roomlog.OpAdd, add: map[*human]bus.RoomRole{bob: bus.RoleMember}}, func() error {
				did, err := owner.AddMembers(ctx, id, bus.RoleMember, bob.name)
				if !did {
					t.Error("nobody was added")
				}
				return err
			})
			if ctx.Err() == nil || len(owner.at.history.grants[id]) > 0 {
				t.Fatal("the keys were handed on at once")
			}
			owner.call.HTTP.Transport = line{m, owner}
			c.then(m, owner, id, bob)
			for range 2 {
				m.must(owner.refresh(t.Context(), id))
			}
			if got := len(owner.at.history.grants[id]); got != c.want {
				t.Errorf("%d keys were handed on, want %d", got, c.want)
			}
			for _, f := range m.faults {
				t.Error(f)
			}
		})
	}
}
