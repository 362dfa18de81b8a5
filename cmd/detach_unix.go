//go:build unix

package cmd

import "syscall"

// ownSession keeps a process alive when the terminal that started it closes.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
