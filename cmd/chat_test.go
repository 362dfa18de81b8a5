package cmd

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/tui"
)

// What the screen calls a kind is what is sent, and nothing else is.
func TestChatRecords(t *testing.T) {
	t.Parallel()
	about := &bus.RecordRef{Frame: bus.Prefix{7}, Number: 2}
	for _, c := range []struct {
		draft tui.Draft
		want  seal.RecordKind // 0: refused
	}{
		{tui.Draft{Kind: "text", Text: "hi"}, seal.KindText},
		{tui.Draft{Kind: "reply", Text: "hi", About: about}, seal.KindReply},
		{tui.Draft{Kind: "edit", Text: "hi", About: about}, seal.KindEdit},
		{tui.Draft{Kind: "delete", About: about}, seal.KindDelete},
		{tui.Draft{Kind: "reaction", About: about}, seal.KindReaction},
		{tui.Draft{Kind: "text", Text: "hi", About: about}, 0},
		{tui.Draft{Kind: "reply", Text: "hi"}, 0},
		{tui.Draft{Kind: "file"}, 0},
		{tui.Draft{Kind: "text", Text: string(make([]byte, maxText+1))}, 0},
	} {
		c.draft.ID = bus.RecordID{1}
		r, err := recordOf(c.draft)
		if c.want == 0 {
			if err == nil {
				t.Errorf("%s, about %v, is sent", c.draft.Kind, c.draft.About)
			}
			continue
		}
		if err != nil || r.Kind != c.want {
			t.Errorf("%s: got kind %d, %v", c.draft.Kind, r.Kind, err)
			continue
		}
		back := draftOf(c.draft.Room, r)
		if back.Kind != c.draft.Kind || back.Text != c.draft.Text || back.ID != c.draft.ID ||
			(back.About == nil) != (about == nil || c.draft.About == nil) || back.About != nil && *back.About != *about {
			t.Errorf("%s: shown again as %+v", c.draft.Kind, back)
		}
	}
}

// A room is followed from what was read on, not too far back, and by a newcomer
// from its end.
func TestChatBegins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		read, last, want uint64
		newcomer         bool
	}{
		{0, 0, 0, false},
		{0, 7, 0, false},
		{0, 7, 7, true},
		{5, 7, 5, true},
		{5, 7, 5, false},
		{5, 5000, 5000 - chatBehind, false},
		{0, 5000, 5000, true},
	} {
		r := chatRoom{info: tui.Room{Read: c.read, Last: c.read}, after: c.read}
		r.begin(c.last, c.newcomer)
		if r.after != c.want || r.info.Last != c.want {
			t.Errorf("read to %d of %d, newcomer %v: begins after %d, told %d; want %d", c.read, c.last, c.newcomer, r.after, r.info.Last, c.want)
		}
	}
}

// What others write counts once; what they change, and one's own, does not.
func TestChatCounts(t *testing.T) {
	t.Parallel()
	r := chatRoom{info: tui.Room{Last: 10}}
	for _, m := range []bus.Message{
		{Seq: 9, From: "bob", Kind: "text", Text: "@alice old"},
		{Seq: 11, From: "bob", Kind: "text", Text: "hi @alice"},
		{Seq: 11, Number: 1, From: "bob", Kind: "reply", Text: "and this"},
		{Seq: 12, From: "bob", Kind: "reaction", Text: "@alice"},
		{Seq: 13, From: "alice", Kind: "text", Text: "mine"},
	} {
		r.count(bus.Event{Message: &m}, "alice")
	}
	r.count(bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 14}}, "alice")
	if r.info.Unread != 2 || r.info.Mentions != 1 || r.info.Last != 14 {
		t.Errorf("got %d unread, %d mentions, last %d; want 2, 1, 14", r.info.Unread, r.info.Mentions, r.info.Last)
	}
	for _, read := range []struct {
		to               uint64
		unread, mentions int
	}{{10, 2, 1}, {11, 0, 0}, {3, 0, 0}} {
		if r.read(read.to); r.info.Unread != read.unread || r.info.Mentions != read.mentions {
			t.Errorf("read to %d: got %d unread, %d mentions; want %d, %d", read.to, r.info.Unread, r.info.Mentions, read.unread, read.mentions)
		}
	}
	if r.info.Read != 11 {
		t.Errorf("a mark went back to %d", r.info.Read)
	}
}

