package cmd

import "syscall"

// detachedProcess is DETACHED_PROCESS: without the console of its parent.
const detachedProcess = 0x8

// ownSession keeps a process alive when the terminal that started it closes.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{CreationFlags: detachedProcess} }
