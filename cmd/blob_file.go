package cmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// download is a file that comes to be: whole, or not at all.
type download struct {
	path    string
	replace bool // a file of that name
}

// write writes data beside the file and gives it its name at their end, which
// is where they are known to be whole. What fails leaves nothing behind.
func (d download) write(data io.Reader) (n int64, err error) {
	if err := d.free(); err != nil {
		return 0, err
	}
	part, err := os.OpenFile(d.part(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // follows no symlink
	if errors.Is(err, fs.ErrExist) {
		return 0, bus.Errorf(bus.Conflict, "part_exists", "%s is there: the blob is being fetched, or that was interrupted", text.Line(d.part())).
			WithHint("when nobody is fetching it, delete that file")
	}
	if err != nil {
		return 0, d.failed(err)
	}
	if n, err = io.Copy(part, data); err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err == nil {
		err = d.name()
	}
	if err != nil {
		_ = os.Remove(d.part())
		return n, d.failed(err)
	}
	return n, nil
}

func (d download) part() string { return d.path + ".part" }

// free refuses to replace what is no plain file, and without -O anything.
func (d download) free() error {
	info, err := os.Lstat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return d.failed(err)
	case info.IsDir():
		return bus.Errorf(bus.Invalid, "is_folder", "%s is a folder", text.Line(d.path)).WithHint("name the file with -O")
	case !info.Mode().IsRegular():
		return bus.Errorf(bus.Conflict, "file_exists", "%s is not a plain file", text.Line(d.path)).
			WithHint("choose another name with -O")
	case !d.replace:
		return errThere(d.path)
	}
	return nil
}

func errThere(path string) error {
	return bus.Errorf(bus.Conflict, "file_exists", "%s exists already", text.Line(path)).
		WithHint("choose another name with -O, or name this one to replace it")
}

// name gives the part its name. A link is never made over something: of two
// that fetch at once, one is told. File systems without links are asked first.
func (d download) name() error {
	if d.replace {
		return errors.Join(os.Rename(d.part(), d.path), syncFolder(d.path))
	}
	err := os.Link(d.part(), d.path)
	if errors.Is(err, fs.ErrExist) {
		return errThere(d.path)
	}
	if err == nil {
		return errors.Join(os.Remove(d.part()), syncFolder(d.path))
	}
	if err := d.free(); err != nil {
		return err
	}
	return errors.Join(os.Rename(d.part(), d.path), syncFolder(d.path))
}

// syncFolder puts the name of a file on disk, where systems let folders be
// synced.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	_ = folder.Sync()
	return folder.Close()
}

// failed says what the file system did not do; an error of the download stays
// as it is.
func (d download) failed(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return bus.Errorf(bus.Failed, "disk_full", "no space is left for %s", text.Line(d.path)).
			WithHint("make room, or choose another disk with -O").Because(err)
	case errors.As(err, &path):
		return bus.Errorf(bus.Failed, "file", "%s cannot be written: %s", text.Line(d.path), path.Err).Because(err)
	case errors.As(err, &link):
		return bus.Errorf(bus.Failed, "file", "%s cannot be written: %s", text.Line(d.path), link.Err).Because(err)
	}
	return err
}
