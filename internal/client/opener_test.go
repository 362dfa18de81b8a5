package client

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// reading is an opener in a room whose epochs were made by hand.
func reading(r *room) *opener {
	c := &Client{world: &world{bus: buslog.New(), rooms: map[bus.RoomID]*room{{}: r}}}
	return c.newOpener(bus.RoomID{})
}

var (
	alice = roomlog.Recipient{Endpoint: bus.EndpointID{1}, Account: bus.AccountID{1}, Role: bus.RoleMember}
	bob   = roomlog.Recipient{Endpoint: bus.EndpointID{2}, Account: bus.AccountID{2}, Role: bus.RoleMember}
)

// handmade is a room with epochs of the given audiences, a minute apart, each
// closing the one before at sequence 10, 20, ...
func handmade(audiences ...[]roomlog.Recipient) *room {
	r := newRoom(bus.ID{})
	for i, a := range audiences {
		ep := &roomlog.Epoch{Number: bus.Epoch(i + 1), Audience: a, Started: started(bus.Epoch(i + 1)),
			Closing: roomlog.Closing{Seq: uint64(10 * i)}}
		r.epochs[ep.Number], r.Epoch = ep, ep
	}
	return r
}

func started(epoch bus.Epoch) time.Time {
	return time.Date(2026, 1, 1, 0, int(epoch), 0, 0, time.UTC)
}

// said is one frame with one text.
func said(r roomlog.Recipient, session byte, index uint32, words string) seal.Opened {
	return seal.Opened{
		At:      started(1),
		Header:  frame.Header{Epoch: 1, Endpoint: r.Endpoint, Session: frame.Session{session}, Index: index},
		Records: []seal.Record{{Kind: seal.KindText, ID: NewRecordID(words), Body: []byte(words)}},
	}
}

// told writes events down.
func told(events []bus.Event) (out []string) {
	for _, e := range events {
		switch {
		case e.Message != nil:
			out = append(out, e.Message.Text)
		case e.Late != nil:
			out = append(out, "late "+e.Late.Message.Text)
		case e.Gap != nil:
			out = append(out, fmt.Sprintf("gap %d", e.Gap.Missed))
		case e.Order != nil:
			out = append(out, "behind")
		case e.Undecryptable != nil:
			out = append(out, string(e.Undecryptable.Reason))
		default:
			out = append(out, "?")
		}
	}
	return out
}

