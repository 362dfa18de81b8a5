package profile

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

// frameOf is a frame with words in it.
func frameOf(seq uint64, words ...string) Frame {
	raw := fmt.Appendf(nil, "frame %d", seq)
	return Frame{Seq: seq, At: time.UnixMilli(1_800_000_000_000 + int64(seq)).UTC(), Raw: raw, Mark: bus.Prefix{byte(seq >> 8), byte(seq), 7}, Texts: words}
}

func keepAll(t testing.TB, s *Store, room bus.RoomID, of Stretch, frames ...Frame) {
	t.Helper()
	must(t, s.Keep(context.Background(), room, frames, of))
}

// find returns the sequences where words are found.
func find(t testing.TB, s *Store, room bus.RoomID, words string) (seqs []uint64) {
	t.Helper()
	spots, err := s.Find(context.Background(), room, ParseQuery(words))
	must(t, err)
	for _, spot := range spots {
		seqs = append(seqs, spot.Seq)
	}
	return seqs
}

func seqsOf(frames []Frame) (seqs []uint64) {
	for _, f := range frames {
		seqs = append(seqs, f.Seq)
	}
	return seqs
}

// What is kept is read again as it was, once however often it came, and found by
// its words in its room and everywhere.
func TestKeep(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t), context.Background()
	a, b := bus.RoomID{1}, bus.RoomID{2}
	keepAll(t, s, a, Stretch{0, 3}, frameOf(1, "the cluster is green"), frameOf(3, "green", "grass"))
	keepAll(t, s, a, Stretch{0, 4}, frameOf(3, "green", "grass"), frameOf(4, "red"))
	keepAll(t, s, b, Stretch{4, 9}, frameOf(8, "greenhouse"))
	for _, c := range []struct {
		room  bus.RoomID
		words string
		want  []uint64
	}{
		{a, "green", []uint64{3, 1}}, {a, "gre", []uint64{3, 1}}, {a, "green grass", []uint64{3}}, {a, "is", []uint64{1}},
		{b, "green", []uint64{8}}, {bus.RoomID{}, "green", []uint64{8, 3, 1}}, {a, "blue", nil}, {bus.RoomID{3}, "green", nil}, {a, "", nil},
	} {
		if got := find(t, s, c.room, c.words); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: found at %v, want %v", c.words, got, c.want)
		}
	}
	frames, err := s.FramesBefore(ctx, a, Stretch{0, 4}, 4, 10)
	must(t, err)
	if len(frames) != 2 || string(frames[1].Raw) != "frame 3" || !frames[1].At.Equal(frameOf(3).At) {
		t.Errorf("read again: %+v", frames)
	}
	_, err = s.FrameAt(ctx, a, 2)
	wantCode(t, err, bus.NotFound, "not_kept")
	rooms, err := s.KeptRooms(ctx)
	must(t, err)
	if len(rooms) != 2 {
		t.Errorf("rooms %v", rooms)
	}
}

