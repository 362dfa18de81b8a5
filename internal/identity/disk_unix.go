//go:build unix

package identity

import "syscall"

// openFlags keep what took the file's place since it was checked from being
// followed, when it is a symlink, or waited for, when it is a pipe.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
