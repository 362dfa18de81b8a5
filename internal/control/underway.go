package control

import (
	"sync"

	"unibus/internal/bus"
)

// maxUnderway bounds the requests of one account that are answered at a time.
// Bodies may come slowly and answers be read slowly: without it one user could
// take every connection that the node has, for as long as he likes.
const maxUnderway = 256

var errUnderway = bus.Errorf(bus.Limited, "underway", "too many requests of yours are under way").
	WithHint("wait until some of them are done")

// underway counts the requests that are being answered. It holds no more keys
// than there are connections.
type underway struct {
	mu sync.Mutex
	n  map[payer]int
}

// payer is whose request it is. One-time keys count for who made them, or a user
// could make as many links as he wanted requests; all of one maker's together and
// apart from his own, so that who got a link cannot lock its maker out. So do the
// endpoints with a scope: who stole a bot's file must not keep its user from
// revoking it.
type payer struct {
	account bus.AccountID
	as      standing
}

type standing uint8

const (
	asUser standing = iota
	asOneTime
	asScoped
)

// enter counts the request until it ends, once its signer is known.
func (x *exchange) enter() error {
	who := payer{x.by.Account, asUser}
	switch {
	case x.by.OneTime():
		who = payer{x.by.Maker, asOneTime}
	case x.by.Rights.Scope != nil:
		who.as = asScoped
	}
	u := &x.underway
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n[who] >= maxUnderway {
		return errUnderway
	}
	u.n[who]++
	x.hold(func() { u.leave(who) })
	return nil
}

func (u *underway) leave(who payer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n[who]--; u.n[who] == 0 {
		delete(u.n, who)
	}
}
