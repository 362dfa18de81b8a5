//go:build linux || darwin

package agent

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// claim makes this process the only agent of a socket, until it calls release
// or ends: whatever stands at the socket's path was left by a dead one.
func claim(socket string) (release func(), err error) {
	if err := private(filepath.Dir(socket)); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(socket+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, errSocket.Because(err)
	}
	taken, err := atomicfile.TryLock(file)
	if taken {
		return func() { _ = file.Close() }, nil
	}
	_ = file.Close()
	if err == nil {
		return nil, bus.Errorf(bus.Conflict, "agent_running", "another process holds the passphrase of this identity already").
			WithHint("nothing to do: it is unlocked")
	}
	return nil, errSocket.Because(err)
}

// owner is the user id that a file belongs to.
func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return math.MinInt
}
