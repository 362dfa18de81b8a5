package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/seal"
	"unibus/internal/text"
	"unibus/tui"
)

// transferEvery is how often the screen is told how far a transfer is.
const transferEvery = 250 * time.Millisecond

// Attach implements tui.Session.
func (s *chat) Attach(ctx context.Context, room bus.RoomID, id bus.RecordID, path string) error {
	if err := s.maySend(room); err != nil {
		return err
	}
	real, err := realPath(path)
	if err != nil {
		return err
	}
	a, err := attachable(real)
	if err != nil {
		return err
	}
	a.Name = sentName(path)
	return s.enqueue(room, id, func() error {
		if err := s.c.QueueFile(ctx, room, id, a); err != nil {
			return err
		}
		d := tui.Draft{Room: room, ID: id, Kind: "file", Text: a.Name}
		s.tell(tui.Event{Room: room, Outgoing: &tui.Outgoing{Draft: d, Size: a.Size, Made: s.env.Now()}})
		return nil
	})
}

// realPath is where a file is, behind all links: these lead elsewhere by the time it
// is sent, if somebody else may change them.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return "", fileWords(err)
	}
	return real, nil
}

// attachable looks whether a file can be sent, as it is now.
func attachable(path string) (a client.Attached, err error) {
	f, err := openFile(path)
	if err != nil {
		return a, err
	}
	f.close()
	return client.Attached{Path: path, Name: f.Name, Size: f.Size, Mark: f.Mark, Stamp: f.stamp}, nil
}

// openedFile is one that is to be sent. What is said of it was asked of the open file:
// whatever takes its place under its name meanwhile is another one.
type openedFile struct {
	transfer.Source
	stamp string // see stampOf
	close func()
}

// openFile opens a file that is to be sent. Only plain ones are: a pipe would be
// waited for, a device has no end, and a link may lead elsewhere than before.
func openFile(path string) (f openedFile, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return f, fileWords(err)
	}
	if err := plain(info); err != nil {
		return f, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|attachedFlags, 0)
	if err != nil {
		return f, fileWords(err)
	}
	f.close = func() { _ = file.Close() }
	if info, err = file.Stat(); err == nil {
		f.stamp, err = stampOf(file)
	}
	if err != nil {
		f.close()
		return f, fileWords(err)
	}
	if err := plain(info); err != nil {
		f.close()
		return f, err
	}
	f.Source = transfer.Source{Data: file, Name: sentName(path), Size: info.Size(), Mark: mark(path, info)}
	return f, nil
}

// plain says why something is no file that can be sent; nil where it is one.
func plain(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return bus.Errorf(bus.Invalid, "is_folder", "it is a folder").WithHint("pack it into one file first")
	case !info.Mode().IsRegular():
		return bus.Errorf(bus.Invalid, "no_plain_file", "it is no plain file").WithHint("copy what it holds into one")
	}
	return nil
}

// fileWords says why a file cannot be sent.
func fileWords(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bus.Errorf(bus.NotFound, "no_file", "there is no such file").WithHint("/attach alone shows what is there").Because(err)
	case errors.Is(err, fs.ErrPermission):
		return bus.Errorf(bus.Forbidden, "file_closed", "you may not read it").WithHint("ask its owner").Because(err)
	}
	return bus.Errorf(bus.Failed, "unreadable_file", "it cannot be read: %s", fileCause(err)).WithHint("try another file").Because(err)
}

// sentName is what others are told that a file is called: nothing in it can keep
// them from saving it.
func sentName(path string) string {
	name := strings.ReplaceAll(string(text.Line(filepath.Base(path))), `\`, "_")
	return strings.ToValidUTF8(name[:min(len(name), seal.MaxFileName)], "")
}

// Save implements tui.Session.
func (s *chat) Save(_ context.Context, id bus.RecordID, f bus.File, path string) error {
	ref, err := blob.ParseRef(f.Ref)
	if err != nil {
		return err
	}
	file, err := savedAs(path, f.Name)
	if err != nil {
		return saveWords(err)
	}
	t := tui.Transfer{ID: id, Total: total(f.Name, f.Size)}
	ctx, end := s.begin(t)
	s.start(func() {
		err := end(s.save(ctx, ref, file))
		s.tell(tui.Event{Transfer: &tui.Transfer{ID: id, Over: true, Path: file.path, Err: saveWords(err)}})
	})
	return nil
}

// savedAs is where a file is saved: at a path, or under its own name in a folder.
func savedAs(path, name string) (file download, err error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		own, err := fileFor("", name)
		if err != nil {
			return file, err
		}
		path = filepath.Join(path, own.path)
	case path != "" && os.IsPathSeparator(path[len(path)-1]):
		return file, bus.Errorf(bus.NotFound, "no_folder", "there is no such folder").WithHint("make it first, or name a file: /save PATH")
	}
	file = download{path: path}
	return file, file.free()
}

func (s *chat) save(ctx context.Context, ref blob.Ref, file download) error {
	d, err := s.c.Blobs().Get(ctx, ref)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = file.write(d.Data)
	return err
}

// saveWords are an error of saving with what helps here, which is not what helps
// on the command line.
func saveWords(err error) error {
	var fault *bus.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code {
	case "no_name":
		return bus.Errorf(fault.Kind, fault.Code, "the file has no usable name").WithHint("name one: /save PATH")
	case "file_exists", "is_folder", "disk_full", "file":
		return fault.WithHint("save it elsewhere: /save PATH")
	case errHalted.Code:
		return errHalted.WithHint("/save begins anew")
	case transfer.ErrStalled.Code:
		return fault.WithHint("try again: /save")
	}
	return err
}

// total is how many bytes are stored of a file; 0 where that is not known.
func total(name string, size int64) int64 {
	if packed := (seal.File{Name: name, Size: size}).PackedSize(); packed > 0 {
		return seal.EncryptedSize(packed)
	}
	return 0
}

// errHalted ends a transfer that the person stopped.
var errHalted = bus.Errorf(bus.Interrupted, "interrupted", "you stopped it")

// begin begins a transfer and tells how it goes on. What end returns is why it
// failed: the error it is given, or what ended ctx.
func (s *chat) begin(t tui.Transfer) (ctx context.Context, end func(error) error) {
	told := time.Time{}
	watched, stop := transfer.Watch(s.ctx, s.timeout, func(n int64) {
		t.Done += n
		if now := s.env.Now(); now.Sub(told) >= transferEvery {
			told = now
			shown := t
			s.tell(tui.Event{Transfer: &shown})
		}
	})
	ctx, cancel := context.WithCancelCause(watched)
	s.mu.Lock()
	s.transfers[t.ID] = cancel
	s.mu.Unlock()
	return ctx, func(err error) error {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		s.mu.Lock()
		delete(s.transfers, t.ID)
		s.mu.Unlock()
		cancel(nil)
		stop()
		return err
	}
}

// Cancel implements tui.Session.
func (s *chat) Cancel(_ context.Context, id bus.RecordID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.transfers[id]; cancel != nil {
		cancel(errHalted)
	}
	return nil
}
