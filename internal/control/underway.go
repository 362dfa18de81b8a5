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

// underway counts the requests that are being answered, by account. It holds no
// more accounts than there are connections.
type underway struct {
	mu sync.Mutex
	n  map[bus.AccountID]int
}

// enter counts the request until it ends, once its signer is known. The
// one-time key of an invite, which has no account, counts by itself.
func (x *exchange) enter() error {
	who := x.by.Account
	switch {
	case x.by.Link != nil:
		who = bus.AccountID(*x.by.Link)
	case x.by.Invite != nil:
		who = bus.AccountID(*x.by.Invite)
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

func (u *underway) leave(who bus.AccountID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n[who]--; u.n[who] == 0 {
		delete(u.n, who)
	}
}
