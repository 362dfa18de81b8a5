package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

const (
	// maxOpened bounds the frames that a search opens: most are what is looked
	// for, but somebody may have written thousands that were deleted since, or are
	// hidden.
	maxOpened = 2000
	// maxChanges bounds the frames with edits and deletes that are opened of one
	// frame, of each of those who may change it. Anybody in a room can write any
	// number of others, of anybody's: of these only the outside is looked at.
	maxChanges = 200
)

// Search says what is looked for among the messages that are kept.
type Search struct {
	Room  bus.RoomID // zero: in all rooms
	Words string     // see profile.ParseQuery
	Limit int        // messages, at most
}

// Search finds messages, newest first, without the node. They come as they stand
// now: edited, without those that were deleted or are hidden.
func (c *Client) Search(ctx context.Context, s Search) ([]bus.Message, error) {
	query := profile.ParseQuery(s.Words)
	spots, err := c.store.Find(ctx, s.Room, query)
	if err != nil {
		return nil, err
	}
	f := finder{c: c.local(), query: query, limit: s.Limit, rooms: map[bus.RoomID]time.Time{},
		epochs: map[bus.RoomID]map[bus.Epoch]epochKey{}, shown: map[shownKey]bool{}}
	for _, spot := range spots {
		if len(f.found) >= f.limit || f.opened >= maxOpened {
			break
		}
		if err := f.look(ctx, spot); err != nil {
			return nil, err
		}
	}
	return f.found, nil
}

// finder looks into frames that may hold what is looked for.
type finder struct {
	c      *Client
	query  profile.Query
	limit  int
	rooms  map[bus.RoomID]time.Time // since when each keeps messages
	epochs map[bus.RoomID]map[bus.Epoch]epochKey
	opened int
	shown  map[shownKey]bool
	found  []bus.Message
}

// shownKey is of a message that is found already, by itself or by its edit.
type shownKey struct {
	from bus.Handle
	id   bus.RecordID
}

