package account

import (
	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Operations of an account chain. The numbers never change.
const (
	OpAdd    chain.Op = 0
	OpKEM    chain.Op = 1
	OpRevoke chain.Op = 2
)

// Kind is what sort of endpoint an add entry lists.
type Kind uint8

// The numbers are written into entries and never change.
const (
	KindDevice   Kind = 1 // a person's terminal
	KindRecovery Kind = 2 // no device: the recovery kem key of the 24 words
)

// Add lists an endpoint. Signed by A and, for a device, by its own C.
//
//	A 32 | kind 1 | C 32 | T 32 | kem 1216 | name 1+n
//
// A recovery endpoint has a kem key only; its C and T are zero.
type Add struct {
	Key       identity.VerifyKey // A
	Kind      Kind
	Content   identity.VerifyKey
	Transport identity.TransportID
	KEM       identity.KEMPublic
	Name      string
}

// Endpoint is the id of the endpoint that the entry lists.
func (a Add) Endpoint() bus.EndpointID {
	if a.Kind == KindRecovery {
		return identity.RecoveryEndpoint(a.KEM)
	}
	return identity.EndpointOf(a.Content, a.Transport)
}

// Encode returns the body of an add entry.
func (a Add) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(a.Key[:])
	b.AddUint8(uint8(a.Kind))
	b.AddBytes(a.Content[:])
	b.AddBytes(a.Transport[:])
	b.AddBytes(a.KEM[:])
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.Name)) })
	return b.BytesOrPanic()
}

// ParseAdd reads the body of an add entry.
func ParseAdd(body []byte) (a Add, ok bool) {
	s := cryptobyte.String(body)
	var name cryptobyte.String
	ok = s.CopyBytes(a.Key[:]) && s.ReadUint8((*uint8)(&a.Kind)) && s.CopyBytes(a.Content[:]) &&
		s.CopyBytes(a.Transport[:]) && s.CopyBytes(a.KEM[:]) && s.ReadUint8LengthPrefixed(&name) && s.Empty()
	a.Name = string(name)
	return a, ok && len(name) <= bus.MaxEndpointName && a.shaped()
}

// shaped holds an endpoint to its kind, and a device to three keys: no key
// signs two kinds of thing.
func (a Add) shaped() bool {
	var c, t = a.Content, identity.VerifyKey(a.Transport)
	var none identity.VerifyKey
	switch a.Kind {
	case KindDevice:
		return c != none && t != none && c != t && c != a.Key && t != a.Key
	case KindRecovery:
		return c == none && t == none
	}
	return false
}

// KEM renews the kem key of the endpoint that writes it: serial 4 | kem 1216.
// Signed by that endpoint's C.
type KEM struct {
	Serial uint32 // one above the serial in force
	Key    identity.KEMPublic
}

// Encode returns the body of a kem entry.
func (k KEM) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint32(k.Serial)
	b.AddBytes(k.Key[:])
	return b.BytesOrPanic()
}

func parseKEM(body []byte) (k KEM, ok bool) {
	s := cryptobyte.String(body)
	ok = s.ReadUint32(&k.Serial) && s.CopyBytes(k.Key[:]) && s.Empty()
	return k, ok
}

// Signer is whose key signed a revoke entry.
type Signer uint8

// The numbers are written into entries and never change.
const (
	ByEndpoint Signer = 1 // C of any live endpoint of the account
	ByAccount  Signer = 2 // A
	ByAdmin    Signer = 3 // C of an admin's endpoint
)

// Revoke ends an endpoint: signer 1 | endpoint 16 | admin's account chain
// index 4, hash 16.
type Revoke struct {
	By       Signer
	Endpoint bus.EndpointID
	At       bus.Ref // ByAdmin: newest entry of the admin's own account chain; else zero
}

// Encode returns the body of a revoke entry.
func (r Revoke) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint8(uint8(r.By))
	b.AddBytes(r.Endpoint[:])
	chain.AddRef(&b, r.At)
	return b.BytesOrPanic()
}

func parseRevoke(body []byte) (r Revoke, ok bool) {
	s := cryptobyte.String(body)
	ok = s.ReadUint8((*uint8)(&r.By)) && s.CopyBytes(r.Endpoint[:]) && chain.ReadRef(&s, &r.At) && s.Empty()
	return r, ok && (r.By == ByAdmin || r.At == bus.Ref{})
}

// AdminPin is the position of an admin's own account chain that an entry of
// his rests on: a client reads that far before it checks the entry.
func AdminPin(e *chain.Entry) bus.Ref {
	r, ok := parseRevoke(e.Body)
	if e.Op != OpRevoke || !ok {
		return bus.Ref{}
	}
	return r.At
}
