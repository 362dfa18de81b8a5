// Package profile is the client's home on disk: its contexts, each with an
// identity file, the pins of its bus, and one database of what this client
// knows: verified chains, epoch secrets, names of rooms, cursors, pins of
// people, unfinished uploads, unsent records, and the frames that it has read
// with an index of their words.
//
// Layout, folders of mode 0700 and files of mode 0600:
//
//	current                      name of the context in use
//	contexts/NAME/context.json   where the bus is, and how to know it
//	contexts/NAME/identity       see identity.Save
//	contexts/NAME/profile.db     SQLite, made again when it is missing
//
// It promises that any number of processes may use one context at once, that
// a file is replaced whole or not at all, that what is secret stands in the
// database sealed under the identity's profile key for exactly its place, and
// that chains, names and pins changed by somebody without that key are refused
// with code bad_profile. It does not notice that the whole database was
// exchanged for an older copy of itself.
//
// It must not talk to a network, read the environment, or judge what a chain
// says.
package profile
