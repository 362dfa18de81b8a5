//go:build unix

package cmd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// attachedFlags keep what took the file's place since it was looked at from being
// followed, when it is a link, or waited for, when it is a pipe.
const attachedFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// stampOf tells an open file from all others, and from what it was before: by the time
// of its last change of any kind, which nobody can set back.
func stampOf(file *os.File) (stamp string, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return "", err
	}
	var at unix.Stat_t
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = unix.Fstat(int(fd), &at) }); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d %d.%d", at.Dev, at.Ino, at.Ctim.Sec, at.Ctim.Nsec), failed
}
