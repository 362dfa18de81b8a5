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
	OpLink   chain.Op = 3
	OpAccept chain.Op = 4
	OpRotate chain.Op = 5
)

// OpName is the word for an operation in listings and events.
func OpName(op chain.Op) string {
	names := [...]string{"add", "kem", "revoke", "link", "accept", "rotate"}
	if int(op) >= len(names) {
		return "unknown"
	}
	return names[op]
}

// Kind is what sort of endpoint an entry lists.
type Kind uint8

// The numbers are written into entries and never change.
const (
	KindDevice   Kind = 1 // a person's terminal
	KindRecovery Kind = 2 // no device: the recovery kem key of the 24 words
	KindBot      Kind = 3 // what runs without a person: a bot, a CI job
)

// Signer is whose key signed an entry.
type Signer uint8

// The numbers are written into entries and never change.
const (
	ByEndpoint Signer = 1 // C of a live endpoint of the account
	ByAccount  Signer = 2 // A
	ByAdmin    Signer = 3 // C of an admin's endpoint: revoke alone
)

// Add lists an endpoint. Signed by the key that By names, A or that of a device
// that may add; and, but for a recovery endpoint, by the endpoint's own C.
//
//	signer 1 | A 32 | kind 1 | C 32 | T 32 | kem 1216 | rights | name 1+n
//
// A is the account key in force. A recovery endpoint has a kem key only; its C
// and T are zero. Rights are
//
//	flags 1 | not-after 8, Unix ms, if it ends | verbs 1, rooms 1+16n, if it has a scope
type Add struct {
	By        Signer
	Key       identity.VerifyKey // A
	Kind      Kind
	Content   identity.VerifyKey
	Transport identity.TransportID
	KEM       identity.KEMPublic
	Rights    Rights
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
	b.AddUint8(uint8(a.By))
	b.AddBytes(a.Key[:])
	b.AddUint8(uint8(a.Kind))
	addKeys(&b, a.Content, a.Transport, &a.KEM)
	a.Rights.append(&b)
	addName(&b, a.Name)
	return b.BytesOrPanic()
}

// ParseAdd reads the body of an add entry.
func ParseAdd(body []byte) (a Add, ok bool) {
	s := cryptobyte.String(body)
	ok = s.ReadUint8((*uint8)(&a.By)) && s.CopyBytes(a.Key[:]) && s.ReadUint8((*uint8)(&a.Kind)) &&
		readKeys(&s, &a.Content, &a.Transport, &a.KEM) && readRights(&s, &a.Rights) && readName(&s, &a.Name)
	return a, ok && (a.By == ByEndpoint || a.By == ByAccount) && a.shaped()
}

// shaped holds an endpoint to its kind, and whatever signs to three keys: no
// key signs two kinds of thing.
func (a Add) shaped() bool {
	switch a.Kind {
	case KindDevice, KindBot:
		return distinct(a.Content, a.Transport, a.Key) && a.Rights.fit(a.Kind)
	case KindRecovery:
		return a.Content == identity.VerifyKey{} && a.Transport == identity.TransportID{} &&
			a.By == ByAccount && a.Rights.fit(a.Kind)
	}
	return false
}

func distinct(c identity.VerifyKey, t identity.TransportID, a identity.VerifyKey) bool {
	var none identity.VerifyKey
	return c != none && identity.VerifyKey(t) != none && c != identity.VerifyKey(t) && c != a && identity.VerifyKey(t) != a
}

// RotateBody is the body of a rotate entry: the new A. Signed by the A in force
// and by the new one.
func RotateBody(a identity.VerifyKey) []byte { return a[:] }

// ParseRotate reads the body of a rotate entry.
func ParseRotate(body []byte) (a identity.VerifyKey, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(a[:]) && s.Empty()
	return a, ok
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

// Revoke ends an endpoint, or a link before it is taken up: signer 1 |
// endpoint 16 | admin's account chain index 4, hash 16.
type Revoke struct {
	By       Signer
	Endpoint bus.EndpointID // or the one-time endpoint of a link
	At       bus.Ref        // ByAdmin: newest entry of the admin's own account chain; else zero
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

func addKeys(b *cryptobyte.Builder, c identity.VerifyKey, t identity.TransportID, k *identity.KEMPublic) {
	b.AddBytes(c[:])
	b.AddBytes(t[:])
	b.AddBytes(k[:])
}

func readKeys(s *cryptobyte.String, c *identity.VerifyKey, t *identity.TransportID, k *identity.KEMPublic) bool {
	return s.CopyBytes(c[:]) && s.CopyBytes(t[:]) && s.CopyBytes(k[:])
}

func addName(b *cryptobyte.Builder, name string) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
}

// readName reads the name that ends a body.
func readName(s *cryptobyte.String, name *string) bool {
	var raw cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&raw) && s.Empty()
	*name = string(raw)
	return ok && len(raw) <= bus.MaxEndpointName
}
