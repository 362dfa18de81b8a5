//go:build !linux

package cmd

import "github.com/rogpeppe/go-internal/testscript"

// scriptDisk is for Linux alone; see the condition [disk].
func scriptDisk(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("unsupported: disk") }

func canMount() bool { return false }