// What the command line does with rooms, the chat does by a command of the same
// name, of which the help tells.
func TestChatDoesWhatRoomDoes(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, h := range tui.Helps() {
		told[strings.Fields(h.What)[0]] = true
	}
	verbs := newRoomCmd(&Env{}).Commands()
	if len(verbs) < 10 {
		t.Fatalf("got %d commands of room", len(verbs))
	}
	for _, verb := range verbs {
		name := verb.Name()
		if name == "list" {
			name = "rooms"
		}
		if !told["/"+name] {
			t.Errorf("room %s: the chat has no /%s", verb.Name(), name)
		}
	}
}

// What was missed is told of where reading it takes a while, and then that it is
// there; a glance is not worth a line that comes and goes.
func TestChatGaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s := &chat{ctx: ctx, events: make(chan []tui.Event, 8), gaps: map[bus.RoomID]*gap{}}
		told := func() (out []tui.Fill) {
			for len(s.events) > 0 {
				for _, e := range <-s.events {
					out = append(out, *e.Fill)
				}
			}
			return out
		}
		id := bus.RoomID{1}
		s.filling(id, true)
		time.Sleep(gapShown / 2)
		s.filling(id, false)
		time.Sleep(gapShown)
		if got := told(); len(got) > 0 {
			t.Errorf("after a glance: %+v", got)
		}
		s.filling(id, true)
		time.Sleep(gapShown)
		s.filling(id, true) // the connection broke, and another reads on
		synctest.Wait()
		if got := told(); len(got) != 1 || got[0].Done {
			t.Errorf("while it takes long: %+v", got)
		}
		s.filling(id, false)
		s.filling(id, false)
		if got := told(); len(got) != 1 || !got[0].Done {
			t.Errorf("once it is there: %+v", got)
		}
	})
}

// What came back is under way until the connection answers: else more could be
// handed to it than it has room for answers, and later records go ahead of earlier ones.
func TestChatHandsInOrder(t *testing.T) {
	t.Parallel()
	s := newChat(t.Context(), &Env{}, nil, 0, bus.RoomID{})
	p := &post{queued: map[bus.RecordID]bool{}, flying: map[bus.RecordID]bool{}, refused: map[bus.RecordID]bool{}, over: map[bus.RecordID]bool{}}
	for n := range byte(postAhead) {
		if !s.next(p, bus.RecordID{1, n}) {
			t.Fatalf("record %d is not handed on", n)
		}
	}
	waits, later := bus.RecordID{2}, bus.RecordID{3}
	if s.next(p, waits) {
		t.Error("more are under way than there is room for")
	}
	p.end(bus.RecordID{1, 0})
	if s.next(p, later) {
		t.Error("a later record goes ahead of one that waits")
	}
}

// A device that was stolen may tell any mark. What nobody has written yet stays
// unread.
func TestChatBelievesNoMarkAhead(t *testing.T) {
	t.Parallel()
	r := chatRoom{info: tui.Room{Last: 1 << 40, Read: 1 << 40}, after: 1 << 40}
	r.begin(7, false)
	r.count(bus.Event{Message: &bus.Message{Seq: 8, From: "bob", Kind: "text"}}, "alice")
	if r.after != 7 || r.info.Unread != 1 {
		t.Errorf("begins after %d, %d unread; want 7, 1", r.after, r.info.Unread)
	}
	s := newChat(t.Context(), &Env{}, nil, 0, bus.RoomID{})
	s.rooms[bus.RoomID{1}], s.rooms[bus.RoomID{2}] = &chatRoom{stored: 7}, &chatRoom{info: tui.Room{Last: 5}}
	cut, ahead := s.within(client.Marks{{1}: math.MaxUint64, {2}: 4, {3}: 9})
	if want := (client.Marks{{1}: 7, {2}: 4}); !ahead || !maps.Equal(cut, want) {
		t.Errorf("believes %v, ahead: %v; want %v", cut, ahead, want)
	}
	if _, ahead := s.within(client.Marks{{1}: 7, {2}: 5}); ahead {
		t.Error("asks the node for what it knows")
	}
}

