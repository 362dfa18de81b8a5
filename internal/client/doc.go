// Package client is the engine of the command line and of the chat: signed calls,
// verified chains, room keys, live rooms, sending, blobs.
//
// It believes a node in nothing that it can check: every chain is verified
// from the genesis, remembered, and never given up for a shorter one; every
// frame is opened by a key that the room log names and its sender's signature.
// It prints nothing and asks nobody; what happens comes back as values,
// errors of type bus.Error, and one stream of bus.Event per follow.
package client
