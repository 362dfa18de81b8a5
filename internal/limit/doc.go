// Package limit bounds what others can make a node spend: bytes of requests in
// memory, and events or bytes a second for each address, endpoint or user.
//
// It promises to decide at once: nothing here waits, parks a goroutine or
// queues, so that whoever is over a limit costs no more than the refusal. Its
// own memory is bounded, whatever keys strangers come with. It must not know
// what a request is, who a user is, or how a refusal is told to him.
//
// All types are safe for concurrent use.
package limit
