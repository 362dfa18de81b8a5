package call

import (
	"errors"
	"net/http"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// skewed tells a request that was under way for too long from a clock that is
// wrong.
func (c *Caller) skewed(err error, made time.Time, answered string) error {
	if c.Now().Sub(made) > bus.ClockSkew/2 {
		return errAged.Because(err)
	}
	there, bad := http.ParseTime(answered)
	if bad != nil {
		return err
	}
	return &clockError{err, made.Sub(there)}
}

// clockError is a refusal of a request whose time is not the node's.
type clockError struct {
	error
	ahead time.Duration
}

func (e *clockError) Unwrap() error { return e.error }

// ClockAhead is how far the clock of this machine is ahead of the node's, where
// that is why err was refused; to the second.
func ClockAhead(err error) (ahead time.Duration, skewed bool) {
	var e *clockError
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.ahead, true
}

// agree notes that the node took a request's time for true; nobody's is looked at
// who asks what the node tells strangers.
func (c *Caller) agree(r Request, made time.Time) {
	if r.Target != wire.TargetServer && r.Target != wire.TargetHealth {
		c.agreed.Store(made.UnixMilli())
	}
}

// InTime reports whether the node agreed with this clock just now: it takes no
// request that was signed more than bus.ClockSkew off its own. A clock that was set
// since then, either way, agrees with nobody.
func (c *Caller) InTime() bool {
	at := c.agreed.Load()
	ago := c.Now().UnixMilli() - at // of the clock on the wall: what runs on beneath it would not show that it was set
	return at != 0 && ago >= 0 && ago <= AgreedFor.Milliseconds()
}

// AgreedFor is for how long the node's consent to this clock is good.
const AgreedFor = 2 * bus.ClockSkew

// errAged: the request grew old on its way, as when a machine slept meanwhile.
var errAged = bus.Errorf(bus.Unavailable, "request_aged", "the request was under way for too long").WithHint("try again")
