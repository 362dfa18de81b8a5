package control

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// TestKeyOfTheBusLog lets somebody in whom the bus log names by his account key
// alone: the node knows none of his transport keys.
func TestKeyOfTheBusLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	carol := r.w.User("carol")
	r.expect("named", r.post(r.w.Founder.Device(), "/log", wire.Append{Entry: r.w.BusLog[len(r.w.BusLog)-1].Encode()}), 200, "")
	first := wire.Append{Entry: encode(r.w.AccountLogs[carol.ID()])[0]}
	before := r.nonces.Len()
	r.expect("of no account", r.post(carol.Device(), wire.AccountIDTarget(bus.AccountID{1}), first), 401, "unauthenticated")
	r.expect("of no account, by a user", r.post(r.w.Bob.Device(), wire.AccountIDTarget(bus.AccountID{1}), first), 404, "no_user")
	r.expect("nothing yet", r.get(carol.Device(), "/log"), 401, "unauthenticated")
	other := &chaintest.Device{Transport: identity.NewTransportKey()}
	r.expect("by another T", r.post(other, wire.AccountAppendTarget("carol"), first), 401, "unauthenticated")
	r.expect("large", r.post(other, wire.AccountAppendTarget("carol"), wire.Append{Entry: make([]byte, strangerBody)}), 413, "too_large")
	if got := r.nonces.Len() - before; got != 1 { // bob's
		t.Errorf("%d nonces of strangers are kept", got)
	}
	r.expect("the first device", r.post(carol.Device(), wire.AccountIDTarget(carol.ID()), first), 200, "")
	r.expect("carol is there", r.get(carol.Device(), "/log"), 200, "")
}
