package account

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Endpoint is one listed endpoint and its life along the chain. It is never
// changed in place.
type Endpoint struct {
	ID        bus.EndpointID
	Kind      Kind
	Name      string // as its owner wrote it; clean it before a person sees it
	Content   identity.VerifyKey
	Transport identity.TransportID
	Rights    Rights
	Added     uint32         // index of the entry that listed it
	AddedBy   bus.EndpointID // the device whose key listed it, or made its link; zero when A did
	Since     time.Time
	Revoked   bool
	RevokedAt uint32 // index of its revoke entry
	kems      []kem
}

type kem struct {
	index  uint32
	serial uint32
	key    *identity.KEMPublic
	made   time.Time
}

// Live reports whether the endpoint was listed and not revoked as of index, and
// its time not over at the time at.
func (e *Endpoint) Live(index uint32, at time.Time) bool {
	return e.Added <= index && (!e.Revoked || e.RevokedAt > index) && !e.Rights.Ended(at)
}

// Asleep reports whether the endpoint's kem key, made then, is so old at a time
// that nothing is sealed to it any more. One whose time ends keeps its key until
// then: what runs from a file that nobody rewrites cannot renew it.
func (e *Endpoint) Asleep(made, at time.Time) bool {
	return e.Rights.NotAfter.IsZero() && at.Sub(made) > bus.KEMLife+bus.KEMGrace && e.Signs()
}

// Signs reports whether the endpoint has keys of its own: all but recovery
// endpoints do.
func (e *Endpoint) Signs() bool { return e.Kind != KindRecovery }

// KEM returns the kem key in force as of index: the key, its serial, and when
// it was made. Ok is false for an endpoint that was not listed yet.
func (e *Endpoint) KEM(index uint32) (key *identity.KEMPublic, serial uint32, made time.Time, ok bool) {
	for i := len(e.kems) - 1; i >= 0; i-- {
		if k := e.kems[i]; k.index <= index {
			return k.key, k.serial, k.made, true
		}
	}
	return nil, 0, time.Time{}, false
}

// Replaced returns when the kem key of a serial was replaced by the next one;
// false while it is in force.
func (e *Endpoint) Replaced(serial uint32) (at time.Time, ok bool) {
	for _, k := range e.kems {
		if k.serial == serial+1 {
			return k.made, true
		}
	}
	return at, false
}

// paused reports whether the endpoint had its last key long enough at a time.
func (e *Endpoint) paused(at time.Time) bool {
	return at.Sub(e.kems[len(e.kems)-1].made) >= bus.KEMPause
}

// fresh reports whether k is the endpoint's next key: an old one under a new
// serial would look young and open old envelopes.
func (e *Endpoint) fresh(k KEM) bool {
	return k.Serial == e.kems[len(e.kems)-1].serial+1 &&
		!slices.ContainsFunc(e.kems, func(old kem) bool { return *old.key == k.Key })
}
