package buslog

import (
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Operations of the bus log. The numbers never change.
const (
	OpGenesis      chain.Op = 0
	OpInvite       chain.Op = 1
	OpInviteRevoke chain.Op = 2
	OpAccept       chain.Op = 3
	OpUser         chain.Op = 4
	OpRole         chain.Op = 5
	OpRevoke       chain.Op = 6
	OpNodeAdd      chain.Op = 7
	OpNodeRemove   chain.Op = 8
	OpOrgRotate    chain.Op = 9
)

// Genesis begins a bus. Signed by O, the admin's A and his endpoint's C.
//
//	O 32 | CA 32 | handle 1+n | A 32 | C 32 | T 32
type Genesis struct {
	Org       identity.VerifyKey
	CA        bus.Hash // SHA-256 of the bus CA's certificate
	Handle    bus.Handle
	Key       identity.VerifyKey // A of the first admin
	Content   identity.VerifyKey // C of his first endpoint
	Transport identity.TransportID
}

// Encode returns the body of a genesis entry.
func (g Genesis) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(g.Org[:])
	b.AddBytes(g.CA[:])
	addText(&b, string(g.Handle))
	b.AddBytes(g.Key[:])
	b.AddBytes(g.Content[:])
	b.AddBytes(g.Transport[:])
	return b.BytesOrPanic()
}

func parseGenesis(body []byte) (g Genesis, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(g.Org[:]) && s.CopyBytes(g.CA[:]) && readHandle(&s, &g.Handle) &&
		s.CopyBytes(g.Key[:]) && s.CopyBytes(g.Content[:]) && s.CopyBytes(g.Transport[:]) && s.Empty()
	return g, ok
}

// Invite opens the bus for one person. Signed by the admin's C.
//
//	invite 16 | handle 1+n | one-time C 32 | T 32 | kem 1216 | not-after 8, Unix ms
type Invite struct {
	ID        bus.InviteID
	Handle    bus.Handle
	Content   identity.VerifyKey
	Transport identity.TransportID
	KEM       identity.KEMPublic
	NotAfter  time.Time
}

// Endpoint is the id of the invite's one-time endpoint.
func (i Invite) Endpoint() bus.EndpointID { return identity.EndpointOf(i.Content, i.Transport) }

// Encode returns the body of an invite entry.
func (i Invite) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(i.ID[:])
	addText(&b, string(i.Handle))
	b.AddBytes(i.Content[:])
	b.AddBytes(i.Transport[:])
	b.AddBytes(i.KEM[:])
	chain.AddTime(&b, i.NotAfter)
	return b.BytesOrPanic()
}

// ParseInvite reads the body of an invite entry.
func ParseInvite(body []byte) (i Invite, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(i.ID[:]) && readHandle(&s, &i.Handle) && s.CopyBytes(i.Content[:]) &&
		s.CopyBytes(i.Transport[:]) && s.CopyBytes(i.KEM[:]) && chain.ReadTime(&s, &i.NotAfter) && s.Empty()
	return i, ok
}

// Accept takes an invite up. Signed by its one-time C and by the new A: the
// entry's actor is the one-time endpoint, its account the new one.
//
//	invite 16 | A 32
type Accept struct {
	Invite bus.InviteID
	Key    identity.VerifyKey
}

// Encode returns the body of an accept entry.
func (a Accept) Encode() []byte { return append(a.Invite[:], a.Key[:]...) }

// ParseAccept reads the body of an accept entry.
func ParseAccept(body []byte) (a Accept, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(a.Invite[:]) && s.CopyBytes(a.Key[:]) && s.Empty()
	return a, ok
}

// User admits a key that its owner handed to the admin. Signed by the admin's C.
//
//	handle 1+n | A 32
type User struct {
	Handle bus.Handle
	Key    identity.VerifyKey
}

// Encode returns the body of a user entry.
func (u User) Encode() []byte {
	var b cryptobyte.Builder
	addText(&b, string(u.Handle))
	b.AddBytes(u.Key[:])
	return b.BytesOrPanic()
}