// Where another frame opens in the place of one that is kept, it is the one that is
// read and found from then on; one that does not open changes nothing.
func TestKeepInPlace(t *testing.T) {
	t.Parallel()
	s, ctx, room := newStore(t), context.Background(), bus.RoomID{1}
	spoilt, other := frameOf(2), frameOf(2, "blue")
	spoilt.Mark, spoilt.Raw = bus.Prefix{}, []byte("spoilt")
	other.Mark, other.Raw, other.Unread, other.About = bus.Prefix{9}, []byte("other"), 1, []bus.Prefix{{8}}
	for i, c := range []struct {
		frame  Frame
		raw    string
		green  []uint64
		blue   []uint64
		unread int
	}{
		{spoilt, "spoilt", []uint64{1}, nil, 0},
		{frameOf(2, "green"), "frame 2", []uint64{2, 1}, nil, 0},
		{spoilt, "frame 2", []uint64{2, 1}, nil, 0},
		{other, "other", []uint64{1}, []uint64{2}, 1},
		{other, "other", []uint64{1}, []uint64{2}, 1},
		{frameOf(2, "green"), "frame 2", []uint64{2, 1}, nil, 0},
	} {
		keepAll(t, s, room, Stretch{0, 3}, frameOf(1, "green"), c.frame, frameOf(3))
		frame, err := s.FrameAt(ctx, room, 2)
		must(t, err)
		unread, err := s.Unread(ctx, room, 0)
		must(t, err)
		about, err := s.FramesAbout(ctx, room, bus.Prefix{8}, 0, 10)
		must(t, err)
		if string(frame.Raw) != c.raw || len(unread) != c.unread || len(about) != c.unread ||
			!reflect.DeepEqual(find(t, s, room, "green"), c.green) || !reflect.DeepEqual(find(t, s, room, "blue"), c.blue) {
			t.Errorf("%d: %q, %v unread, %v about, green %v, blue %v", i, frame.Raw, unread, about, find(t, s, room, "green"), find(t, s, room, "blue"))
		}
		wantWeighed(t, s, room, 3)
	}
}

// wantWeighed holds a room to hold so many frames, and to know what it weighs.
func wantWeighed(t *testing.T, s *Store, room bus.RoomID, frames int64) {
	t.Helper()
	must(t, s.write(t.Context(), cached, func(tx *sql.Tx) error {
		said, err := findShelf(t.Context(), tx, room)
		must(t, err)
		if is, err := weigh(t.Context(), tx, said); err != nil || is.frames != frames || said.frames != frames {
			t.Errorf("%d frames, and says %d: want %d (%v)", is.frames, said.frames, frames, err)
		}
		return nil
	}))
}

// Pages go both ways and stay in their stretch.
func TestFramePages(t *testing.T) {
	t.Parallel()
	s, ctx, room := newStore(t), context.Background(), bus.RoomID{1}
	for seq := uint64(2); seq <= 20; seq += 2 {
		keepAll(t, s, room, Stretch{}, frameOf(seq))
	}
	for _, c := range []struct {
		of            Stretch
		before, after uint64
		want          []uint64
	}{
		{Stretch{0, 20}, 1 << 63, 0, []uint64{16, 18, 20}},
		{Stretch{0, 18}, 1<<64 - 1, 0, []uint64{14, 16, 18}},
		{Stretch{0, 20}, 8, 0, []uint64{2, 4, 6}},
		{Stretch{4, 20}, 8, 0, []uint64{6}},
		{Stretch{8, 20}, 8, 0, nil},
		{Stretch{0, 20}, 0, 4, []uint64{6, 8, 10}},
		{Stretch{0, 8}, 0, 4, []uint64{6, 8}},
		{Stretch{0, 20}, 0, 20, nil},
	} {
		read := s.FramesAfter
		at := c.after
		if c.before > 0 {
			read, at = s.FramesBefore, c.before
		}
		frames, err := read(ctx, room, c.of, at, 3)
		must(t, err)
		if got := seqsOf(frames); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// Stretches join where they touch, and nothing else does.
func TestStretches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		add  []Stretch
		want []Stretch
	}{
		{[]Stretch{{0, 0}}, nil},
		{[]Stretch{{0, 5}, {5, 6}}, []Stretch{{0, 6}}},
		{[]Stretch{{5, 6}, {0, 5}}, []Stretch{{0, 6}}},
		{[]Stretch{{0, 4}, {5, 6}}, []Stretch{{0, 4}, {5, 6}}},
		{[]Stretch{{0, 4}, {6, 8}, {10, 12}, {3, 11}}, []Stretch{{0, 12}}},
		{[]Stretch{{0, 9}, {3, 4}}, []Stretch{{0, 9}}},
		{[]Stretch{{3, 4}, {0, 9}}, []Stretch{{0, 9}}},
		{[]Stretch{{3, 9}, {0, 3}, {9, 9}, {20, 30}, {12, 20}}, []Stretch{{0, 9}, {12, 30}}},
	} {
		s := memory(t)
		for _, of := range c.add {
			keepAll(t, s, bus.RoomID{1}, of)
			keepAll(t, s, bus.RoomID{2}, Stretch{100, 200})
		}
		got, err := s.Stretches(context.Background(), bus.RoomID{1})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: got %v, %v", c.add, got, err)
		}
	}
}