// Whoever is put into rooms by strangers goes on following his own: a connection
// takes so many.
func TestChatFollowsOwnRoomsFirst(t *testing.T) {
	t.Parallel()
	s := newChat(t.Context(), &Env{}, nil, 0, bus.RoomID{})
	stranger, self := tui.Room{By: "mallory", With: "mallory", Last: 9}, bus.Handle("alice")
	s.rooms[bus.RoomID{1}] = &chatRoom{info: stranger}
	mine := map[string]tui.Room{
		"one's own":      {By: self},
		"that one reads": {By: "bob", Read: 3},
		"with oneself":   {By: self, With: self},
		"on the screen":  {By: "mallory"},
	}
	s.looked = bus.RoomID{2}
	for what, info := range mine {
		id := bus.RoomID{3}
		if what == "on the screen" {
			id = s.looked
		}
		s.rooms[id] = &chatRoom{info: info}
		if s.rank(id, self) <= s.rank(bus.RoomID{1}, self) {
			t.Errorf("a room %s comes after that of a stranger", what)
		}
	}
}

// Of rooms that a connection does not take it is told how far they go and what is
// unread in them, each message once.
func TestChatGlancesAtOtherRooms(t *testing.T) {
	t.Parallel()
	on, ctx := nodetest.Boot(t), t.Context()
	alice := on.Alice()
	room, err := on.Admin.CreateRoom(ctx, "far", client.RoomOptions{})
	if err == nil {
		_, err = on.Admin.AddMembers(ctx, room, bus.RoleMember, alice.Name)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := newChat(ctx, &Env{Now: time.Now}, alice.Client, 0, bus.RoomID{})
	s.kept.Opened = map[bus.RoomID]bool{}
	told := func() (got tui.Room) {
		t.Helper()
		s.glance(s.missed())
		for len(s.events) > 0 {
			for _, e := range <-s.events {
				if e.Info != nil && e.Room == room {
					got = *e.Info
				}
			}
		}
		return got
	}
	if err := s.list(ctx); err != nil {
		t.Fatal(err)
	}
	told()
	for _, words := range []string{"one", "two @alice", "three"} {
		if _, err := on.Admin.SendOne(ctx, room, seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)}); err != nil {
			t.Fatal(err)
		}
	}
	first := told()
	if first.Unread != 3 || first.Mentions != 1 || first.Last == 0 {
		t.Errorf("told %+v, want 3 unread, 1 of them for alice", first)
	}
	if again := told(); again.ID == room {
		t.Errorf("told again: %+v", again)
	}
	if _, err := on.Admin.SendOne(ctx, room, seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte("four")}); err != nil {
		t.Fatal(err)
	}
	if next := told(); next.Unread != 4 || next.Last <= first.Last {
		t.Errorf("told %+v, want 4 unread", next)
	}
	s.followed[room] = true
	if refs, err := alice.ListMyRooms(ctx); err != nil || len(s.unseen(refs)) > 0 {
		t.Errorf("looks into what it follows, %v", err)
	}
}

// Who leaves while more is told than anybody looks at does not wait for ever.
func TestChatEndsUnseen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newChat(t.Context(), &Env{Now: time.Now}, nil, 0, bus.RoomID{})
		s.name = "node"
		for range cap(s.events) {
			s.tell(tui.Event{Room: bus.RoomID{1}})
		}
		s.start(func() { s.now(tui.Conn{State: tui.Online}) })
		synctest.Wait()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}

// shownBy is what a chat shows: its rooms, and whether it is online.
type shownBy struct {
	rooms  map[bus.RoomID]bool
	online bool
	texts  []string
}

