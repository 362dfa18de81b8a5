package client

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/client/transfertest"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// archive is a node that holds messages of one room, which are no frames, and
// nothing else. Its logs are empty.
type archive struct {
	stored []uint64
	behind int  // answers that do not hold the newest message yet
	cut    bool // the next answer breaks off in the middle
	asked  []uint64
}

func (a *archive) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/messages") {
		return transfertest.Answer(http.StatusOK, []byte("{}")), nil
	}
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	a.asked = append(a.asked, after)
	stored := a.stored
	if a.behind > 0 {
		a.behind--
		stored = stored[:len(stored)-1]
	}
	var page bytes.Buffer
	through := after
	for _, seq := range stored {
		if seq > after {
			through = seq
			_ = wire.WriteMessage(&page, wire.StoredMessage{Seq: seq, At: time.Now(), Frame: []byte("no frame")})
		}
	}
	if a.cut {
		a.cut = false
		return transfertest.Answer(http.StatusOK, page.Bytes()), nil
	}
	_ = wire.WritePageEnd(&page, wire.PageEnd{Through: through})
	return transfertest.Answer(http.StatusOK, page.Bytes()), nil
}

// followed is a follower of an archive, and what it told of.
func followed(t *testing.T, a *archive, held uint64) (f *follower, told *[]uint64) {
	t.Helper()
	store, err := profile.Memory(t.Context(), identity.NewProfileKey())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	node := call.New("node:1", bus.ID{}, identity.NewTransportKey(), a, time.Now)
	c := &Client{call: node, store: store, now: time.Now, world: newWorld(node, store, identity.VerifyKey{}), newest: map[bus.RoomID]seen{}, held: map[bus.RoomID]profile.Newest{}, unkept: map[bus.RoomID]profile.Newest{}}
	told = new([]uint64)
	return c.newFollower(bus.RoomID{1}, held, func(e bus.Event) error {
		*told = append(*told, e.Undecryptable.Seq)
		return nil
	}), told
}

func liveMessage(seq, prev uint64) *nats.Msg {
	m := nats.NewMsg("out.room")
	m.Data = []byte("no frame")
	m.Header.Set("Nats-Sequence", fmt.Sprint(seq))
	m.Header.Set("Nats-Last-Sequence", fmt.Sprint(prev))
	m.Header.Set("Nats-Time-Stamp", "2026-01-02T03:04:05Z")
	return m
}

func TestFollowerGaps(t *testing.T) {
	t.Parallel()
	fleeting := nats.NewMsg("out.room")
	fleeting.Data = []byte("no frame")
	type messages = []*nats.Msg
	tests := []struct {
		name   string
		node   archive
		held   uint64
		live   messages
		want   []uint64 // sequences that were told of
		asked  []uint64 // after what history was asked for
		cursor uint64
	}{
		{"the next one", archive{}, 5, messages{liveMessage(9, 5)}, []uint64{9}, nil, 9},
		{"the first of a room", archive{}, 0, messages{liveMessage(3, 0)}, []uint64{3}, nil, 3},
		{"known", archive{}, 5, messages{liveMessage(5, 2), liveMessage(2, 0)}, nil, nil, 5},
		{"one was missed", archive{stored: []uint64{5, 7, 9}}, 5, messages{liveMessage(9, 7)}, []uint64{7, 9}, []uint64{5}, 9},
		{"missed, then heard", archive{stored: []uint64{5, 7, 9}}, 5, messages{liveMessage(9, 7), liveMessage(7, 5), liveMessage(12, 9)},
			[]uint64{7, 9, 12}, []uint64{5}, 12},
		{"its predecessor is gone", archive{stored: []uint64{9}}, 5, messages{liveMessage(9, 0)}, []uint64{9}, []uint64{5}, 9},
		{"history is behind", archive{stored: []uint64{7, 9}, behind: 3}, 5, messages{liveMessage(9, 7)}, []uint64{7, 9}, []uint64{5, 7, 7, 7}, 9},
		{"not stored", archive{}, 5, messages{fleeting, fleeting}, []uint64{0, 0}, nil, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, told := followed(t, &tt.node, tt.held)
				for _, m := range tt.live {
					if err := f.take(t.Context(), m); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(*told, tt.want) {
					t.Errorf("told: got %v, want %v", *told, tt.want)
				}
				if !slices.Equal(tt.node.asked, tt.asked) {
					t.Errorf("history was asked for after: got %v, want %v", tt.node.asked, tt.asked)
				}
				if got := f.held.Load(); got != tt.cursor {
					t.Errorf("cursor: got %d, want %d", got, tt.cursor)
				}
			})
		})
	}
}

// A page that broke off is read on where it ended.
func TestFollowerGoesOnAfterACutPage(t *testing.T) {
	t.Parallel()
	node := &archive{stored: []uint64{3, 4, 5}, cut: true}
	f, told := followed(t, node, 0)
	if err := f.fill(t.Context()); !call.Retryable(err) {
		t.Fatalf("a page without its end: got %v, want an error that may be retried", err)
	}
	node.stored = append(node.stored, 6)
	if err := f.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []uint64{3, 4, 5, 6}; !slices.Equal(*told, want) {
		t.Errorf("got %v, want each once: %v", *told, want)
	}
}

// A live message is as old as the node says, as it will be in history: a
// reader who was held up, or whose clock is wrong, must not judge it late.
func TestLiveMessagesHaveTheNodesTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	m := liveMessage(7, 6)
	m.Header.Set("Nats-Time-Stamp", at.Format(time.RFC3339Nano))
	seq, prev, stored, ok := live(m)
	if seq != 7 || prev != 6 || !ok || !stored.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("got %d after %d at %v, %v; want 7 after 6 at %v", seq, prev, stored, ok, at)
	}
	m.Header.Set("Nats-Time-Stamp", "yesterday")
	if _, _, _, ok := live(m); ok {
		t.Error("a message with a time that is none was taken")
	}
}
