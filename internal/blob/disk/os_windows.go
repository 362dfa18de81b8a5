package disk

import (
	"errors"
	"syscall"
)

// noSpace knows ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
func noSpace(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// journaled is a directory whose names NTFS keeps safe by itself: there is no
// call to sync one.
type journaled struct{}

func (journaled) Sync() error  { return nil }
func (journaled) Close() error { return nil }

func openDir(string) (directory, error) { return journaled{}, nil }
