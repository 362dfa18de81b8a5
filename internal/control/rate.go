package control

import (
	"math"
	"net/netip"
	"time"

	"unibus/internal/bus"
	"unibus/internal/limit"
)

// Rates of one address. A request costs the node some 0.1 ms up to the point
// where its signer is known, so that one address can take a fifth of a core; a
// client's own bursts, and many users behind one address, stay far below.
const (
	addressRate  = 2_000 // a second
	addressBurst = 20_000
	maxAddresses = 10_000

	// A stranger costs a body of strangerBody and the checks of its entries.
	strangerRate  = 2
	strangerBurst = 100
)

// DefaultRate is the limit of requests by address where nothing else is said.
func DefaultRate(now func() time.Time) *limit.Rate[netip.Prefix] {
	return limit.NewRate[netip.Prefix](addressRate, addressBurst, maxAddresses, now)
}

var errRate = bus.Errorf(bus.Limited, "rate", "too many requests from this address").
	WithHint("wait a moment")

// admit is the stage that counts the requests of an address.
func (x *exchange) admit() error { return x.take(x.o.Rate) }

func (x *exchange) take(r *limit.Rate[netip.Prefix]) error {
	wait, ok := r.Take(limit.Source(x.http.RemoteAddr), 1)
	if ok {
		return nil
	}
	x.wait = wait
	return errRate
}

// retryAfter is the value of that header in whole seconds, at least 1.
func retryAfter(wait time.Duration) int {
	return int(math.Ceil(max(wait, time.Second).Seconds()))
}