// ParseUser reads the body of a user entry.
func ParseUser(body []byte) (u User, ok bool) {
	s := cryptobyte.String(body)
	ok = readHandle(&s, &u.Handle) && s.CopyBytes(u.Key[:]) && s.Empty()
	return u, ok
}

// NewKey is the account key of a user whom an entry admits.
func NewKey(e *chain.Entry) (a identity.VerifyKey, ok bool) {
	switch e.Op {
	case OpUser:
		u, ok := ParseUser(e.Body)
		return u.Key, ok
	case OpAccept:
		a, ok := ParseAccept(e.Body)
		return a.Key, ok
	}
	return a, false
}

// Role changes what a user may do on the bus: handle 1+n | role 1 | cosigner
// 0 or 52. Signed by the admin's C; taking the role of an admin away also by O,
// or by the cosigner.
type Role struct {
	Handle bus.Handle
	Role   bus.UserRole
	With   *Cosigner
}

// Encode returns the body of a role entry.
func (r Role) Encode() []byte {
	var b cryptobyte.Builder
	addText(&b, string(r.Handle))
	b.AddUint8(uint8(r.Role))
	r.With.append(&b)
	return b.BytesOrPanic()
}

// ParseRole reads the body of a role entry.
func ParseRole(body []byte) (r Role, ok bool) {
	s := cryptobyte.String(body)
	ok = readHandle(&s, &r.Handle) && s.ReadUint8((*uint8)(&r.Role)) && readCosigner(&s, &r.With)
	return r, ok
}

// Revoke ends a user: handle 1+n | cosigner 0 or 52. Signed by the admin's C;
// against an admin also by O, or by the cosigner.
type Revoke struct {
	Handle bus.Handle
	With   *Cosigner
}

// Encode returns the body of a revoke entry.
func (r Revoke) Encode() []byte {
	var b cryptobyte.Builder
	addText(&b, string(r.Handle))
	r.With.append(&b)
	return b.BytesOrPanic()
}

// ParseRevoke reads the body of a revoke entry.
func ParseRevoke(body []byte) (r Revoke, ok bool) {
	s := cryptobyte.String(body)
	ok = readHandle(&s, &r.Handle) && readCosigner(&s, &r.With)
	return r, ok
}

// Node admits a server to the bus: name 1+n | SPKI 32 | floor 1. Signed by the
// admin's C.
type Node struct {
	Name  string
	SPKI  bus.Hash // SHA-256 of its certificate's SubjectPublicKeyInfo
	Floor uint8    // posture that clients demand of it; bits FloorEnforce, FloorACL, FloorTLS
}

// Bits of a node's posture floor.
const (
	FloorEnforce = 1 << iota
	FloorACL
	FloorTLS
)

// Encode returns the body of a node entry.
func (n Node) Encode() []byte {
	var b cryptobyte.Builder
	addText(&b, n.Name)
	b.AddBytes(n.SPKI[:])
	b.AddUint8(n.Floor)
	return b.BytesOrPanic()
}

func parseNode(body []byte) (n Node, ok bool) {
	s := cryptobyte.String(body)
	ok = readText(&s, &n.Name) && s.CopyBytes(n.SPKI[:]) && s.ReadUint8(&n.Floor) && s.Empty()
	return n, ok && n.Floor <= FloorEnforce|FloorACL|FloorTLS
}

// NameBody is the body of a node-remove entry: name 1+n.
func NameBody(name string) []byte {
	var b cryptobyte.Builder
	addText(&b, name)
	return b.BytesOrPanic()
}

func parseName(body []byte) (name string, ok bool) {
	s := cryptobyte.String(body)
	ok = readText(&s, &name) && s.Empty()
	return name, ok
}

func addText(b *cryptobyte.Builder, text string) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
}

func readText(s *cryptobyte.String, out *string) bool {
	var raw cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&raw)
	*out = string(raw)
	return ok
}

func readHandle(s *cryptobyte.String, out *bus.Handle) bool {
	var raw string
	if !readText(s, &raw) {
		return false
	}
	h, err := bus.ParseHandle(raw)
	*out = h
	return err == nil && string(h) == raw
}
