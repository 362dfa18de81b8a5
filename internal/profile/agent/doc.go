// Package agent holds the passphrases of identity files in memory, so that a
// person types one once and many commands can use it.
//
// One process serves a unix socket of mode 0600 in a folder of mode 0700. It
// answers processes of its own user alone, gives a passphrase, and the key that
// it led to, for exactly the identity file that it was typed for, and ends at its
// deadline, by the clock on the wall: a machine that slept past it wakes up
// locked. It promises that nothing is written to disk and that its copies are
// overwritten when it ends, those that it was started with among them.
//
// It does not protect from other programs of the same user. It must not start
// processes, ask for a passphrase, or read an identity.
package agent
