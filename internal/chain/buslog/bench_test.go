package buslog_test

import (
	"fmt"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// BenchmarkLog checks the log of a bus of 1,000 users.
func BenchmarkLog(b *testing.B) {
	w := chaintest.New(b)
	for i := range chaintest.LogLength {
		w.Bare(bus.Handle(fmt.Sprintf("user%d", i)))
	}
	chaintest.Benchmark(b, w.BusLog, identity.ContextBus, w.Founder.Device().Content, func() func(*chain.Entry) (func(), error) {
		s := buslog.New()
		return func(e *chain.Entry) (func(), error) { return s.Check(e, w) }
	})
}
