package chaintest

import (
	"reflect"

	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
)

// checker is one state with its rules.
type checker func(*chain.Entry) (func(), error)

// replay runs every chain again from its first entry with the final facts.
func (w *World) replay() {
	b := buslog.New()
	w.again("bus log", w.BusLog, func(e *chain.Entry) (func(), error) { return b.Check(e, w) })
	w.same("bus log", w.state, b)
	for id, was := range w.accounts {
		s := account.New(was.Bus, was.Keys()[0].Key)
		w.again("account chain", w.AccountLogs[id], func(e *chain.Entry) (func(), error) { return s.Check(e, w) })
		w.same("account chain", was, s)
	}
	for _, r := range w.rooms {
		s := roomlog.New(w.state.Bus)
		w.again("room log", r.Log, func(e *chain.Entry) (func(), error) { return s.Check(e, w) })
		w.same("room log", r.State, s)
	}
}

func (w *World) again(name string, log []*chain.Entry, check checker) {
	for _, e := range log {
		step, err := check(w.wire(e))
		if err != nil {
			w.tb.Errorf("%s: entry %d (op %d) was allowed when it was written and is refused by newer facts: %v",
				name, e.Index, e.Op, err)
			return
		}
		step()
	}
}

func (w *World) same(name string, was, again any) {
	if !reflect.DeepEqual(was, again) {
		w.tb.Errorf("%s: replayed to another state:\nwas   %+v\nagain %+v", name, was, again)
	}
}
