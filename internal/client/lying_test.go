package client_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// inBetween has somebody else answer a client's requests from now on.
func inBetween(c *client.Client) {
	c.Between(func(*http.Request, http.RoundTripper) (*http.Response, error) {
		return nil, &tls.CertificateVerificationError{Err: http.ErrAbortHandler}
	})
}

// What does not hold while a connection begins is said as such: who only tries again
// would take a node that lies for one that is away.
func TestLiesAreNoAbsence(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, carol, ctx := b.Bob(b.General), b.Join("carol", b.General), nodetest.Context(t)
	read(t, bob.Client, b.General)
	bob.Fork(b.General)
	must(t, b.Admin.Rekey(ctx, b.General))
	_, err := bob.Missing(ctx, b.General)
	wantError(t, "a room that is refused and does not hold", err, bus.Integrity, "forked")
	inBetween(bob.Client)
	_, err = bob.Missing(ctx, b.General)
	wantError(t, "a refusal, and somebody else says why", err, bus.Integrity, "wrong_pin")

	read(t, carol.Client, b.General)
	_, err = b.Admin.RevokeUser(ctx, "carol")
	must(t, err)
	inBetween(carol.Client)
	r := start(t, func(ctx context.Context) error {
		l := carol.NewLive(nil)
		l.Follow(b.General, 0, func(bus.Event) error { return nil })
		return l.Run(ctx)
	})
	wantError(t, "a connection that is refused, and somebody else says why", r.wait(t), bus.Integrity, "wrong_pin")
}
