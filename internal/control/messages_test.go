package control

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// readPage reads a page as a client does.
func readPage(raw []byte) (seqs []uint64, end wire.PageEnd, err error) {
	end, err = wire.ReadPage(bytes.NewReader(raw), func(m wire.StoredMessage) error {
		seqs = append(seqs, m.Seq)
		return nil
	})
	return seqs, end, err
}

func TestMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	room := r.room(alice, r.w.Bob)
	id := room.State.ID
	r.history.fill(id, 5, 100)
	tests := []struct {
		target string
		first  uint64
		n      int
		end    wire.PageEnd
	}{
		{wire.MessagesAfter(id, 0, 2), 10, 2, wire.PageEnd{Through: 20, More: true}},
		{wire.MessagesAfter(id, 20, 10), 30, 3, wire.PageEnd{Through: 50}},
		{wire.MessagesAfter(id, 50, 10), 0, 0, wire.PageEnd{}},
		{wire.MessagesBefore(id, 0, 2), 40, 2, wire.PageEnd{Through: 50, More: true}},
		{wire.MessagesBefore(id, 30, 10), 10, 2, wire.PageEnd{Through: 20}},
		{wire.RoomTarget(id) + "/messages", 10, 5, wire.PageEnd{Through: 50}},
		{wire.RoomTarget(id) + "/messages?after=10&before=40", 20, 2, wire.PageEnd{Through: 30}},
	}
	for _, tt := range tests {
		got := r.get(r.w.Bob.Device(), tt.target)
		seqs, end, err := readPage(got.body)
		if err != nil || len(seqs) != tt.n || end != tt.end || tt.n > 0 && seqs[0] != tt.first {
			t.Errorf("%s: got %v %+v, %v", tt.target, seqs, end, err)
		}
		if got.header.Get("Content-Type") != wire.MediaMessages {
			t.Errorf("%s: is %s", tt.target, got.header.Get("Content-Type"))
		}
	}
}

// TestRemovedBeforeThePage removes the reader after his right was found good.
func TestRemovedBeforeThePage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice, bob := r.w.Alice.Device(), r.w.Bob.Device()
	room := r.room(alice, r.w.Bob)
	r.history.fill(room.State.ID, 10, 1000)
	r.history.before = func(bus.RoomID) { r.remove(room, alice, r.w.Bob) }
	r.expect("removed", r.get(bob, wire.MessagesAfter(room.State.ID, 0, 10)), 403, "not_member")
	if got := r.answers.InFlight(); got != 0 {
		t.Errorf("%d bytes still reserved", got)
	}
}

// TestMessagesAreCut removes the reader while the page is on its way: he gets
// no further part, and knows that it is not whole.
func TestMessagesAreCut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice, bob := r.w.Alice.Device(), r.w.Bob.Device()
	room := r.room(alice, r.w.Bob)
	r.history.fill(room.State.ID, 10, chunk/2)
	req := r.request(call{method: http.MethodGet, target: wire.MessagesAfter(room.State.ID, 0, 10), key: &bob.Transport})
	req.RequestURI, req.Host = req.URL.RequestURI(), r.addr
	w := &hooked{ResponseRecorder: httptest.NewRecorder(), first: sync.OnceFunc(func() { r.remove(room, alice, r.w.Bob) })}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("the connection was not cut: %v", p)
			}
		}()
		r.ServeHTTP(w, req)
	}()
	if _, _, err := readPage(w.Body.Bytes()); err == nil || w.Body.Len() != chunk {
		t.Errorf("got %d bytes, %v", w.Body.Len(), err)
	}
	if got := r.answers.InFlight(); got != 0 {
		t.Errorf("%d bytes still reserved", got)
	}
}

// hooked is an answer of which the first part has an effect.
type hooked struct {
	*httptest.ResponseRecorder
	first func()
}

func (h *hooked) Write(p []byte) (int, error) {
	h.first()
	return h.ResponseRecorder.Write(p)
}

// remove ends somebody's membership.
func (r *rig) remove(room *chaintest.Room, owner *chaintest.Device, p *chaintest.Person) {
	room.Remove(owner, p)
	r.takeRoom(owner, room)
}

func TestLivePageIsEmpty(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	room := r.w.EmptyRoom()
	room.Must(room.CreateEntry(alice, func(c *roomlog.Create) { c.Persist = false }))
	room.Must(room.Rekey(alice, roomlog.ReasonAsked))
	n := wire.NewRoom{Create: room.Log[0].Encode(), Start: room.Log[1].Encode(), Envelopes: envelopes(room)}
	r.expect("made", r.post(alice, "/rooms", n), 200, "")
	r.history.fill(room.State.ID, 1, 1) // must not be asked for
	seqs, end, err := readPage(r.get(alice, wire.MessagesAfter(room.State.ID, 0, 5)).body)
	if err != nil || len(seqs) != 0 || end != (wire.PageEnd{}) {
		t.Errorf("got %v %+v, %v", seqs, end, err)
	}
	if strings.Contains(string(r.get(alice, wire.RoomTarget(room.State.ID)).body), `"last_seq":10`) {
		t.Error("a live room has a last sequence")
	}
}

// TestAnswersAreBounded holds the budget of answers: what slow readers hold is
// not the node's whole memory.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	room := r.room(alice)
	r.history.fill(room.State.ID, 1, 1000)
	r.must(r.answers.Reserve(maxAnswers - 500))
	got := r.get(alice, wire.MessagesAfter(room.State.ID, 0, 1))
	r.expect("over the budget", got, 503, "busy")
	r.expect("small answers go on", r.get(alice, "/users"), 200, "")
	r.answers.Release(maxAnswers - 500)
	r.expect("later", r.get(alice, wire.MessagesAfter(room.State.ID, 0, 1)), 200, "")
}

// TestSlowReader does not hold a page for ever.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Server.pace = pace{grace: 200 * time.Millisecond, rate: 1 << 30}
	alice := r.w.Alice.Device()
	room := r.room(alice)
	r.history.fill(room.State.ID, 500, bus.MaxRecords) // more than sockets hold
	target := wire.MessagesAfter(room.State.ID, 0, 500)
	_, _ = r.declared(http.MethodGet, target, 0, r.signs(alice, http.MethodGet, target, bus.Hash{}))
	eventually(t, "the page is being sent", func() bool { return r.answers.InFlight() > 0 })
	eventually(t, "the reader is given up", func() bool { return r.answers.InFlight() == 0 })
	if log := r.log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "code=peer_gone") {
		t.Errorf("a reader that went away is no trouble of ours: %s", log)
	}
}
