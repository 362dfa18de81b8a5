package membership

import (
	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

var errKeyUsed = bus.Errorf(bus.Conflict, "key_used", "this key was used before on this bus").
	WithHint("make new keys")

// checkBus verifies the next entry of the bus log. Beyond the rules, who joins
// brings an account key that is nobody's by now.
func (v *view) checkBus(e entry) (func(), error) {
	step, err := v.log.Check(e.Entry, roomlog.Speakers{Facts: v})
	if err != nil {
		return nil, err
	}
	if key, ok := buslog.NewKey(e.Entry); ok {
		if _, taken := v.keys[identity.AccountIDOf(key)]; taken {
			return nil, errKeyUsed
		}
	}
	return step, nil
}

// checkAccount verifies the next entry of an account chain; the step changes
// acc alone. Beyond the rules, a transport key and an endpoint id stand in one
// chain only: else somebody could list another's key, and be taken for him or
// crowd him out of rooms. So does an account key.
func (v *view) checkAccount(acc *account.State, e entry) (func(), error) {
	step, err := acc.Check(e.Entry, roomlog.Speakers{Facts: v})
	if err != nil {
		return nil, err
	}
	if n, ok := named(e); ok && v.held(n) {
		return nil, errKeyUsed
	}
	if key, ok := account.ParseRotate(e.Body); ok && e.Op == account.OpRotate {
		named := identity.AccountIDOf(key)
		if _, taken := v.keys[named]; taken || v.log.Account(named) != nil {
			return nil, errKeyUsed
		}
	}
	return step, nil
}

// newcomer is what an entry of an account chain names for the first time: an
// endpoint, or the one-time endpoint of a link.
type newcomer struct {
	endpoint  bus.EndpointID
	transport identity.TransportID // zero for a recovery endpoint
	link      *bus.InviteID
}

// named returns the newcomer of an entry that the rules have passed.
func named(e entry) (n newcomer, ok bool) {
	switch e.Op {
	case account.OpAdd:
		add, _ := account.ParseAdd(e.Body)
		return newcomer{endpoint: add.Endpoint(), transport: add.Transport}, true
	case account.OpAccept:
		a, _ := account.ParseAccept(e.Body)
		return newcomer{endpoint: a.Endpoint(), transport: a.Transport}, true
	case account.OpLink:
		l, _ := account.ParseLink(e.Body)
		return newcomer{endpoint: l.Endpoint(), transport: l.Transport, link: &l.ID}, true
	}
	return n, false
}

func (v *view) held(n newcomer) bool {
	_, held := v.holders[n.transport]
	_, listed := v.endpoints[n.endpoint]
	return held || listed
}

// noteAccount indexes an entry that acc took in.
func (v *view) noteAccount(acc *account.State, e entry) {
	v.written[e.Account] += int64(len(e.raw))
	v.accounts[acc.ID] = acc
	if e.Op == account.OpRotate {
		v.keys[identity.AccountIDOf(acc.Key)] = acc.ID
	}
	n, ok := named(e)
	switch {
	case !ok:
	case n.link != nil:
		v.holders[n.transport] = holder{account: acc.ID, link: n.link}
	default:
		v.endpoints[n.endpoint] = acc.ID
		if n.transport != (identity.TransportID{}) {
			v.holders[n.transport] = holder{account: acc.ID, endpoint: n.endpoint}
		}
	}
}