// until takes in what a chat tells until done.
func (v *shownBy) until(t *testing.T, s *chat, what string, done func() bool) {
	t.Helper()
	for late := time.After(time.Minute); !done(); {
		select {
		case events := <-s.Events():
			for _, e := range events {
				v.take(e)
			}
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (v *shownBy) take(e tui.Event) {
	switch {
	case e.Conn != nil:
		v.online = e.Conn.State == tui.Online
	case e.Forgotten:
		delete(v.rooms, e.Room)
	case e.Info != nil:
		v.rooms[e.Room] = true
	case e.Happened != nil && e.Happened.Message != nil:
		v.texts = append(v.texts, e.Happened.Message.Text)
	}
}

// beginChat begins a chat, and returns what it shows once it is online.
func beginChat(t *testing.T, c *client.Client) (*chat, *shownBy) {
	t.Helper()
	s := newChat(t.Context(), &Env{Now: time.Now}, c, time.Minute, bus.RoomID{})
	start, err := s.Resume(t.Context())
	must(t, err)
	v := &shownBy{rooms: map[bus.RoomID]bool{}}
	for _, r := range start.Rooms {
		v.rooms[r.ID] = true
	}
	t.Cleanup(func() { _ = s.close() })
	v.until(t, s, "the connection", func() bool { return v.online })
	return s, v
}

// Two devices that each make the room with oneself at once make two. One is shown,
// and the other as soon as there is something in it to read: nothing is lost.
func TestChatHidesDoubles(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(), nodetest.Context(t)
	var own []bus.RoomID
	for range 2 {
		id, err := alice.CreateRoom(ctx, "alice+alice", client.RoomOptions{Direct: true})
		must(t, err)
		own = append(own, id)
	}
	slices.SortFunc(own, bus.RoomID.Compare)
	tell := func(r seal.Record) {
		_, err := alice.SendOne(ctx, own[1], r)
		must(t, err)
	}
	tell(client.Marks{b.General: 1}.Records()[0])
	s, v := beginChat(t, alice.Again())
	if !v.rooms[own[0]] || v.rooms[own[1]] {
		t.Errorf("shown at first: %v", v.rooms)
	}
	tell(seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte("a note")})
	v.until(t, s, "the note", func() bool { return slices.Contains(v.texts, "a note") })
	if !v.rooms[own[0]] || !v.rooms[own[1]] {
		t.Errorf("shown with a note: %v", v.rooms)
	}
	must(t, s.close())
	if _, v := beginChat(t, alice.Again()); !v.rooms[own[1]] {
		t.Error("the note is hidden from the next chat")
	}
}

// Who left a room and is in it again is not told of what he had there before.
func TestChatCountsFromWhenOneIsInAgain(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	say := func(words string) {
		_, err := b.Admin.SendOne(ctx, b.General, seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)})
		must(t, err)
	}
	s, v := beginChat(t, alice.Client)
	for range 3 {
		say("before")
	}
	v.until(t, s, "what was said", func() bool { return len(v.texts) == 3 })
	must(t, s.Leave(ctx, b.General))
	v.until(t, s, "the end of it", func() bool { return !v.rooms[b.General] })
	_, err := b.Admin.AddMembers(ctx, b.General, bus.RoleMember, alice.Name)
	must(t, err)
	v.until(t, s, "the room", func() bool { return v.rooms[b.General] })
	say("after")
	v.until(t, s, "what is new", func() bool { return slices.Contains(v.texts, "after") })
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.rooms[b.General].info.Unread; n != 1 {
		t.Errorf("%d are unread, want what came after", n)
	}
}

