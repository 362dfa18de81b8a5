package cmd

import (
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/tui"
)

// carry uploads the files that wait in the outbox of a room, one after the other,
// until the session ends. Where the bus is away it waits.
func (s *chat) carry(room bus.RoomID, p *post) {
	for tries := 0; ; {
		select {
		case <-p.files:
		case <-s.ctx.Done():
			return
		}
		if err := s.uploads(room, p); err == nil {
			tries = 0
			continue
		}
		tries++
		if !s.sleep(tries) {
			return
		}
		p.carry()
	}
}

// carry has the files of a room looked at.
func (p *post) carry() {
	select {
	case p.files <- struct{}{}:
	default:
	}
}

// carryAll has those of all rooms looked at: the bus is there.
func (s *chat) carryAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.posts {
		p.carry()
	}
}

// uploads uploads what waits in a room while the bus is there. An error passes by
// itself.
func (s *chat) uploads(room bus.RoomID, p *post) error {
	for s.state() == tui.Online {
		q, err := s.nextFile(room, p)
		if err != nil || q == nil {
			return err
		}
		if err := s.upload(room, p, *q); err != nil {
			return err
		}
	}
	return nil
}

// nextFile is the oldest file that is to be uploaded, nil where none is.
func (s *chat) nextFile(room bus.RoomID, p *post) (*client.Queued, error) {
	queued, err := s.c.Queued(s.ctx, room)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range queued {
		if id := q.Record.ID; q.File != nil && !q.File.Held && !p.over[id] && !p.refused[id] {
			return &q, nil
		}
	}
	return nil, err
}

// upload uploads one file. An error passes by itself; of others the person is
// told.
func (s *chat) upload(room bus.RoomID, p *post, q client.Queued) error {
	id := q.Record.ID
	ctx, end := s.begin(tui.Transfer{ID: id, Up: true, Total: total(q.File.Name, q.File.Size)})
	err := end(s.put(ctx, room, q))
	s.tell(tui.Event{Transfer: &tui.Transfer{ID: id, Up: true, Over: true}})
	s.mu.Lock()
	over := p.over[id]
	s.mu.Unlock()
	switch {
	case over || s.ctx.Err() != nil:
		return nil
	case err == nil:
		s.wake(room)
		return nil
	case passes(err) || errors.Is(err, transfer.ErrStalled):
		return err
	}
	if errors.Is(err, errHalted) {
		s.hold(room, q)
	}
	s.refuse(room, p, id, err)
	return nil
}

// put stores a file that is what it was when it was attached.
func (s *chat) put(ctx context.Context, room bus.RoomID, q client.Queued) error {
	f, err := openAttached(*q.File)
	if err != nil {
		return err
	}
	defer f.close()
	_, err = s.c.UploadQueued(ctx, room, q, f.Source)
	if bus.CodeOf(err) == errFileChanged.Code {
		return errFileChanged.Because(err)
	}
	return err
}

// openAttached opens a file that waits, if it is the one that was attached, and as it
// was then.
func openAttached(a client.Attached) (openedFile, error) {
	f, err := openFile(a.Path)
	switch {
	case bus.KindOf(err) == bus.NotFound:
		return f, errFileGone.Because(err)
	case bus.KindOf(err) == bus.Invalid: // something else took its place
		return f, errFileChanged.Because(err)
	case err != nil:
		return f, err
	case f.Mark != a.Mark, f.stamp != a.Stamp:
		f.close()
		return f, errFileChanged
	}
	f.Name = a.Name
	return f, nil
}

var (
	errFileGone    = bus.Errorf(bus.NotFound, "no_file", "the file is not there any more")
	errFileChanged = bus.Errorf(bus.Conflict, "file_changed", "the file changed meanwhile; sent again it goes as it is now")
)

// hold keeps a file from being sent by itself, also over a restart: where that is
// not kept, it goes on then.
func (s *chat) hold(room bus.RoomID, q client.Queued) {
	held := *q.File
	held.Held = true
	q.File = &held
	_, _ = s.c.RequeueFile(context.WithoutCancel(s.ctx), room, q)
}

// anew takes a file that is to be sent again as it is now, and returns what is
// told of it; of a record that is.
func (s *chat) anew(ctx context.Context, room bus.RoomID, id bus.RecordID) (o tui.Outgoing, err error) {
	queued, err := s.c.Queued(ctx, room)
	if err != nil {
		return o, err
	}
	for _, q := range queued {
		if q.Record.ID != id {
			continue
		}
		if q.File == nil {
			return outgoing(room, q), nil
		}
		a, err := attachable(q.File.Path)
		if err != nil {
			return o, err
		}
		a.Name, q.Record, q.File = q.File.Name, client.FileRecord(bus.File{Name: q.File.Name, Size: a.Size}), &a
		q.Record.ID = id
		found, err := s.c.RequeueFile(ctx, room, q)
		if err == nil && !found {
			err = errNothingWaits
		}
		return outgoing(room, q), err
	}
	return o, errNothingWaits
}
