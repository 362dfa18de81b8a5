// Package atomicfile puts files in place so that a crash leaves the old one or the
// new one, whole: a temporary file beside it, fsync, rename, fsync of the
// folder. It also locks files, so that processes which replace them take turns.
// It knows nothing of what the files hold.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// UnixModes says that mode bits protect a file here and folders can be synced.
const UnixModes = runtime.GOOS != "windows"

// Replace puts a file of mode 0600 with these bytes at path, whatever stood
// there. The bytes are on disk before they have the name, and the name before
// Replace returns. On an error nothing of the new file is left.
func Replace(path string, raw []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, prefix(path)+"*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(raw)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// Sweep removes what a crash in Replace left of new files for path. The caller
// holds the lock under which path is replaced: else it would take a file away
// that is being written.
func Sweep(path string) {
	dir := filepath.Dir(path)
	all, _ := os.ReadDir(dir) // nothing is worse where it cannot be read
	for _, e := range all {
		if strings.HasPrefix(e.Name(), prefix(path)) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// prefix begins the name of what is to be put at path.
func prefix(path string) string { return ".new-" + filepath.Base(path) + "-" }

// SyncDir puts the names in a folder on disk, where folders can be synced.
func SyncDir(dir string) error {
	if !UnixModes {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
