//go:build !race

package node_test

// slow is how much longer everything takes under the race detector.
const slow = 1
