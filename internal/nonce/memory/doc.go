// Package memory keeps nonces in the memory of one node and, when given a
// file, also for the next process of that node.
//
// It promises the contract of nonce.Store. With a file a killed process
// neither forgets nor waits: each claim is handed to the operating system
// before it is granted. It is not forced to the disk, which would cost an fsync
// a request; so after the operating system restarted, or when the file is
// damaged, every request that may have been claimed before is denied instead,
// which passes within half a minute.
//
// One process at a time may have the file: whoever opens a node's directory
// must hold its lock. It must not be used by more than one node.
package memory
