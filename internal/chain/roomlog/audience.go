package roomlog

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
)

// Leaf is one endpoint under the audience root.
type Leaf struct {
	Endpoint bus.EndpointID `json:"endpoint"`
	Serial   uint32         `json:"serial"`   // of the kem key sealed to
	Envelope bus.Hash       `json:"envelope"` // its SHA-256; zero in a cleartext room
}

// Root is the audience root: SHA-256 over a label, the room and the leaves,
// which must be sorted by endpoint.
func Root(room bus.RoomID, leaves []Leaf) bus.Hash {
	var b cryptobyte.Builder
	b.AddBytes([]byte("unibus/1 audience"))
	b.AddBytes(room[:])
	b.AddUint16(uint16(len(leaves)))
	for _, l := range leaves {
		b.AddBytes(l.Endpoint[:])
		b.AddUint32(l.Serial)
		b.AddBytes(l.Envelope[:])
	}
	return sha256.Sum256(b.BytesOrPanic())
}

// CheckLeaves verifies that leaves are exactly the audience of the epoch and
// hash to its root: nobody more, nobody less, no other key.
func (ep *Epoch) CheckLeaves(room bus.RoomID, leaves []Leaf) error {
	if len(leaves) != len(ep.Audience) || Root(room, leaves) != ep.Root {
		return ErrAudience
	}
	for i, l := range leaves {
		if r := ep.Audience[i]; l.Endpoint != r.Endpoint || l.Serial != r.Serial {
			return ErrAudience
		}
	}
	return nil
}

// ErrAudience means that a key was sealed to others than the log names.
var ErrAudience = bus.Errorf(bus.Integrity, "bad_audience",
	"the room key was not sealed to exactly the members' endpoints")

// Change is what an epoch-starting entry does to the members and guests.
type Change struct {
	Add      []Member
	Drop     []bus.AccountID
	Invite   []Guest
	Uninvite []bus.InviteID
}

// Draft computes what the next epoch-starting entry of s has to say if it is
// written now: pins, guests and number, and the audience that its author seals
// the secret to. Root, Name, Confirm and Closing are left to him. A Conflict
// (not_joined) names somebody who has no device to seal to.
func (s *State) Draft(f Facts, c Change, now time.Time) (Start, []Recipient, error) {
	now = now.Truncate(time.Millisecond).UTC()
	r := s.roster(c, f, f.Bus().Len, now)
	st := Start{Epoch: s.number() + 1, NotAfter: now.Add(bus.EpochLife), Guests: r.guestIDs()}
	for _, id := range r.memberIDs() {
		acc := f.Account(id)
		if acc == nil || acc.Len == 0 {
			return Start{}, nil, errNotJoined
		}
		st.Members = append(st.Members, Pin{Account: id, At: acc.Head().Ref()})
	}
	to, err := s.audience(r, st.Members, f, now)
	st.Endpoints = uint16(len(to))
	return st, to, err
}

var errNotJoined = bus.Errorf(bus.Conflict, "not_joined", "this user has no device yet").
	WithHint("add them once they have joined the bus")

func (s *State) number() bus.Epoch {
	if s.Epoch == nil {
		return 0
	}
	return s.Epoch.Number
}

// audience lists exactly the endpoints that the key of an epoch is sealed to,
// sorted: the live endpoints of the pinned chains whose time is not over and whose
// scope names the room, without recovery endpoints where the room refuses them
// and without endpoints asleep, and the guests.
func (s *State) audience(r roster, pins []Pin, f Facts, at time.Time) ([]Recipient, error) {
	out := make([]Recipient, 0, len(pins)+len(r.guests)) // most people have one device
	for _, p := range pins {
		acc := f.Account(p.Account)
		if err := reaches(acc, p.At); err != nil {
			return nil, err
		}
		for _, e := range acc.Endpoints() {
			if rec, ok := s.recipient(e, r.members[p.Account], p.At.Index, at); ok {
				out = append(out, rec)
			}
		}
	}
	for _, id := range r.guestIDs() {
		inv := f.Bus().Invite(id)
		out = append(out, Recipient{Endpoint: inv.Endpoint(), Content: inv.Content, KEM: &inv.KEM, Serial: 1})
	}
	out = sorted(out)
	if len(out) > bus.MaxEndpoints {
		return nil, bus.Errorf(bus.TooLarge, "room_full", "a room has at most %d endpoints", bus.MaxEndpoints)
	}
	return out, nil
}

// sorted orders an audience by endpoint, each once. Two accounts may list one
// recovery key, and a crooked invite may name a member's device; refusing such
// a room would let them stop it. The first stands: members go before guests.
func sorted(to []Recipient) []Recipient {
	slices.SortStableFunc(to, func(a, b Recipient) int { return bytes.Compare(a.Endpoint[:], b.Endpoint[:]) })
	return slices.CompactFunc(to, func(a, b Recipient) bool { return a.Endpoint == b.Endpoint })
}

func (s *State) recipient(e *account.Endpoint, m Member, index uint32, at time.Time) (Recipient, bool) {
	key, serial, made, ok := e.KEM(index)
	if !ok || !e.Live(index, at) {
		return Recipient{}, false
	}
	if e.Kind == account.KindRecovery {
		return Recipient{Endpoint: e.ID, Account: m.Account, KEM: key, Serial: serial}, s.Create.Recovery
	}
	asleep, verbs := e.Asleep(made, at), e.Rights.Verbs(s.ID)
	return Recipient{Endpoint: e.ID, Account: m.Account, Role: e.Rights.Role(m.Role, s.ID), Verbs: verbs,
		NotAfter: e.Rights.NotAfter, Content: e.Content, KEM: key, Serial: serial}, verbs != 0 && !asleep
}