func TestFramesOfASession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		indexes []uint32
		want    []string
	}{
		{"in order", []uint32{0, 1, 2}, []string{"0", "1", "2"}},
		{"sent again", []uint32{0, 1, 1, 0, 2}, []string{"0", "1", "2"}},
		{"read from the middle on", []uint32{7, 8}, []string{"7", "8"}},
		{"from before the reading, again", []uint32{7, 6, 8}, []string{"7", "8"}},
		{"missing", []uint32{0, 3, 4}, []string{"0", "gap 2", "3", "4"}},
		{"refused for now and stored later", []uint32{0, 2, 1, 3}, []string{"0", "gap 1", "2", "behind", "1", "3"}},
		{"stored later, and again", []uint32{0, 2, 1, 1, 2, 3}, []string{"0", "gap 1", "2", "behind", "1", "3"}},
		{"several late ones", []uint32{0, 5, 3, 1, 4, 2, 3, 1, 6}, []string{"0", "gap 4", "5", "behind", "3", "behind", "1", "behind", "4", "behind", "2", "6"}},
		{"two gaps", []uint32{0, 2, 4, 3, 1, 3, 1}, []string{"0", "gap 1", "2", "gap 1", "4", "behind", "3", "behind", "1"}},
		{"up to the end", []uint32{0, 1<<32 - 1, 1, 0}, []string{"0", "gap 4294967294", "4294967295", "behind", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := handmade([]roomlog.Recipient{alice})
			o := reading(r)
			var got []string
			for _, i := range tt.indexes {
				m := wire.StoredMessage{Seq: 1, At: started(1)}
				got = append(got, told(o.events(r, r.Epoch, m, said(alice, 1, i, fmt.Sprint(i))))...)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A record is shown once, in whatever session, epoch or frame it comes again;
// others may use its id.
func TestRecordsAreShownOnce(t *testing.T) {
	t.Parallel()
	r := handmade([]roomlog.Recipient{alice, bob})
	o := reading(r)
	var got []string
	for _, f := range []seal.Opened{said(alice, 1, 0, "a"), said(alice, 2, 0, "a"), said(bob, 1, 0, "a"), said(alice, 2, 1, "b")} {
		got = append(got, told(o.events(r, r.Epoch, wire.StoredMessage{Seq: 1, At: started(1)}, f))...)
	}
	if want := []string{"a", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: one of alice's, one of bob's, and b", got, want)
	}
}

// Whoever skips numbers makes nobody remember all of them.
func TestGapsAreBounded(t *testing.T) {
	t.Parallel()
	r := handmade([]roomlog.Recipient{alice})
	o := reading(r)
	for i := range uint32(10 * maxMissing) {
		o.events(r, r.Epoch, wire.StoredMessage{Seq: 1, At: started(1)}, said(alice, 1, 2*i, fmt.Sprint(2*i)))
	}
	for _, s := range o.sessions.young {
		if n := len(s.missing); n > maxMissing {
			t.Errorf("got %d gaps remembered, want at most %d", n, maxMissing)
		}
	}
	next := uint32(20*maxMissing - 3)
	got := told(o.events(r, r.Epoch, wire.StoredMessage{Seq: 1, At: started(1)}, said(alice, 1, next, "late")))
	if !slices.Equal(got, []string{"behind", "late"}) {
		t.Errorf("the newest gap is filled: got %q", got)
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	both, onlyBob := []roomlog.Recipient{alice, bob}, []roomlog.Recipient{bob}
	two := func(second []roomlog.Recipient) *room { return handmade(both, second) }
	left := func(after ...[]roomlog.Recipient) *room {
		r := handmade(append([][]roomlog.Recipient{both}, after...)...)
		r.departed[departed{1, alice.Account}] = roomlog.Departure{Closing: roomlog.Closing{Seq: 5}}
		return r
	}
	at := func(after time.Duration) time.Time { return started(2).Add(after) }
	unseen := two(both)
	unseen.epochs[2].Closing.Seq = 0
	tests := []struct {
		name     string
		room     *room
		from     roomlog.Recipient
		seq      uint64
		at       time.Time
		late, ok bool
	}{
		{"in force", handmade(both), alice, 99, at(time.Hour), false, true},
		{"closed, before its end", two(both), alice, 10, at(-time.Second), false, true},
		{"closed, before its end, of one who was removed", two(onlyBob), alice, 10, at(-time.Second), false, true},
		{"closed, before its end, read long after", two(both), alice, 3, at(time.Hour), false, true},
		{"on its way when it closed", two(both), alice, 11, at(-time.Second), false, true},
		{"on its way, of one who was removed", two(onlyBob), alice, 11, at(-time.Second), false, false},
		{"late", two(both), alice, 11, at(time.Second), true, true},
		{"at the last moment", two(both), alice, 11, at(bus.ChainSkew + bus.LateFrames), true, true},
		{"too late", two(both), alice, 11, at(bus.ChainSkew + bus.LateFrames + 1), true, false},
		{"up to the end of an epoch whose successor is dated back", two(both), alice, 11, at(bus.ChainSkew - time.Second), true, true},
		{"the same, of one who was removed soon after", handmade(both, both, onlyBob), alice, 11, at(bus.ChainSkew - time.Second), true, false},
		{"the same, of one who was removed", two(onlyBob), alice, 11, at(bus.ChainSkew - time.Second), true, false},
		{"late, of one who was removed", two(onlyBob), alice, 11, at(time.Second), true, false},
		{"the author had seen nothing", unseen, alice, 7, at(-time.Second), false, true},
		{"the author had seen nothing, late", unseen, alice, 7, at(time.Second), true, true},
		{"not stored, in force", handmade(both), alice, 0, at(0), false, true},
		{"not stored, late", two(both), alice, 0, at(time.Second), true, true},
		{"not stored, too late", two(both), alice, 0, at(time.Hour), true, false},
		{"before leaving", left(), alice, 5, at(-time.Second), false, true},
		{"after leaving", left(), alice, 6, at(-time.Second), false, false},
		{"of somebody else after one left", left(), bob, 6, at(-time.Second), false, true},
		{"before leaving, in an epoch that is closed now", left(onlyBob), alice, 5, at(-time.Second), false, true},
		{"after leaving, in an epoch that is closed now", left(onlyBob), alice, 6, at(-time.Second), false, false},
		{"not stored, after leaving", left(), alice, 0, at(-time.Second), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			late, ok := standing(tt.room, 1, tt.from, wire.StoredMessage{Seq: tt.seq, At: tt.at})
			if ok != tt.ok || ok && late != tt.late {
				t.Errorf("got late %v, ok %v; want late %v, ok %v", late, ok, tt.late, tt.ok)
			}
		})
	}
}

func TestRecall(t *testing.T) {
	t.Parallel()
	s := newRecall[int, string](10)
	for i := range 25 {
		s.put(i, fmt.Sprint(i))
	}
	for i := 20; i < 25; i++ {
		if got, ok := s.get(i); !ok || got != fmt.Sprint(i) {
			t.Errorf("%d, of the newest half: got %q, %v", i, got, ok)
		}
	}
	if _, ok := s.get(3); ok {
		t.Error("3 is remembered after 21 others, of 10")
	}
	if n := len(s.young) + len(s.old); n > 10 {
		t.Errorf("got %d remembered, want at most 10", n)
	}
	s.put(24, "again")
	if got, _ := s.get(24); got != "again" {
		t.Errorf("24, put again: got %q", got)
	}
}

// What is used goes on being remembered.
func TestRecallKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	s := newRecall[int, int](10)
	s.put(-1, 0)
	for i := range 100 {
		n, ok := s.get(-1)
		if !ok {
			t.Fatalf("forgotten after %d others, though it is used all the time", i)
		}
		s.put(-1, n+1)
		s.put(i, 0)
	}
	if n, _ := s.get(-1); n != 100 {
		t.Errorf("got %d, want 100", n)
	}
}

// However the frames of a session come, each counts once, and what is reported
// missing is what did not come before a later one.
func TestProgressAgainstAModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		first := uint32(random.IntN(20))
		p := &progress{next: uint64(first)}
		came, newest := map[uint32]bool{}, int64(first)-1
		for range 200 {
			n := uint32(random.IntN(60))
			want := rank{missed: uint32(max(int64(n)-newest-1, 0)), repeat: n < first || came[n]}
			want.behind = !want.repeat && int64(n) < newest
			if got := p.take(n); got != want {
				t.Fatalf("seed %d, frame %d after %v: got %+v, want %+v", seed, n, came, got, want)
			}
			came[n], newest = true, max(newest, int64(n))
		}
	}
}

// What an endpoint says after its time is refused, by its own clock and by the
// node's.
func TestEndedSender(t *testing.T) {
	t.Parallel()
	end := started(2)
	bot := alice
	bot.NotAfter = end
	for name, tt := range map[string]struct {
		sent, stored time.Duration
		want         string
	}{
		"before":                  {-time.Second, -time.Second, "x"},
		"at the last moment":      {0, 0, "x"},
		"late":                    {time.Millisecond, time.Millisecond, "ended"},
		"said to be earlier":      {-time.Hour, time.Second, "ended"},
		"stored by another clock": {time.Second, -time.Hour, "ended"},
	} {
		r := handmade([]roomlog.Recipient{bot})
		f := said(bot, 1, 0, "x")
		f.At = end.Add(tt.sent)
		got := told(reading(r).events(r, r.Epoch, wire.StoredMessage{Seq: 1, At: end.Add(tt.stored)}, f))
		if len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: got %q, want %s", name, got, tt.want)
		}
	}
}