// Another chat of the same person shows what happened between the messages as the one
// before did.
func TestChatShowsWhatHappenedAgain(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	b.Bob()
	say := func(words string) {
		_, err := b.Admin.SendOne(ctx, b.General, seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)})
		must(t, err)
	}
	s, v := beginChat(t, alice.Client)
	say("one")
	v.until(t, s, "the first", func() bool { return slices.Contains(v.texts, "one") })
	_, err := b.Admin.AddMembers(ctx, b.General, bus.RoleMember, "bob")
	must(t, err)
	say("two")
	v.until(t, s, "the second", func() bool { return slices.Contains(v.texts, "two") })
	must(t, s.close())
	s, _ = beginChat(t, alice.Again())
	for _, limit := range []int{50, 1} {
		var got []string
		for at := (tui.Span{Limit: limit}); ; {
			p, err := s.History(ctx, b.General, at)
			must(t, err)
			var page []string
			for _, e := range p.Events {
				switch {
				case e.Message != nil:
					page = append(page, e.Message.Text)
				case e.Member != nil:
					page = append(page, string(e.Member.User)+" "+string(e.Member.Change))
				case e.Epoch != nil:
					page = append(page, "key")
				}
			}
			got = append(page, got...)
			if i := slices.IndexFunc(p.Events, func(e bus.Event) bool { return e.Message != nil }); i >= 0 {
				at.Before = p.Events[i].Message.Seq
			}
			if !p.More || len(p.Events) == 0 {
				break
			}
		}
		if want := "alice joined key one bob added key two"; !strings.HasSuffix(strings.Join(got, " "), want) {
			t.Errorf("by %d: %q, want %q", limit, got, want)
		}
	}
}

// A room that was deleted before one came into it goes, and one that one is in can be
// left.
func TestChatForgetsDeletedRooms(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	s, v := beginChat(t, alice.Client)
	id, err := b.Admin.CreateRoom(ctx, "temp", client.RoomOptions{})
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, id, bus.RoleMember, alice.Name)
	must(t, err)
	v.until(t, s, "the invitation", func() bool { return v.rooms[id] })
	must(t, b.Admin.DeleteRoom(ctx, id))
	v.until(t, s, "its end", func() bool { return !v.rooms[id] })
	must(t, b.Admin.DeleteRoom(ctx, b.General))
	must(t, s.Leave(ctx, b.General))
	v.until(t, s, "the end of the other", func() bool { return !v.rooms[b.General] })
}

// What another device wrote there is asked for after the chat is there.
func TestChatShowsDoublesWithWords(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(), nodetest.Context(t)
	var own []bus.RoomID
	for range 2 {
		id, err := alice.CreateRoom(ctx, "alice+alice", client.RoomOptions{Direct: true})
		must(t, err)
		own = append(own, id)
		_, err = alice.SendOne(ctx, id, seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte("a note")})
		must(t, err)
	}
	s, v := beginChat(t, alice.Again())
	v.until(t, s, "both rooms", func() bool { return v.rooms[own[0]] && v.rooms[own[1]] })
}

// Rooms of the same two cost one look at each, and few questions.
func TestChatBoundsDoubles(t *testing.T) {
	t.Parallel()
	s := &chat{rooms: map[bus.RoomID]*chatRoom{}}
	for n := range 3 * glanceRooms {
		with := bus.Handle([]string{"", "bob", "carol"}[n%3])
		s.rooms[bus.RoomID{byte(n + 1)}] = &chatRoom{info: tui.Room{With: with}, stored: 1}
	}
	doubles := s.doubles()
	if doubles[bus.RoomID{2}] || doubles[bus.RoomID{3}] || !doubles[bus.RoomID{5}] || len(doubles) != 2*glanceRooms-2 {
		t.Errorf("%d doubles", len(doubles))
	}
	for id := range doubles {
		s.rooms[id].hidden = true
	}
	asked := s.doubted()
	if len(asked) != glanceRooms {
		t.Errorf("%d are asked for", len(asked))
	}
	for id, last := range asked {
		s.rooms[id].empty = last
	}
	if more := s.doubted(); len(more) != len(doubles)-glanceRooms {
		t.Errorf("%d are asked for next", len(more))
	}
}

// Nothing begins in a session that is over: nobody would wait for its end.
func TestChatBeginsNothingAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newChat(t.Context(), &Env{Now: time.Now}, nil, 0, bus.RoomID{})
		if err := s.close(); err != nil {
			t.Error(err)
		}
		s.start(func() { t.Error("something begins") })
		s.wake(bus.RoomID{1})
		synctest.Wait()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}
