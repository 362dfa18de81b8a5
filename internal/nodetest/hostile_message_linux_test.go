package nodetest_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client/transfer"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// three are stored in the room by one session of the admin's; what alice is then
// shown of them is changed.
func (s *stage) three(change func([]wire.StoredMessage) []wire.StoredMessage) {
	s.t.Helper()
	next, spy := frames(s.t, s.b, s.b.Admin, s.room), tap(s.t, s.b.Admin)
	spy.open(s.room)
	for _, words := range []string{"one", "two", "three"} {
		if got := spy.post(s.room, next(words)); got.Err != "" {
			s.t.Fatalf("post %s: %+v", words, got)
		}
	}
	spy.Close()
	s.learn()
	s.tells(s.retold(s.room, func(page []wire.StoredMessage) []wire.StoredMessage {
		if len(page) != 3 { // it was asked for once more behind the end
			return page
		}
		return change(page)
	}))
}

// behind stores a frame behind the others, as of now.
func behind(page []wire.StoredMessage, raw []byte) []wire.StoredMessage {
	last := page[len(page)-1]
	return append(page, wire.StoredMessage{Seq: last.Seq + 1, At: time.Now(), Frame: raw})
}

// both demands the same of alice with a memory and without one.
func (s *stage) both(readCode, verifyCode string, want ...string) {
	s.t.Helper()
	for _, home := range s.homes() {
		s.shows(home, readCode, verifyCode, want...)
	}
}

// Alice has read three messages. Then there are two, as in an older copy, or the
// node goes on from there and another takes the place of the third. Who has never
// seen that one cannot know.
func rolledBackMessages(s *stage) {
	other := frames(s.t, s.b, s.b.Admin, s.room)("another three")
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return m })
	s.shows(s.knowing, "", "", "one", "two", "three")
	for _, lie := range []struct {
		code   string
		change func([]wire.StoredMessage) []wire.StoredMessage
		shown  []string
	}{
		{"withheld", without(3), []string{"one", "two"}},
		{"other_message", replaced(3, other), []string{"one", "two", "another three"}},
	} {
		s.tells(nil)
		s.story = nil // another one than before
		s.tells(s.retold(s.room, lie.change))
		for range 2 { // nor does she take what she was shown for the truth
			s.refused(s.knowing, lie.code, "read", "send", "verify")
		}
		s.shows(s.fresh(), "", "", lie.shown...)
	}
	s.tells(nil)
	s.shows(s.knowing, "", "", "one", "two", "three")
}

// without and replaced change what stands in one place.
func without(seq uint64) func([]wire.StoredMessage) []wire.StoredMessage {
	return func(page []wire.StoredMessage) []wire.StoredMessage {
		return slices.DeleteFunc(page, func(m wire.StoredMessage) bool { return m.Seq == seq })
	}
}

func replaced(seq uint64, raw []byte) func([]wire.StoredMessage) []wire.StoredMessage {
	return func(page []wire.StoredMessage) []wire.StoredMessage {
		for i := range page {
			if page[i].Seq == seq {
				page[i].Frame = raw
			}
		}
		return page
	}
}

func droppedFrame(s *stage) {
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return slices.Delete(m, 1, 2) })
	s.both("missing_messages", "missing_messages", "one", "gap", "three")
}

// A busy node makes its senders say some again, behind later ones: read shows
// it, and room verify alone takes it for a fault.
func reorderedFrame(s *stage) {
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage {
		m[1].Frame, m[2].Frame = m[2].Frame, m[1].Frame
		return m
	})
	s.shows(s.fresh(), "", "reordered_messages", "one", "gap", "three", "order", "two")
	s.refused(s.knowing, "other_message", "read", "send", "verify") // she saw another in that place
}

