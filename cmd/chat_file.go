package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/seal"
	"unibus/tui"
)

// transferEvery is how often the screen is told how far a transfer is.
const transferEvery = 250 * time.Millisecond

// Attach implements tui.Session. What was uploaded of a file is not sent again
// when it is attached again.
func (s *chat) Attach(_ context.Context, room bus.RoomID, id bus.RecordID, path string) error {
	if err := s.maySend(room); err != nil {
		return err
	}
	src, done, err := s.env.source(path)
	if err != nil {
		return err
	}
	begun := tui.Transfer{ID: id, Up: true}
	if packed := (seal.File{Name: src.Name, Size: src.Size}).PackedSize(); packed > 0 {
		begun.Total = seal.EncryptedSize(packed)
	}
	s.transfer(begun, func(ctx context.Context) (string, error) {
		defer done()
		ref, err := s.c.PutBlob(ctx, room, src)
		if err != nil {
			return "", err
		}
		r := client.FileRecord(bus.File{Name: src.Name, Size: src.Size, Ref: ref.Text()})
		r.ID = id
		return "", s.queue(ctx, room, r)
	})
	return nil
}

// Save implements tui.Session.
func (s *chat) Save(_ context.Context, id bus.RecordID, f bus.File, path string) error {
	ref, err := blob.ParseRef(f.Ref)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		own, err := fileFor("", f.Name)
		if err != nil {
			return bus.Errorf(bus.Invalid, "no_name", "the file has no usable name").WithHint("name one: /save PATH")
		}
		path = filepath.Join(path, own.path)
	}
	file := download{path: path}
	if err := file.free(); err != nil {
		return bus.Errorf(bus.KindOf(err), bus.CodeOf(err), "%s cannot be written: something is there", path).
			WithHint("name another file: /save PATH").Because(err)
	}
	s.transfer(tui.Transfer{ID: id}, func(ctx context.Context) (string, error) {
		d, err := s.c.GetBlob(ctx, ref)
		if err != nil {
			return "", err
		}
		defer d.Close()
		_, err = file.write(d.Data)
		return file.path, err
	})
	return nil
}

// transfer runs a transfer and tells how it goes on.
func (s *chat) transfer(t tui.Transfer, move func(context.Context) (path string, err error)) {
	told := time.Time{}
	ctx, stop := client.WatchTransfers(s.ctx, s.timeout, func(n int64) {
		t.Done += n
		if now := s.env.Now(); now.Sub(told) >= transferEvery {
			told = now
			shown := t
			s.tell(tui.Event{Transfer: &shown})
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.transfers[t.ID] = cancel
	s.mu.Unlock()
	s.running.Go(func() {
		defer stop()
		path, err := move(ctx)
		switch {
		case !errors.Is(err, context.Canceled):
		case errors.Is(context.Cause(ctx), client.ErrStalled):
			err = client.ErrStalled
		default:
			err = bus.Errorf(bus.Interrupted, "interrupted", "canceled")
		}
		s.mu.Lock()
		delete(s.transfers, t.ID)
		s.mu.Unlock()
		cancel()
		s.tell(tui.Event{Transfer: &tui.Transfer{ID: t.ID, Up: t.Up, Over: true, Path: path, Err: err}})
	})
}

// Cancel implements tui.Session.
func (s *chat) Cancel(_ context.Context, id bus.RecordID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.transfers[id]; cancel != nil {
		cancel()
	}
	return nil
}
