// Package atomicfile puts files in place so that a crash leaves the old one or the
// new one, whole: a temporary file beside it, fsync, rename, fsync of the
// folder. It knows nothing of what the files hold.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// UnixModes says that mode bits protect a file here and folders can be synced.
const UnixModes = runtime.GOOS != "windows"

// Replace puts a file of mode 0600 with these bytes at path, whatever stood
// there. The bytes are on disk before they have the name, and the name before
// Replace returns. On an error nothing of the new file is left.
func Replace(path string, raw []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*") // of mode 0600
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
