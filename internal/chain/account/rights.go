package account

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Verb is what a scope allows in its rooms; the values are bits.
type Verb uint8

// The bits are written into entries and never change.
const (
	VerbRead    Verb = 1 // receive and read the messages of the room
	VerbPublish Verb = 2 // send
)

// Has reports whether v holds every bit of one.
func (v Verb) Has(one Verb) bool { return v&one == one }

// Scope holds an endpoint to some rooms, and to some of what its user may do
// there.
type Scope struct {
	Rooms []bus.RoomID // 1 to MaxScopeRooms, sorted
	Verbs Verb
}

// MaxScopeRooms bounds the rooms of one scope: a node looks through them with
// every question about the endpoint.
const MaxScopeRooms = 64

// NewScope sorts rooms, each once.
func NewScope(verbs Verb, rooms ...bus.RoomID) *Scope {
	rooms = slices.Clone(rooms)
	slices.SortFunc(rooms, compareRooms)
	return &Scope{Rooms: slices.Compact(rooms), Verbs: verbs}
}

func compareRooms(a, b bus.RoomID) int { return bytes.Compare(a[:], b[:]) }

// Rights is what an endpoint may do besides being its user's. The zero Rights
// are those of a device that lists no others: everywhere, without end.
type Rights struct {
	MayAdd   bool      // it may list further endpoints and make links; a device alone
	NotAfter time.Time // when a bot ends, to the millisecond; zero: never
	Scope    *Scope    // nil: everywhere
}

// Ended reports whether the endpoint's time is over.
func (r Rights) Ended(at time.Time) bool { return !r.NotAfter.IsZero() && at.After(r.NotAfter) }

// Verbs is what may be done in a room: nothing where the scope does not name it.
func (r Rights) Verbs(room bus.RoomID) Verb {
	if r.Scope == nil {
		return VerbRead | VerbPublish
	}
	if _, named := slices.BinarySearchFunc(r.Scope.Rooms, room, compareRooms); !named {
		return 0
	}
	return r.Scope.Verbs
}

// Role is that of an endpoint of a member of a room. One with a scope sends and
// starts epochs at most, as a member does: what an owner decides he decides from
// a device of his own.
func (r Rights) Role(member bus.RoomRole, room bus.RoomID) bus.RoomRole {
	switch {
	case r.Scope == nil:
		return member
	case r.Verbs(room).Has(VerbPublish):
		return min(member, bus.RoleMember)
	}
	return bus.RoleReader
}

// fit reports whether an endpoint of this kind may have r: a person's device
// neither ends nor has a scope, and what runs without a person lists no others.
func (r Rights) fit(k Kind) bool {
	switch k {
	case KindDevice:
		return r.NotAfter.IsZero() && r.Scope == nil
	case KindBot:
		return !r.MayAdd
	}
	return !r.MayAdd && r.NotAfter.IsZero() && r.Scope == nil
}

const (
	flagMayAdd = 1 << iota
	flagEnds
	flagScoped
)

func (r Rights) append(b *cryptobyte.Builder) {
	var flags uint8
	if r.MayAdd {
		flags |= flagMayAdd
	}
	if !r.NotAfter.IsZero() {
		flags |= flagEnds
	}
	if r.Scope != nil {
		flags |= flagScoped
	}
	b.AddUint8(flags)
	if !r.NotAfter.IsZero() {
		chain.AddTime(b, r.NotAfter)
	}
	if r.Scope != nil {
		b.AddUint8(uint8(r.Scope.Verbs))
		b.AddUint8(uint8(len(r.Scope.Rooms)))
		for _, room := range r.Scope.Rooms {
			b.AddBytes(room[:])
		}
	}
}

func readRights(s *cryptobyte.String, r *Rights) bool {
	var flags uint8
	if !s.ReadUint8(&flags) || flags > flagMayAdd|flagEnds|flagScoped {
		return false
	}
	r.MayAdd = flags&flagMayAdd != 0
	if flags&flagEnds != 0 && !chain.ReadTime(s, &r.NotAfter) {
		return false
	}
	return flags&flagScoped == 0 || readScope(s, r)
}

// readScope takes rooms in one order alone, so that a scope has one text.
func readScope(s *cryptobyte.String, r *Rights) bool {
	var n uint8
	r.Scope = &Scope{}
	if !s.ReadUint8((*uint8)(&r.Scope.Verbs)) || !s.ReadUint8(&n) || n == 0 || n > MaxScopeRooms {
		return false
	}
	for range n {
		var room bus.RoomID
		if !s.CopyBytes(room[:]) {
			return false
		}
		r.Scope.Rooms = append(r.Scope.Rooms, room)
	}
	verbs := r.Scope.Verbs
	return verbs != 0 && verbs <= VerbRead|VerbPublish &&
		slices.IsSortedFunc(r.Scope.Rooms, compareRooms) && len(slices.Compact(slices.Clone(r.Scope.Rooms))) == int(n)
}