// Nobody makes what he writes older than the key that he writes it with; clocks
// that are allowed to differ hide nobody.
func TestBackdatedFrame(t *testing.T) {
	t.Parallel()
	allowed := bus.ChainSkew + 2*bus.ClockSkew
	for name, tt := range map[string]struct {
		before time.Duration
		want   string
	}{
		"in its epoch": {-time.Minute, "x"}, "by a clock that is behind": {allowed, "x"}, "before": {allowed + time.Millisecond, "backdated"},
		"long before": {365 * 24 * time.Hour, "backdated"},
	} {
		r := handmade([]roomlog.Recipient{alice})
		f := said(alice, 1, 0, "x")
		f.At = started(1).Add(-tt.before)
		if got := told(reading(r).events(r, r.Epoch, wire.StoredMessage{Seq: 1, At: started(1)}, f)); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: got %q, want %s", name, got, tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	good, gap, behind := bus.Event{Message: &bus.Message{}}, bus.Event{Gap: &bus.GapEvent{Missed: 2}}, bus.Event{Order: &bus.OrderEvent{}}
	bad := func(why bus.FrameFault) bus.Event {
		return bus.Event{Undecryptable: &bus.UndecryptableEvent{Reason: why}}
	}
	for name, tt := range map[string]struct {
		events []bus.Event
		code   string
	}{
		"nothing":                    {nil, ""},
		"good ones":                  {[]bus.Event{good, {Late: &bus.LateEvent{Message: &bus.Message{}}}, {Epoch: &bus.EpochEvent{}}}, ""},
		"two missing":                {[]bus.Event{good, gap, good}, "missing_messages"},
		"two missing, one came":      {[]bus.Event{gap, good, behind, good}, "missing_messages"},
		"two missing, and both came": {[]bus.Event{gap, good, behind, good, behind, good}, ""},
		"a bad one":                  {[]bus.Event{good, bad(bus.FaultSignature)}, "bad_messages"},
		"of a changed key":           {[]bus.Event{bad(bus.FaultChanged)}, "bad_messages"},
		"of somebody rejected":       {[]bus.Event{bad(bus.FaultRejected)}, ""},
		"both":                       {[]bus.Event{gap, bad(bus.FaultLate)}, "bad_messages"},
	} {
		var v Verdict
		for _, e := range tt.events {
			v.Count(e)
		}
		if err := v.Err(); tt.code == "" && err != nil || tt.code != "" && (bus.CodeOf(err) != tt.code || bus.KindOf(err) != bus.Integrity) {
			t.Errorf("%s: got %v, want %q", name, err, tt.code)
		}
	}
}
