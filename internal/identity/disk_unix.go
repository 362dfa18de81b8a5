//go:build unix

package identity

import "syscall"

const (
	// openFlags keep what took the file's place since it was checked from
	// being followed, when it is a symlink, or waited for, when it is a pipe.
	openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	// unixModes says that mode bits protect a file and folders can be synced.
	unixModes = true
)
