package cmd

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptDisk mounts a disk of that size, which only the system's
// administrator can; see the condition [disk]:
//
//	disk DIR 64m
func scriptDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: disk DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(syscall.Mount("unibus-test", dir, "tmpfs", 0, "mode=0700,size="+args[1]))
	ts.Defer(func() { ts.Check(syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// canMount tries whether scriptDisk works here.
func canMount() bool {
	dir, err := os.MkdirTemp("", "unibus-test-disk-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if syscall.Mount("unibus-test", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
}
