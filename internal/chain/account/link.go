package account

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Link lets a machine list itself: who holds the seed of its one-time keys
// writes one accept. Signed by A or by a device that may add.
//
//	signer 1 | link 16 | one-time C 32 | T 32 | kem 1216 | kind 1 | rights |
//	not-after 8, Unix ms
type Link struct {
	By        Signer
	ID        bus.InviteID
	Content   identity.VerifyKey
	Transport identity.TransportID
	KEM       identity.KEMPublic
	Kind      Kind      // of the endpoint that it becomes
	Rights    Rights    // of that endpoint
	NotAfter  time.Time // of the link, at most MaxLinkLife behind its entry
}

// Endpoint is the id of the link's one-time endpoint, which a revoke names.
func (l Link) Endpoint() bus.EndpointID { return identity.EndpointOf(l.Content, l.Transport) }

// Encode returns the body of a link entry.
func (l Link) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint8(uint8(l.By))
	b.AddBytes(l.ID[:])
	addKeys(&b, l.Content, l.Transport, &l.KEM)
	b.AddUint8(uint8(l.Kind))
	l.Rights.append(&b)
	chain.AddTime(&b, l.NotAfter)
	return b.BytesOrPanic()
}

// ParseLink reads the body of a link entry.
func ParseLink(body []byte) (l Link, ok bool) {
	s := cryptobyte.String(body)
	ok = s.ReadUint8((*uint8)(&l.By)) && s.CopyBytes(l.ID[:]) && readKeys(&s, &l.Content, &l.Transport, &l.KEM) &&
		s.ReadUint8((*uint8)(&l.Kind)) && readRights(&s, &l.Rights) && chain.ReadTime(&s, &l.NotAfter) && s.Empty()
	return l, ok && (l.By == ByEndpoint || l.By == ByAccount) && (l.Kind == KindDevice || l.Kind == KindBot) &&
		l.Rights.fit(l.Kind) && distinct(l.Content, l.Transport, identity.VerifyKey{})
}

// Accept takes a link up: its author lists himself, with the kind and the
// rights that the link gives. Signed by the link's one-time C and by the new C.
//
//	link 16 | C 32 | T 32 | kem 1216 | name 1+n
type Accept struct {
	Link      bus.InviteID
	Content   identity.VerifyKey
	Transport identity.TransportID
	KEM       identity.KEMPublic
	Name      string
}

// Endpoint is the id of the new endpoint.
func (a Accept) Endpoint() bus.EndpointID { return identity.EndpointOf(a.Content, a.Transport) }

// Encode returns the body of an accept entry.
func (a Accept) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(a.Link[:])
	addKeys(&b, a.Content, a.Transport, &a.KEM)
	addName(&b, a.Name)
	return b.BytesOrPanic()
}

// ParseAccept reads the body of an accept entry.
func ParseAccept(body []byte) (a Accept, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(a.Link[:]) && readKeys(&s, &a.Content, &a.Transport, &a.KEM) && readName(&s, &a.Name)
	return a, ok && distinct(a.Content, a.Transport, identity.VerifyKey{})
}

// LinkState is a link and what became of it. It is never changed in place.
type LinkState struct {
	Link
	Index    uint32
	Made     time.Time
	MadeBy   bus.EndpointID  // the device whose key signed it; zero when A did
	Accepted *bus.EndpointID // the endpoint that it became
	Revoked  bool
	EndedAt  uint32 // index of the entry that accepted or revoked it
	key      identity.VerifyKey
}

// Open reports whether the link can still be taken up at now, as far as the
// link alone tells; see State.LinkOpen.
func (l *LinkState) Open(now time.Time) bool {
	return l != nil && l.Accepted == nil && !l.Revoked && !now.After(l.NotAfter)
}

// LinkOf returns a link, nil when there is none.
func (s *State) LinkOf(id bus.InviteID) *LinkState { return s.links[id] }

// Links lists all links in the order they were made.
func (s *State) Links() []*LinkState {
	return slices.SortedFunc(maps.Values(s.links), func(a, b *LinkState) int { return cmp.Compare(a.Index, b.Index) })
}

// LinkOpen reports whether a link can be taken up at now: not used, revoked or
// expired, and made with a key that still may make one. A device that was
// stolen and revoked leaves no door open behind it.
func (s *State) LinkOpen(id bus.InviteID, now time.Time) bool {
	l := s.links[id]
	return l.Open(now) && s.stands(l)
}

func (s *State) stands(l *LinkState) bool {
	if l.By == ByAccount {
		return l.key == s.Key
	}
	return !s.Endpoint(l.MadeBy).Revoked
}

// Answers to a link that cannot be taken up any more.
var (
	ErrLinkUsed = bus.Errorf(bus.Conflict, "link_used", "this link was used or revoked").
			WithHint("make a new one: unibus endpoint add")
	ErrLinkExpired = bus.Errorf(bus.Conflict, "link_expired", "this link has expired").
			WithHint("make a new one: unibus endpoint add")
)

func (s *State) checkLink(e *chain.Entry, _ Admins) (func(), error) {
	l, ok := ParseLink(e.Body)
	if !ok || e.Account != s.ID {
		return nil, chain.ErrEntry
	}
	key, by, ok := s.adder(e, l.By)
	life := l.NotAfter.Sub(e.Time)
	if !ok || life < 0 || life > bus.MaxLinkLife || l.Rights.Ended(e.Time) ||
		s.links[l.ID] != nil || s.used(l.Content, l.Transport) {
		return nil, chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextAccount, key) {
		return nil, chain.ErrSignature
	}
	if err := e.CheckKEM(&l.KEM); err != nil {
		return nil, err
	}
	return func() {
		s.links[l.ID] = &LinkState{Link: l, Index: e.Index, Made: e.Time, MadeBy: by, key: s.Key}
	}, nil
}

func (s *State) checkAccept(e *chain.Entry, _ Admins) (func(), error) {
	a, ok := ParseAccept(e.Body)
	if !ok || e.Account != s.ID || e.Actor != a.Endpoint() {
		return nil, chain.ErrEntry
	}
	l := s.links[a.Link]
	switch {
	case l == nil || l.Accepted != nil || l.Revoked || !s.stands(l):
		return nil, ErrLinkUsed
	case e.Time.After(l.NotAfter):
		return nil, ErrLinkExpired
	case len(s.endpoints) >= maxEndpoints || l.Rights.Ended(e.Time) || s.used(a.Content, a.Transport):
		return nil, chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextAccount, l.Content, a.Content) {
		return nil, chain.ErrSignature
	}
	if err := e.CheckKEM(&a.KEM); err != nil {
		return nil, err
	}
	return func() {
		id, ended := a.Endpoint(), *l
		ended.Accepted, ended.EndedAt = &id, e.Index
		s.links[l.ID] = &ended
		s.list(e, &Endpoint{ID: id, Kind: l.Kind, Name: a.Name, Content: a.Content, Transport: a.Transport,
			Rights: l.Rights, AddedBy: l.MadeBy}, &a.KEM)
	}, nil
}