// What changes a frame is found from it, and a frame by its hash.
func TestFramesAbout(t *testing.T) {
	t.Parallel()
	s, ctx, room := newStore(t), context.Background(), bus.RoomID{1}
	first := frameOf(1, "first")
	edit, more := frameOf(2, "second"), frameOf(9, "third")
	edit.About, more.About = []bus.Prefix{first.Mark, first.Mark}, []bus.Prefix{first.Mark}
	keepAll(t, s, room, Stretch{0, 2}, first, edit)
	keepAll(t, s, room, Stretch{}, more)
	keepAll(t, s, bus.RoomID{2}, Stretch{0, 2}, edit)
	about, err := s.FramesAbout(ctx, room, first.Mark, 0, 10)
	must(t, err)
	marked, err := s.FramesMarked(ctx, room, first.Mark)
	must(t, err)
	if got := fmt.Sprint(seqsOf(about), seqsOf(marked)); got != "[2 9] [1]" {
		t.Errorf("about the first: %s", got)
	}
	if newest, err := s.FramesAbout(ctx, room, first.Mark, 0, 1); err != nil || len(newest) != 1 || newest[0].Seq != 9 {
		t.Errorf("the newest about it: %v, %v", seqsOf(newest), err)
	}
	if older, err := s.FramesAbout(ctx, room, first.Mark, 9, 10); err != nil || len(older) != 1 || older[0].Seq != 2 {
		t.Errorf("those before: %v, %v", seqsOf(older), err)
	}
}

// Counts are those after a mark.
func TestUnread(t *testing.T) {
	t.Parallel()
	s, room := newStore(t), bus.RoomID{1}
	for seq := range uint64(5) {
		f := frameOf(seq + 1)
		f.Unread, f.Mentions = 2, int(seq%2)
		keepAll(t, s, room, Stretch{}, f)
	}
	keepAll(t, s, room, Stretch{}, frameOf(6))
	for after, want := range map[uint64][]Count{0: {{1, 2, 0}, {2, 2, 1}, {3, 2, 0}, {4, 2, 1}, {5, 2, 0}}, 3: {{4, 2, 1}, {5, 2, 0}}, 5: nil, 1 << 63: nil} {
		if got, err := s.Unread(context.Background(), room, after); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("after %d: got %+v, %v", after, got, err)
		}
	}
}

// Frames of before a time go with all they were found by, and no byte of them is
// left in the files.
func TestForgetFrames(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s, ctx, room := openStore(t, h, key), context.Background(), bus.RoomID{1}
	for seq := uint64(1); seq <= 300; seq++ {
		f := frameOf(seq, fmt.Sprint("word", seq), "all")
		f.About = []bus.Prefix{{byte(seq)}}
		keepAll(t, s, room, Stretch{0, seq}, f)
	}
	old := sealedRows(t, s, "SELECT sealed FROM frame WHERE seq <= 200")
	old = append(old, sealedRows(t, s, "SELECT sealed FROM words WHERE first <= 200")...)
	if inFiles(t, h, old) == 0 {
		t.Error("the search does not find what is there")
	}
	must(t, s.ForgetFrames(ctx, room, frameOf(201).At))
	must(t, s.Scrub(ctx, time.Now()))
	if n := inFiles(t, h, old); n > 0 {
		t.Errorf("%d forgotten frames or blocks are in the files", n)
	}
	if got := find(t, s, room, "word200"); got != nil {
		t.Errorf("what is forgotten is found at %v", got)
	}
	if got := find(t, s, room, "all"); len(got) != 100 || got[99] != 201 {
		t.Errorf("%d are left", len(got))
	}
	if left := sealedRows(t, s, "SELECT seq FROM about WHERE seq <= 200"); len(left) > 0 {
		t.Errorf("%d changes are left", len(left))
	}
	must(t, s.ForgetRoom(ctx, room))
	for _, table := range []string{"shelf", "frame", "about", "stretch", "words"} {
		if left := sealedRows(t, s, "SELECT 1 FROM "+table); len(left) > 0 {
			t.Errorf("%d rows of %s are left of a room that is forgotten", len(left), table)
		}
	}
	keepAll(t, s, room, Stretch{4, 5}, frameOf(5, "again"))
	keepAll(t, s, bus.RoomID{2}, Stretch{4, 5}, frameOf(5, "set back"))
	must(t, s.ForgetNewest(ctx, bus.RoomID{2}))
	if list, err := s.Stretches(ctx, bus.RoomID{2}); err != nil || len(list)+len(find(t, s, bus.RoomID{2}, "set")) > 0 {
		t.Errorf("of a node that was set back %v is kept, %v", list, err)
	}
	if got := find(t, s, room, "again"); len(got) != 1 {
		t.Error("nothing is kept after a room was forgotten")
	}
}

