package client

import (
	"time"

	"unibus/internal/identity"
)

// NewIdentity makes the keys of a first endpoint, called name, and of its
// account, for a bus that is not known yet. See Joining.Enter.
func NewIdentity(name string, now time.Time) *identity.File {
	return newIdentity(name, now.Truncate(time.Millisecond))
}