// A frame that comes again is shown once: nothing is lost, and a node that
// crashed does it too.
func repeatedFrame(s *stage) {
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(m, m[0].Frame) })
	s.both("", "", "one", "two", "three")
	if _, stdout, _ := s.run(s.knowing, s.does("verify")...); !strings.Contains(stdout, "3, none missing, 1 stored twice") {
		s.t.Errorf("room verify: got %s", stdout)
	}
}

func movedFrame(s *stage) {
	other := s.otherRoom()
	foreign := frames(s.t, s.b, s.b.Admin, other)("from elsewhere")
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(m, foreign) })
	s.both("bad_messages", "bad_messages", "one", "two", "three", "other_room")
	s.tells(s.retold(s.room, func(m []wire.StoredMessage) []wire.StoredMessage {
		if len(m) == 3 {
			epoch := m[1].Frame[18:26]
			binary.BigEndian.PutUint64(epoch, binary.BigEndian.Uint64(epoch)-1)
		}
		return m
	}))
	s.shows(s.knowing, "bad_messages", "bad_messages", "one", "bad_frame", "gap", "three")
}

// Bob was removed; the node stores under his old key what he says afterwards, and
// says that it had it before.
func lateFrame(s *stage) {
	his := frames(s.t, s.b, s.bob, s.room)
	post(s.t, s.bob, s.room, "before")
	_, err := s.b.Admin.Kick(s.ctx, s.room, "bob")
	must(s.t, err)
	at := time.Now().Add(-time.Hour)
	post(s.t, s.b.Admin, s.room, "after")
	s.learn()
	raw := his("still here")
	for _, stored := range []time.Time{time.Now(), at} {
		s.tells(s.retold(s.room, func(m []wire.StoredMessage) []wire.StoredMessage {
			if len(m) != 2 {
				return m
			}
			m = behind(m, raw)
			m[2].At = stored
			return m
		}))
		s.both("bad_messages", "bad_messages", "before", "after", "late")
	}
}

func backdatedFrame(s *stage) {
	ep, head := keys(s.t, s.b, s.bob, s.room)
	raw, err := seal.NewSender(ep, s.bob.Endpoint(), s.bob.Identity.Content).
		Seal(head, time.Now().Add(-time.Hour), []seal.Record{textRecord("I said so an hour ago")})
	must(s.t, err)
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(m, raw) })
	s.both("bad_messages", "bad_messages", "one", "two", "three", "backdated")
}

func forgedSender(s *stage) {
	ep, head := keys(s.t, s.b, s.bob, s.room)
	as := func(p *nodetest.Person) []byte {
		raw, err := seal.NewSender(ep, p.Endpoint(), s.bob.Identity.Content).Seal(head, time.Now(), []seal.Record{textRecord("believe me")})
		must(s.t, err)
		return raw
	}
	inAnothersName, outside := as(s.b.Admin), as(s.mallory)
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(behind(m, inAnothersName), outside) })
	s.both("bad_messages", "bad_messages", "one", "two", "three", "bad_signature", "not_in_audience")
	s.tells(s.retold(s.room, func(m []wire.StoredMessage) []wire.StoredMessage {
		if len(m) == 3 {
			id := s.alice.Endpoint()
			copy(m[1].Frame[46:], id[:])
		}
		return m
	}))
	s.both("bad_messages", "bad_messages", "one", "bad_frame", "gap", "three")
}

// Bob posts, where he may, what belongs elsewhere: under another room, and in
// another's place. The node takes neither; one that did is found out.
func launderedSubject(s *stage) {
	other := s.otherRoom()
	foreign, hers := frames(s.t, s.b, s.bob, other)("laundered"), frames(s.t, s.b, s.alice, s.room)("I, alice")
	spy := tap(s.t, s.bob)
	spy.open(s.room)
	for _, raw := range [][]byte{foreign, hers} {
		if got := spy.post(s.room, raw); got.Err != wire.PostFrame {
			s.t.Errorf("the node says %+v", got)
		}
	}
	must(s.t, spy.PublishRequest(wire.PostSubject(spy.server, s.room, s.alice.Endpoint()), inbox(s.bob), hers))
	spy.flush()
	spy.refused(1)
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(m, foreign) })
	s.both("bad_messages", "bad_messages", "one", "two", "three", "other_room")
}