func sealedRows(t *testing.T, s *Store, query string) (rows [][]byte) {
	t.Helper()
	must(t, each(context.Background(), s.db, func(scan func(...any) error) error {
		var row []byte
		err := scan(&row)
		rows = append(rows, bytes.Clone(row))
		return err
	}, query))
	return rows
}

// A room that holds too much loses its oldest, and of what is too much in all
// the largest room does.
func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	s, ctx, flood, quiet := memory(t), context.Background(), bus.RoomID{1}, bus.RoomID{2}
	s.most = bounds{roomFrames: 100, roomWeight: 1 << 30, frames: 1 << 30, weight: 1 << 30}
	keepAll(t, s, quiet, Stretch{0, 1}, frameOf(1, "quiet"))
	for seq := uint64(1); seq <= 350; seq++ {
		keepAll(t, s, flood, Stretch{seq - 1, seq}, frameOf(seq, "flood"))
	}
	left := find(t, s, flood, "flood")
	if len(left) < 95 || len(left) > 100 || left[0] != 350 {
		t.Fatalf("%d of the flood are left", len(left))
	}
	stretches, err := s.Stretches(ctx, flood)
	must(t, err)
	if want := []Stretch{{left[len(left)-1] - 1, 350}}; !reflect.DeepEqual(stretches, want) {
		t.Errorf("stretches %v are left, want %v", stretches, want)
	}
	one := sealedRows(t, s, "SELECT weight FROM shelf WHERE frames = 1")
	weight, err := strconv.ParseInt(string(one[0]), 10, 64)
	must(t, err)
	s.most = bounds{roomFrames: 1 << 30, roomWeight: 1 << 30, frames: 1 << 30, weight: 50 * weight}
	for seq := uint64(2); seq <= 4; seq++ {
		keepAll(t, s, quiet, Stretch{seq - 1, seq}, frameOf(seq, "quiet"))
	}
	if now := len(find(t, s, flood, "flood")); now >= len(left) || now == 0 || len(find(t, s, quiet, "quiet")) != 4 {
		t.Errorf("of the flood %d of %d are left, of the quiet room %d", now, len(left), len(find(t, s, quiet, "quiet")))
	}
	s.most.weight, s.most.frames = 1<<30, 20
	keepAll(t, s, quiet, Stretch{4, 5}, frameOf(5, "quiet"))
	if now := len(find(t, s, flood, "flood")); now >= len(left) || len(find(t, s, quiet, "quiet")) != 5 {
		t.Errorf("of the flood %d of %d are left, of the quiet room %d", now, len(left), len(find(t, s, quiet, "quiet")))
	}
}

