package sqlite

import (
	"os"
	"path/filepath"
)

// reserveSize is what a revocation takes at most, with its pages in the log,
// many times over.
const reserveSize = 4 << 20

// reserve is a file that takes up space, to be given back when the disk is
// full: then what takes rights away can still be written. It is the writer's
// alone.
type reserve struct {
	path string
	gone bool
	wait int // writes until the next try to take it again
}

func newReserve(dir string) *reserve { return &reserve{path: filepath.Join(dir, "reserve")} }

// refill takes the space again, if there is some; a disk that is full now
// leaves the reserve for later.
func (r *reserve) refill() {
	r.gone = true
	if info, err := os.Lstat(r.path); err == nil && info.Mode().IsRegular() && info.Size() == reserveSize {
		r.gone = false
		return
	}
	if write(r.path) != nil {
		_ = os.Remove(r.path)
		return
	}
	r.gone = false
}

// write fills a file with bytes that no file system leaves out.
func write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for i := range block {
		block[i] = byte(i*7 + 1)
	}
	for range reserveSize / len(block) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Sync()
}

// mendEvery is how many writes pass between two tries, each of which may fill
// the disk for a moment.
const mendEvery = 64

// mend takes a reserve that was given back again, now and then.
func (r *reserve) mend() {
	if !r.gone {
		return
	}
	if r.wait--; r.wait <= 0 {
		r.wait = mendEvery
		r.refill()
	}
}

// free gives the space back; false when there was none.
func (r *reserve) free() bool {
	if r.gone {
		return false
	}
	r.gone, r.wait = true, mendEvery
	return os.Remove(r.path) == nil
}
