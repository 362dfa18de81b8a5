// Package cmd is unibus as a person or a script meets it: the tree of
// commands, their flags, what they print and how they end. One file holds one
// noun.
//
// It promises the shell that data goes to stdout and everything else to
// stderr, that an error is one line and an exit code that never changes its
// meaning (exit.go), and that what a stranger wrote is cleaned before it is
// shown (output.go). It decides nothing about rooms, people or keys: that is
// done by the packages it calls, and nothing imports it but main.
package cmd