// A member leaves the encryption out, so that the node can read along; and an
// entry says that it follows other rules.
func downgradedSuite(s *stage) {
	ep, head := keys(s.t, s.b, s.bob, s.room)
	ep.Suite = bus.SuiteClear
	raw, err := seal.NewSender(ep, s.bob.Endpoint(), s.bob.Identity.Content).Seal(head, time.Now(), []seal.Record{textRecord("in clear")})
	must(s.t, err)
	s.three(func(m []wire.StoredMessage) []wire.StoredMessage { return behind(m, raw) })
	s.both("bad_messages", "bad_messages", "one", "two", "three", "other_suite")
	for at := range 2 { // the version, the algorithm
		s.tells(entries(wire.RoomLogTarget(s.room, 0), func(page *wire.Entries) {
			if n := len(page.Entries); n > 0 {
				page.Entries[n-1][at]++
			}
		}))
		s.refused(s.fresh(), "bad_entry", "read", "send", "members", "verify")
	}
}

// toldByFrames: alice has never seen what the node keeps from her, and believes
// two members who have, or an owner.
func toldByFrames(s *stage) {
	s.owner()
	post(s.t, s.b.Admin, s.room, "hello")
	log := roomLog(s.t, s.b, s.b.Admin, s.room)
	shown := log[len(log)-2].Head()
	s.tells(entries(wire.RoomLogTarget(s.room, 0), func(page *wire.Entries) {
		page.Entries, page.Head = page.Entries[:max(0, len(page.Entries)-1)], &shown
	}))
	s.refused(s.fresh(), "withheld", "read")
}

// Bytes of a piece, of a manifest and of a piece under a manifest are changed,
// cut off, or another's.
func alteredBlob(s *stage) {
	put := func(size int) (text string, id bus.Hash) {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		ref, err := s.alice.Blobs().Put(s.ctx, s.room, transfer.Source{Data: strings.NewReader(string(data)), Size: int64(size)})
		must(s.t, err)
		return ref.Text(), ref.ID()
	}
	small, smallID := put(100)
	large, largeID := put(bus.PieceSize + 1)
	get := func(ref, code string, lie func(*url.URL, []byte) []byte) {
		s.t.Helper()
		s.tells(lie)
		to := filepath.Join(s.t.TempDir(), "got")
		got, stdout, stderr := s.run(s.knowing, "blob", "get", ref, "-O", to)
		_, err := os.Stat(to)
		if want := map[bool]int{true: 0, false: 8}[code == ""]; got != want || codeOf(stderr) != code || (err == nil) != (code == "") {
			s.t.Errorf("%.12s: got exit code %d, %s%s, the file %v; want %q", ref, got, stdout, stderr, err, code)
		}
	}
	of := func(ids []bus.Hash, change func([]byte) []byte) func(*url.URL, []byte) []byte {
		return func(at *url.URL, body []byte) []byte {
			if slices.ContainsFunc(ids, func(id bus.Hash) bool { return at.Path == wire.BlobTarget(id) }) {
				return change(body)
			}
			return body
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	get(small, "", nil)
	get(large, "", nil)
	get(small, "blob_digest", of([]bus.Hash{smallID}, flip))
	get(small, "blob_digest", of([]bus.Hash{smallID}, cut))
	get(large, "blob_digest", of([]bus.Hash{largeID}, flip))
	get(large, "blob_digest", of([]bus.Hash{largeID}, cut))
	get(large, "blob_digest", func(at *url.URL, body []byte) []byte {
		if strings.HasPrefix(at.Path, "/blobs/") && at.Path != wire.BlobTarget(largeID) {
			return flip(body)
		}
		return body
	})
}