// A frame is found by so many words and no more, however long they are.
func TestTermsAreBounded(t *testing.T) {
	t.Parallel()
	s, room := memory(t), bus.RoomID{1}
	var text strings.Builder
	for i := range bus.KeptTerms {
		fmt.Fprintf(&text, "%x ", i+0x100000)
	}
	keepAll(t, s, room, Stretch{0, 2}, frameOf(1, text.String()), frameOf(2, strings.Repeat("long", 20_000)))
	if len(find(t, s, room, "100000")) != 1 || len(find(t, s, room, fmt.Sprintf("%x", 0x100000+bus.KeptTerms-1))) != 0 {
		t.Error("a frame is found by its last words, or not by its first")
	}
	if len(find(t, s, room, "longlong")) != 1 {
		t.Error("a long word is not found")
	}
	rows := sealedRows(t, s, "SELECT max(length(sealed)) FROM words")
	if size, err := strconv.Atoi(string(rows[0])); err != nil || size > 4*bus.KeptTerms+maxBlock {
		t.Errorf("the largest block has %d bytes, %v", size, err)
	}
}

// Frames and blocks that were moved, or changed in what stands beside them, do
// not open.
func TestMovedFramesDoNotOpen(t *testing.T) {
	t.Parallel()
	type reading struct{ find, frames, asOther bool } // whether each fails
	for name, c := range map[string]struct {
		change string
		fails  reading
	}{
		"frame to another sequence": {"UPDATE frame SET seq = 3 WHERE seq = 2", reading{frames: true}},
		"frame at another time":     {"UPDATE frame SET at = at + 1", reading{frames: true}},
		"frame of another":          {"UPDATE frame SET sealed = (SELECT sealed FROM frame WHERE seq = 1)", reading{frames: true}},
		"room of another":           {"UPDATE shelf SET room = x'07000000000000000000000000000000'", reading{find: true, asOther: true}},
		"block to another place":    {"UPDATE words SET number = 7", reading{find: true}},
		"room that is none":         {"UPDATE shelf SET room = x'07'", reading{find: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := memory(t), context.Background()
			keepAll(t, s, bus.RoomID{1}, Stretch{0, 2}, frameOf(1, "green"), frameOf(2, "green"))
			must(t, s.exec(ctx, kept, c.change))
			_, find := s.Find(ctx, bus.RoomID{}, ParseQuery("green"))
			_, frames := s.FramesAfter(ctx, bus.RoomID{1}, Stretch{0, 9}, 1, 9)
			_, asOther := s.FramesAfter(ctx, bus.RoomID{7}, Stretch{0, 9}, 1, 9)
			if got := (reading{find != nil, frames != nil, asOther != nil}); got != c.fails {
				t.Errorf("fails: %+v, want %+v", got, c.fails)
			}
			for _, err := range []error{find, frames, asOther} {
				if err != nil {
					wantCode(t, err, bus.Integrity, "bad_profile")
				}
			}
		})
	}
}

// No text, word or hash of a word stands in the files.
func TestWordsAreNotOnDisk(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s, room := openStore(t, h, key), bus.RoomID{1}
	f := frameOf(1, canary+" is secret")
	f.Raw = []byte(canary)
	keepAll(t, s, room, Stretch{0, 1}, f)
	hash := key.WordHash()
	secrets := [][]byte{[]byte(canary), []byte("canary"), []byte("secret")}
	for _, w := range split(canary + " is secret") {
		w.terms(func(term string) {
			n := hash(term)
			secrets = append(secrets, []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
		})
	}
	schema := inFiles(t, h, [][]byte{[]byte("secret")}) // is the name of a table
	if n := inFiles(t, h, secrets) - schema; n != 0 {
		t.Errorf("%d secrets stand in the files", n)
	}
	if len(find(t, s, room, "canary secret")) != 1 {
		t.Error("it is not found")
	}
	files, err := os.ReadDir(h.path("work", ""))
	must(t, err)
	if len(files) < 3 { // also the log of changes
		t.Errorf("looked into %d files only", len(files))
	}
}
