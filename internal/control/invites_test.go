package control

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

func TestInvite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin := r.w.Founder.Device()
	inv := r.w.Invite("carol", time.Hour)
	r.expect("invite", r.post(admin, "/log", wire.Append{Entry: r.w.BusLog[len(r.w.BusLog)-1].Encode()}), 200, "")
	guest := &chaintest.Device{Transport: inv.Keys.Transport}
	r.expect("the guest reads", r.get(guest, "/log"), 200, "")
	r.expect("the guest may no more", r.get(guest, "/blobs?scope=bus"), 403, "join_first")
	carol := r.w.Join(inv)
	accept := wire.Accept{Entry: r.w.BusLog[len(r.w.BusLog)-1].Encode(), Account: encode(r.w.AccountLogs[carol.ID()])}
	stranger := &chaintest.Device{Transport: identity.NewTransportKey()}
	r.expect("by a stranger", r.post(stranger, wire.AcceptTarget(inv.ID), accept), 401, "unauthenticated")
	r.expect("accept", r.post(guest, wire.AcceptTarget(inv.ID), accept), 200, "")
	r.expect("the answer was lost", r.post(guest, wire.AcceptTarget(inv.ID), accept), 200, "")
	r.expect("the guest is gone", r.get(guest, "/log"), 401, "revoked")
	r.expect("carol is there", r.get(carol.Device(), "/users/carol"), 200, "")
}

func TestLink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	l := alice.Link(time.Hour)
	newest := func() wire.Append {
		log := r.w.AccountLogs[r.w.Alice.ID()]
		return wire.Append{Entry: log[len(log)-1].Encode()}
	}
	r.expect("link", r.post(alice, "/users/alice/endpoints", newest()), 200, "")
	one := &chaintest.Device{Transport: l.Keys.Transport}
	r.expect("the link reads", r.get(one, "/log"), 200, "")
	r.expect("the link may no more", r.get(one, "/blobs?scope=bus"), 403, "join_first")
	r.expect("whose it is", r.get(one, wire.LinkTarget(l.ID)), 200, "")
	r.expect("another link", r.get(one, wire.LinkTarget(bus.InviteID{1})), 404, "no_link")
	r.expect("the link of another key", r.get(alice, wire.LinkTarget(l.ID)), 404, "no_link")
	phone := r.w.Alice.TakeUp(l, "phone")
	r.expect("by a stranger", r.post(phone, wire.LinkAcceptTarget(l.ID), newest()), 401, "unauthenticated")
	r.expect("accept", r.post(one, wire.LinkAcceptTarget(l.ID), newest()), 200, "")
	r.expect("the answer was lost", r.post(one, wire.LinkAcceptTarget(l.ID), newest()), 200, "")
	r.expect("the link is used", r.get(one, "/log"), 401, "revoked")
	r.expect("the phone is there", r.get(phone, "/users/alice"), 200, "")
}
