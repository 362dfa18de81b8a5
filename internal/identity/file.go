package identity

import (
	"time"
	"unicode/utf8"

	"unibus/internal/bus"
)

// File is one identity: the keys of one endpoint on one bus, and for the first
// endpoint of a user also what the account rests on. It is kept as JSON in one
// file of mode 0600, plain or sealed with a passphrase.
//
// Bus and Handle are zero until the bus has taken the identity in.
type File struct {
	Bus        bus.ID
	Handle     bus.Handle
	Account    bus.AccountID
	Name       string // of the endpoint, at most bus.MaxEndpointName bytes
	Content    SigningKey
	Transport  TransportKey
	KEMs       []KEMEntry // in the order of their serials, which rise
	Seed       *Seed      // of the 24 words, until they are forgotten
	Next       *Seed      // takes the place of Seed once the bus has its A
	Org        *SigningKey
	NextOrg    *SigningKey // takes the place of Org once the bus has it
	CA         *CA
	ProfileKey ProfileKey
	Shared     bool         // copies of it are in use elsewhere, and do not learn of a new kem key
	Context    *ContextInfo // in exports alone
}

// KEMEntry is one kem key of an endpoint. Old ones stay until the envelopes
// that need them are opened.
type KEMEntry struct {
	Serial uint32
	Key    KEMKey
	Made   time.Time
}

// ContextInfo is where the bus is and how to know it, so that an exported
// identity needs no profile.
type ContextInfo struct {
	Name  string    `json:"name"`
	URL   string    `json:"url"`  // https://host:port
	NATS  string    `json:"nats"` // host:port
	CAPEM []byte    `json:"ca"`
	Org   VerifyKey `json:"org"`
	Seen  *Seen     `json:"seen,omitempty"` // in exports
}

// Seen is what a profile knew when an identity was exported: a node must not
// show less, and users stay who they are.
type Seen struct {
	Bus   bus.Head                `json:"bus"`
	Rooms map[bus.RoomID]bus.Head `json:"rooms,omitempty"`
	Users map[bus.Handle]Pin      `json:"users,omitempty"`
}

// Pin is the account that a handle stands for, whatever a bus log says later,
// and what a person decided about it.
type Pin struct {
	Account bus.AccountID `json:"account"`
	Key     VerifyKey     `json:"key"` // of the account when that was decided
	Mark    bus.Trust     `json:"mark,omitempty"`
	Told    VerifyKey     `json:"told,omitzero"` // a later key that the person was told of
}

// Endpoint returns the id that the keys make.
func (f *File) Endpoint() bus.EndpointID {
	return EndpointOf(f.Content.Public(), f.Transport.Public())
}

// check tells what keeps f from being an identity. Marshal and Parse both ask
// it, so that no file is written that cannot be read.
func (f *File) check() error {
	switch {
	case f.Content.IsZero(), f.Transport.IsZero(), f.ProfileKey.IsZero(), f.Account == bus.AccountID{}:
		return badFile("a key or the account is missing")
	case VerifyKey(f.Transport.Public()) == f.Content.Public():
		return badFile("one key stands for two")
	case f.Seed != nil && f.Seed.IsZero(), f.Next != nil && f.Next.IsZero(), f.Org != nil && f.Org.IsZero(), f.NextOrg != nil && f.NextOrg.IsZero(), f.CA != nil && f.CA.IsZero():
		return badFile("a key of the account or the bus is empty")
	case len(f.Name) > bus.MaxEndpointName, !utf8.ValidString(f.Name):
		return badFile("the name of the endpoint is too long or no text")
	}
	if f.Handle != "" {
		if h, err := bus.ParseHandle(string(f.Handle)); err != nil || h != f.Handle {
			return badFile("the handle is none")
		}
	}
	if f.Context != nil {
		if _, err := parseCA(f.Context.CAPEM); err != nil {
			return badFile("the CA certificate of its context is none")
		}
	}
	return checkKEMs(f.KEMs)
}

func checkKEMs(kems []KEMEntry) error {
	if len(kems) == 0 {
		return badFile("it has no kem key")
	}
	for i, k := range kems {
		if k.Key.IsZero() || i > 0 && k.Serial <= kems[i-1].Serial {
			return badFile("its kem keys are empty or out of order")
		}
	}
	return nil
}

func badFile(why string) *bus.Error {
	return bus.Errorf(bus.Integrity, "identity_bad", "the identity file cannot be used: %s", why)
}
