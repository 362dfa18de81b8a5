//go:build unix

package cmd

import (
	"path/filepath"
	"syscall"
	"testing"

	"unibus/internal/bus"
)

// A pipe is refused without waiting for who writes into it.
func TestChatOpensNoPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := openFile(path)
	if bus.KindOf(err) != bus.Invalid {
		t.Errorf("got %v", err)
	}
	wantsChatWords(t, err)
}
