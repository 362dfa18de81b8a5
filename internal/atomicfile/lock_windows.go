package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const lockFlags = 0

// TryLock takes an exclusive lock on an open file, which ends when the file is
// closed, with the process at the latest. taken is false while another one has it.
func TryLock(f *os.File) (taken bool, err error) {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
