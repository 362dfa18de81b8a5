package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// fill stores messages of random sizes in rooms of one shard, some rooms busy,
// some in bursts, one with a single message, and returns the sequences of each.
func (n *node) fill(shard, total int, rooms []bus.RoomID) map[bus.RoomID][]uint64 {
	n.t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	p := n.person()
	room, seqs := rooms[0], map[bus.RoomID][]uint64{}
	for i := range total {
		if i == total/3 {
			room = rooms[len(rooms)-1] // once, and never again
		} else if i == total/3+1 || r.IntN(6) == 0 {
			room = rooms[min(int(r.ExpFloat64()*float64(len(rooms))/4), len(rooms)-2)]
		}
		seqs[room] = append(seqs[room], n.storeRaw(shard, room, p.frame(room, r.IntN(400))))
	}
	return seqs
}

// storeRaw stores anything under a room's subject, as no post could.
func (n *node) storeRaw(shard int, room bus.RoomID, data []byte) uint64 {
	n.t.Helper()
	ack, err := n.shards.js.Publish(n.t.Context(), wire.StoredSubject(shard, room), data)
	if err != nil {
		n.t.Fatal(err)
	}
	return ack.Sequence
}

func sequences(messages []wire.StoredMessage) (seqs []uint64) {
	for _, m := range messages {
		seqs = append(seqs, m.Seq)
	}
	return seqs
}

// Every page of every room, at many sizes, against what was stored.
func TestPagesAgainstAFullScan(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	rooms := make([]bus.RoomID, 12)
	for i := range rooms {
		rooms[i] = newRoom()
	}
	const shard = 7
	all := n.fill(shard, 2000, rooms)
	r := rand.New(rand.NewPCG(3, 4))
	for room, want := range all {
		for range 8 {
			limit, at := 1+r.IntN(80), want[r.IntN(len(want))]+uint64(r.IntN(3))-1
			n.checkBackward(shard, room, want, at, limit)
			n.checkForward(shard, room, want, at, limit)
		}
		n.checkBackward(shard, room, want, 0, 50)
		n.checkBackward(shard, room, want, 1<<60, 7)
		last, err := n.Last(t.Context(), shard, room)
		if err != nil || last != want[len(want)-1] {
			t.Errorf("last %d, want %d, %v", last, want[len(want)-1], err)
		}
		after := want[len(want)/2]
		if got, err := n.Count(t.Context(), shard, room, after); err != nil || int(got) != len(want)-len(want)/2-1 {
			t.Errorf("%d messages after %d, want %d, %v", got, after, len(want)-len(want)/2-1, err)
		}
	}
	n.checkEmpty(shard, newRoom())
}

// checkBackward compares one page of the newest messages below before.
func (n *node) checkBackward(shard int, room bus.RoomID, all []uint64, before uint64, limit int) {
	n.t.Helper()
	want := all
	if before > 0 {
		i, _ := slices.BinarySearch(all, before)
		want = all[:i]
	}
	more := len(want) > limit
	want = want[max(0, len(want)-limit):]
	p, err := n.Page(n.t.Context(), shard, room, PageQuery{Before: before, Limit: limit})
	if err != nil || !slices.Equal(sequences(p.Messages), want) || p.More != more {
		n.t.Errorf("before %d limit %d: %d messages, more %v, %v; want %d, %v", before, limit, len(p.Messages), p.More, err, len(want), more)
	}
	if len(want) > 0 && p.Through != want[len(want)-1] {
		n.t.Errorf("before %d: through %d, want %d", before, p.Through, want[len(want)-1])
	}
}

// checkForward compares one page of the oldest messages above after.
func (n *node) checkForward(shard int, room bus.RoomID, all []uint64, after uint64, limit int) {
	n.t.Helper()
	i, _ := slices.BinarySearch(all, after+1)
	want := all[i:]
	more := len(want) > limit
	want = want[:min(limit, len(want))]
	p, err := n.Page(n.t.Context(), shard, room, PageQuery{After: after, Limit: limit, Forward: true})
	if err != nil || !slices.Equal(sequences(p.Messages), want) || p.More != more {
		n.t.Errorf("after %d limit %d: %d messages, more %v, %v; want %d, %v", after, limit, len(p.Messages), p.More, err, len(want), more)
	}
	through := after
	if len(want) > 0 {
		through = want[len(want)-1]
	}
	if p.Through != through {
		n.t.Errorf("after %d: through %d, want %d", after, p.Through, through)
	}
}

