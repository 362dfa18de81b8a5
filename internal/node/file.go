package node

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// maxFile bounds what is read of the node's own small files.
const maxFile = 64 << 10

// readFile reads a small file of the node. One that others can read or write
// is refused: what it holds is no longer the node's alone.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || atomicfile.UnixModes && info.Mode().Perm()&0o077 != 0 {
		return nil, bus.Errorf(bus.Unsafe, "file_mode", "others can read or change %s, or it is not a regular file", path).
			WithHint("make it a file of mode 0600; a key that others may have read must be replaced")
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = bus.Errorf(bus.Integrity, "file_size", "%s is too large for what it should hold", path)
	}
	return raw, err
}

// removeFiles removes what is there of paths, all in one directory, for good.
func removeFiles(paths ...string) error {
	var errs []error
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, atomicfile.SyncDir(filepath.Dir(paths[0])))
	return errors.Join(errs...)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
