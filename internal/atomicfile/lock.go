package atomicfile

import (
	"errors"
	"os"
	"time"
)

const (
	// lockWait is how long Lock waits for others: each changes one small file.
	lockWait = 10 * time.Second
	// lockPause is between two tries.
	lockPause = 20 * time.Millisecond
)

// ErrLocked means that another process did not let go of a lock in time.
var ErrLocked = errors.New("another process holds the lock")

// Lock keeps other processes, and other callers in this one, from what they do
// under a Lock of the same path, until unlock is called or the process ends. It
// makes a file of mode 0600 there, which stays: whoever changes a file that
// Replace replaces takes the lock of another name beside it.
func Lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|lockFlags, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockPause) {
		taken, err := TryLock(file)
		if taken {
			return func() { _ = file.Close() }, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = ErrLocked
		}
		if err != nil {
			_ = file.Close()
			return nil, err
		}
	}
}