func (n *node) checkEmpty(shard int, room bus.RoomID) {
	n.t.Helper()
	for _, q := range []PageQuery{{}, {Before: 5}, {After: 5}, {Forward: true}} {
		p, err := n.Page(n.t.Context(), shard, room, q)
		if err != nil || len(p.Messages) != 0 || p.More || p.Through != q.After {
			n.t.Errorf("an empty room, %+v: %+v, %v", q, p, err)
		}
	}
	last, err := n.Last(n.t.Context(), shard, room)
	count, err2 := n.Count(n.t.Context(), shard, room, 0)
	if last != 0 || count != 0 || err != nil || err2 != nil {
		n.t.Errorf("an empty room: last %d, count %d, %v, %v", last, count, err, err2)
	}
}

// A page ends at about 4 MiB whatever its limit, in both directions.
func TestPagesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *Options) { o.MaxStore = 1 << 30 })
	p, room := n.person(), newRoom()
	var want []uint64
	for range 150 {
		want = append(want, n.storeRaw(0, room, p.frame(room, 60<<10)))
	}
	var got []uint64
	for q := (PageQuery{Forward: true}); ; {
		page, err := n.Page(t.Context(), 0, room, q)
		if err != nil || len(page.Messages) == 0 || len(page.Messages) > 72 {
			t.Fatalf("%d messages, %v", len(page.Messages), err)
		}
		got = append(got, sequences(page.Messages)...)
		if q.After = page.Through; !page.More {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("forward: %d messages, want %d", len(got), len(want))
	}
	got = nil
	for q := (PageQuery{}); ; {
		page, err := n.Page(t.Context(), 0, room, q)
		if err != nil || len(page.Messages) == 0 || len(page.Messages) > 72 {
			t.Fatalf("%d messages, %v", len(page.Messages), err)
		}
		got = append(sequences(page.Messages), got...)
		if q.Before = got[0]; !page.More {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("backward: %d messages, want %d", len(got), len(want))
	}
}

// A stored message that is no frame of its room is not shown, but a page is
// complete through it.
func TestJunkInTheStore(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room := n.person(), newRoom()
	first := n.storeRaw(3, room, p.frame(room, 10))
	n.storeRaw(3, room, []byte("junk"))
	end := n.storeRaw(3, room, p.frame(newRoom(), 10))
	page, err := n.Page(t.Context(), 3, room, PageQuery{Forward: true})
	if err != nil || !slices.Equal(sequences(page.Messages), []uint64{first}) || page.Through != end {
		t.Errorf("page %+v, %v; want %d through %d", page, err, first, end)
	}
	if got := n.Stats().Junk; got != 2 {
		t.Errorf("%d counted", got)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room, other := n.person(), newRoom(), newRoom()
	n.storeRaw(1, room, p.frame(room, 10))
	n.storeRaw(1, other, p.frame(other, 10))
	cut := time.Now()
	waitFor(t, func() bool { return time.Since(cut) > 0 })
	kept := n.storeRaw(1, room, p.frame(room, 10))
	check := func(what string, room bus.RoomID, want ...uint64) {
		t.Helper()
		page, err := n.Page(t.Context(), 1, room, PageQuery{})
		if err != nil || !slices.Equal(sequences(page.Messages), want) {
			t.Errorf("%s: %v, %v; want %v", what, sequences(page.Messages), err, want)
		}
	}
	if err := n.Purge(t.Context(), 1, room, &cut); err != nil {
		t.Fatal(err)
	}
	check("older than cut", room, kept)
	check("the other room", other, 2)
	future := time.Now().Add(time.Hour)
	if err := n.Purge(t.Context(), 1, other, &future); err != nil {
		t.Fatal(err)
	}
	check("older than the future", other)
	if err := n.Purge(t.Context(), 1, room, nil); err != nil {
		t.Fatal(err)
	}
	check("all", room)
	if err := n.Purge(t.Context(), 2, room, &cut); err != nil {
		t.Errorf("an empty shard: %v", err)
	}
	if err := n.Purge(t.Context(), wire.Shards, room, nil); bus.KindOf(err) != bus.Invalid {
		t.Errorf("no shard: %v", err)
	}
}

// The newest message of a shard may be another room's, and gone: a purge by
// time must not rest on it.
func TestPurgeBehindPurged(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room, other := n.person(), newRoom(), newRoom()
	n.storeRaw(1, room, p.frame(room, 10))
	n.storeRaw(1, other, p.frame(other, 10))
	if err := n.Purge(t.Context(), 1, other, nil); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour)
	if err := n.Purge(t.Context(), 1, room, &future); err != nil {
		t.Fatal(err)
	}
	if last, err := n.Last(t.Context(), 1, room); err != nil || last != 0 {
		t.Errorf("newest: got %d, %v; want none", last, err)
	}
}

// A request that is given up leaves answers behind; the next request on that
// connection must not take them for its own.
func TestLateAnswersAreIgnored(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room := n.person(), newRoom()
	want := n.storeRaw(0, room, p.frame(room, 10))
	for range historyReaders {
		r := <-n.history.free
		r.answers <- &nats.Msg{Subject: r.inbox + ".0", Header: nats.Header{"Status": {"404"}}}
		n.history.free <- r
	}
	for range historyReaders {
		if got, err := n.Last(t.Context(), 0, room); err != nil || got != want {
			t.Errorf("last %d, %v; want %d", got, err, want)
		}
	}
}

func TestHistoryUnavailable(t *testing.T) {
	t.Parallel()
	h := &history{free: make(chan *reader)}
	ctx, cancel := contextAlreadyDone(t)
	defer cancel()
	if _, err := h.last(ctx, 0, newRoom()); bus.KindOf(err) != bus.Unavailable {
		t.Errorf("no free reader: %v", err)
	}
	var b batch
	if _, err := b.add(&nats.Msg{Header: nats.Header{"Status": {"503"}}}, true); bus.KindOf(err) != bus.Unavailable {
		t.Errorf("no leader: %v", err)
	}
	if _, err := b.add(&nats.Msg{Header: nats.Header{nats.JSSequence: {"x"}}}, true); bus.KindOf(err) != bus.Unavailable {
		t.Errorf("nonsense: %v", err)
	}
}

// The search must start in front of enough messages, whatever their spread.
func FuzzSeek(f *testing.F) {
	f.Add([]byte{1, 1, 1, 200, 1, 1, 255, 255, 1}, uint64(400), uint8(2))
	f.Add(bytes.Repeat([]byte{1}, 500), uint64(0), uint8(9))
	f.Fuzz(func(t *testing.T, gaps []byte, end uint64, limit uint8) {
		var seqs []uint64
		seq := uint64(0)
		for _, g := range gaps {
			seq += uint64(g) + 1
			seqs = append(seqs, seq)
		}
		if end == 0 {
			end = seq + 1
		}
		n, asked := uint64(limit)+1, 0
		count := func(q uint64) (uint64, uint64, error) {
			asked++
			i, _ := slices.BinarySearch(seqs, q)
			if i == len(seqs) {
				return 0, 0, nil
			}
			return uint64(len(seqs) - i), seqs[i], nil
		}
		from, older, err := seek(count, end, n)
		below, _ := slices.BinarySearch(seqs, end)
		if err != nil || asked > seekRounds+2 || (from == 0) != (below == 0) {
			t.Fatalf("from %d, %v, %d questions, %d below the end", from, err, asked, below)
		}
		if from == 0 {
			return
		}
		i, found := slices.BinarySearch(seqs, from)
		if !found || uint64(i) != older || uint64(below-i) < min(n, uint64(below)) {
			t.Errorf("from %d: %d in front (said %d), %d behind, want %d", from, i, older, below-i, n)
		}
	})
}

// A header block the server damaged is refused; what is taken says the same
// when it is written again.
func FuzzParseStored(f *testing.F) {
	f.Add("7", "2026-01-02T03:04:05.000000006Z", "3", true)
	f.Add("7", "2026-01-02T03:04:05Z", "", false)
	f.Add("", "", "", true)
	f.Add("-1", "yesterday", "18446744073709551616", true)
	parse := func(seq, at, behind string, counted bool) (stored, error) {
		m := nats.NewMsg("answer")
		m.Header.Set(nats.JSSequence, seq)
		m.Header.Set(nats.JSTimeStamp, at)
		m.Header.Set("Nats-Num-Pending", behind)
		return parseStored(m, counted)
	}
	f.Fuzz(func(t *testing.T, seq, at, behind string, counted bool) {
		s, err := parse(seq, at, behind, counted)
		if err != nil {
			if bus.KindOf(err) != bus.Unavailable {
				t.Errorf("refused as %v", err)
			}
			return
		}
		again, err := parse(fmt.Sprint(s.seq), s.at.Format(time.RFC3339Nano), fmt.Sprint(s.behind), counted)
		if err != nil || again.seq != s.seq || again.behind != s.behind || !again.at.Equal(s.at) {
			t.Errorf("%+v is %+v when written again, %v", s, again, err)
		}
	})
}