// look opens a frame and takes what was looked for.
func (f *finder) look(ctx context.Context, spot profile.Spot) error {
	since, known := f.rooms[spot.Room]
	if !known {
		var err error
		if since, err = f.c.keepsSince(ctx, spot.Room); err != nil {
			return err
		}
		f.rooms[spot.Room] = since
	}
	if spot.At.Before(since) {
		return nil
	}
	kept, err := f.c.store.FrameAt(ctx, spot.Room, spot.Seq)
	if bus.KindOf(err) == bus.NotFound { // forgotten meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	messages, err := f.open(ctx, spot.Room, kept)
	if err != nil {
		return err
	}
	if messages, err = f.originals(ctx, spot.Room, messages); err != nil {
		return err
	}
	return f.take(ctx, spot.Room, messages)
}

// open returns the messages of a frame that are shown. One that would end a
// reading shows nothing.
func (f *finder) open(ctx context.Context, id bus.RoomID, kept profile.Frame) (out []*bus.Message, err error) {
	f.opened++
	o := f.c.newOpener(id) // a new one: no frame is a repeat here
	if f.epochs[id] == nil {
		f.epochs[id] = o.epochs
	}
	o.epochs = f.epochs[id]
	events, err := o.open(ctx, wire.StoredMessage{Seq: kept.Seq, At: kept.At, Frame: kept.Raw})
	if errors.Is(err, errForked) || errors.Is(err, errWithheld) {
		return nil, nil
	}
	for _, e := range events {
		if m := e.Brings(); m != nil {
			out = append(out, m)
		}
	}
	return out, err
}

// originals puts the messages that were edited in place of their edits.
func (f *finder) originals(ctx context.Context, id bus.RoomID, messages []*bus.Message) (out []*bus.Message, err error) {
	for _, m := range messages {
		if m.Kind == "edit" && m.ReplyTo != nil {
			if m, err = f.record(ctx, id, *m.ReplyTo); err != nil {
				return nil, err
			}
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out, nil
}

// record finds a record that is kept; nil where it is not.
func (f *finder) record(ctx context.Context, id bus.RoomID, ref bus.RecordRef) (*bus.Message, error) {
	frames, err := f.c.store.FramesMarked(ctx, id, ref.Frame)
	if err != nil {
		return nil, err
	}
	found, err := f.among(ctx, id, frames, func(m *bus.Message) bool { return m.Hash.Prefix() == ref.Frame && m.Number == ref.Number })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// among are those messages of frames that are wanted, as they come.
func (f *finder) among(ctx context.Context, id bus.RoomID, frames []profile.Frame, wanted func(*bus.Message) bool) (out []*bus.Message, err error) {
	for _, kept := range frames {
		messages, err := f.open(ctx, id, kept)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			if wanted(m) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// take collects those messages of one frame that match as they stand now.
func (f *finder) take(ctx context.Context, id bus.RoomID, messages []*bus.Message) error {
	changes := map[bus.Prefix][]*bus.Message{}
	for _, m := range slices.Backward(messages) { // the newest first, as the frames
		key := shownKey{m.From, m.ID}
		if len(f.found) >= f.limit || f.shown[key] || !m.Said() {
			continue
		}
		frame := m.Hash.Prefix()
		if _, known := changes[frame]; !known {
			var err error
			if changes[frame], err = f.changes(ctx, id, frame, m.From); err != nil {
				return err
			}
		}
		if f.apply(id, m, changes[frame]) && f.query.Match(wordsOf(m)) {
			f.shown[key] = true
			f.found = append(f.found, *m)
		}
	}
	return nil
}

func wordsOf(m *bus.Message) string {
	if m.File != nil {
		return m.File.Name
	}
	return m.Text
}

// changes are the edits and deletes that are about a frame of somebody, by him or an
// owner, oldest first.
func (f *finder) changes(ctx context.Context, id bus.RoomID, about bus.Prefix, author bus.Handle) ([]*bus.Message, error) {
	var frames []profile.Frame // newest first
	counts, before := map[bus.Handle]int{}, uint64(0)
	for {
		page, err := f.c.store.FramesAbout(ctx, id, about, before, maxChanges)
		if err != nil {
			return nil, err
		}
		writers := f.writers(id, page)
		for i, kept := range slices.Backward(page) {
			if who := writers[i]; (who == author || f.owns(id, who)) && counts[who] < maxChanges {
				counts[who]++
				frames = append(frames, kept)
			}
		}
		if len(page) < maxChanges {
			break
		}
		before = page[0].Seq
	}
	slices.Reverse(frames)
	return f.among(ctx, id, frames, func(m *bus.Message) bool {
		return (m.Kind == "edit" || m.Kind == "delete") && m.ReplyTo != nil && m.ReplyTo.Frame == about
	})
}

// writers are those who the outsides of frames say wrote them, "" where nobody in the
// room could.
func (f *finder) writers(id bus.RoomID, frames []profile.Frame) []bus.Handle {
	w := f.c.world
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]bus.Handle, len(frames))
	r := w.rooms[id]
	for i, kept := range frames {
		h, err := frame.Parse(kept.Raw)
		if err != nil || r == nil || r.epochs[h.Epoch] == nil {
			continue
		}
		if rec, in := r.epochs[h.Epoch].Recipient(h.Endpoint); in {
			out[i] = w.handle(rec.Account)
		}
	}
	return out
}

// apply changes a message as its sender, or an owner who deletes it, asked; false
// when it is deleted.
func (f *finder) apply(id bus.RoomID, m *bus.Message, changes []*bus.Message) bool {
	for _, ch := range changes {
		own := ch.From == m.From
		switch {
		case ch.ReplyTo.Number != m.Number:
		case ch.Kind == "delete" && (own || f.owns(id, ch.From)):
			return false
		case ch.Kind == "edit" && own && m.File == nil:
			m.Text = ch.Text
		}
	}
	return true
}

// owns reports whether somebody owns a room now.
func (f *finder) owns(id bus.RoomID, who bus.Handle) bool {
	w := f.c.world
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[id]
	return r != nil && slices.ContainsFunc(r.Members(), func(m roomlog.Member) bool {
		return m.Role == bus.RoleOwner && w.handle(m.Account) == who
	})
}
