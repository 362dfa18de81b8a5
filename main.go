// Unibus is a message bus for people and programs: one binary that runs a
// node, talks to it and shows what is said, sealed from end to end.
package main

import (
	"os"

	"unibus/cmd"
)

//go:generate go run . completion -O completions
//go:generate go run . reference -O docs/reference

func main() { os.Exit(cmd.Main()) }
