package roomlog_test

import (
	"fmt"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// BenchmarkLog checks the log of a room of ten that got 1,000 new keys.
func BenchmarkLog(b *testing.B) {
	w := chaintest.New(b)
	var people []*chaintest.Person
	for i := range 9 {
		people = append(people, w.User(bus.Handle(fmt.Sprintf("user%d", i))))
	}
	desk := w.Founder.Device()
	r := w.Room(desk)
	r.Add(desk, bus.RoleMember, people...)
	for range chaintest.LogLength {
		w.Pass(time.Second)
		r.Must(r.Rekey(desk, roomlog.ReasonAsked))
	}
	chaintest.Benchmark(b, r.Log, identity.ContextRoom, desk.Content, func() func(*chain.Entry) (func(), error) {
		s := roomlog.New(w.Bus().Bus)
		return func(e *chain.Entry) (func(), error) { return s.Check(e, w) }
	})
}
