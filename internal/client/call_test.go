package client_test

import (
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/nodetest"
)

// A request that was made before the machine slept is made again, not taken for
// that of somebody whose clock is wrong.
func TestAgedRequestIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	var asked atomic.Int64
	c := clocked(t, alice, func() time.Time {
		if asked.Add(1) == 1 {
			return time.Now().Add(-time.Hour)
		}
		return time.Now()
	})
	if _, err := c.Users(nodetest.Context(t)); err != nil {
		t.Error(err)
	}
}
