// Package nonce says what it means to claim the nonce of a signed request: the
// one step that makes a captured request worthless.
//
// A Store promises that of all claims of one signer and nonce, on all nodes
// that share the store, exactly one succeeds, as long as a request with that
// creation time could pass the clock window. Whatever a store cannot be sure of
// it denies. It must be asked last, for signers that are known to be active:
// strangers must not be able to fill it.
//
// It does not check signatures or the clock window.
package nonce

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// PerSigner is how many live nonces one signer may have in a store: some 700
// requests a second without pause, 5 MB of memory. It answers the attack of an
// active endpoint that fills the memory of a node.
const PerSigner = 64 << 10

// Store remembers the nonces of requests. Implementations are safe for
// concurrent use and pass noncetest.Run.
type Store interface {
	// Claim takes nonce for signer, once, and remembers it until
	// bus.NonceLife after created. No live nonce is forgotten to make room.
	//
	// nil means that this was the first time. Every error means that the
	// request must be refused: ErrReplay, ErrQuota, ErrStale and ErrStarting
	// say why; any other error means that the store cannot tell, and so does
	// a context that is done. After such an error the nonce may count as
	// taken or not; the signer comes again with another.
	Claim(ctx context.Context, signer identity.TransportID, nonce string, created time.Time) error

	// Len says how many nonces are live.
	Len() int

	// Close ends the store; later claims are denied.
	Close() error
}

// Reasons of a denial; compare with errors.Is.
var (
	ErrReplay = bus.Errorf(bus.Unauthenticated, "replay", "this request was made before").
			WithHint("sign a new one")
	ErrQuota = bus.Errorf(bus.Limited, "nonce_quota", "this identity makes too many requests").
			WithHint("wait a minute")
	// ErrStale denies a creation time for which the store can no longer, or
	// not yet, tell a replay from a first sight.
	ErrStale = bus.Errorf(bus.Unauthenticated, "clock_skew", "the request was made at another time").
			WithHint("set the clock of this machine")
	// ErrStarting denies requests that may have been claimed before the
	// store lost its memory. It passes within bus.ClockSkew.
	ErrStarting = bus.Errorf(bus.Unavailable, "starting", "the node has just started").
			WithHint("try again in half a minute")
	// ErrUnavailable denies while the store does not work.
	ErrUnavailable = bus.Errorf(bus.Unavailable, "nonce_store", "the node cannot check for replays now").
			WithHint("try again; if it stays so, see the log of the node")
)
