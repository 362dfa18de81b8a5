package bus

import "time"

// Message is one record as a member reads it.
type Message struct {
	Room     RoomID
	Seq      uint64 // the room's sequence: increasing, opaque, not contiguous; 0 in rooms that do not persist
	Number   int    // which record of its frame, from 0
	Records  int    // how many records its frame holds
	Hash     Hash   // of the frame
	From     Handle
	Endpoint EndpointID
	Trust    Trust
	Epoch    Epoch
	Time     time.Time // as the sender says
	Kind     string    // "text", "reply", "file", ...
	ID       RecordID
	Text     string // as it was written; clean it before a person sees it
	File     *File
	ReplyTo  *RecordRef // what a reply, edit, delete or reaction is about
	Value    []byte     // of kind "value": what programs tell each other, for no person to see
}

// Said reports whether m is something that somebody said: words, an answer or a file.
// Edits, deletes and reactions are about what was said, and values are for programs.
func (m *Message) Said() bool { return m.Kind == "text" || m.Kind == "reply" || m.Kind == "file" }

// Counts reports whether m is unread to a user until he sees it: others said it.
func (m *Message) Counts(self Handle) bool { return m.From != self && m.Said() }

// Trust is what is known here of whether an account belongs to the person that
// its handle makes one think of.
type Trust string

// The values of Trust. They stand in profiles and in JSON.
const (
	TrustUnverified Trust = "unverified" // as the bus log says; nobody compared
	TrustVerified   Trust = "verified"   // its numbers were compared, or it is one's own
	TrustChanged    Trust = "changed"    // another account than the one seen before has the handle
	TrustRejected   Trust = "rejected"   // its numbers were compared and differ
)

// Hidden reports whether what such an account writes is not shown.
func (t Trust) Hidden() bool { return t == TrustChanged || t == TrustRejected }

// RecordRef names a record by its frame and its number in it.
type RecordRef struct {
	Frame  Prefix
	Number int
}

// File is a blob that a message points to.
type File struct {
	Name string
	Size int64
	Ref  string // blob:... with its key; whoever has it can read the blob
}

// Event is what happens in a room, in order. Exactly one field is set.
type Event struct {
	Message       *Message
	Epoch         *EpochEvent
	Member        *MemberEvent
	Start         *StartEvent
	Undecryptable *UndecryptableEvent
	Gap           *GapEvent
	Order         *OrderEvent
	Late          *LateEvent
	Removed       *RemovedEvent
	Fault         *FaultEvent
	State         *StateEvent
}

// Brings is the message that an event brings, one that came late too; nil where it
// brings none.
func (e Event) Brings() *Message {
	if e.Late != nil {
		return e.Late.Message
	}
	return e.Message
}

// EpochEvent is a new room key.
type EpochEvent struct {
	Epoch Epoch
	By    Handle
	Op    string // the room-log operation that started it
	Time  time.Time

	BadKeyBy Handle // whose key did not open, as By says; "" for nobody's
}

// MemberEvent is a change of who is in the room.
type MemberEvent struct {
	User   Handle
	Change MemberChange
	Role   RoomRole
	By     Handle
	Time   time.Time
}

// MemberChange is what happened to a member.
type MemberChange string

// What happens to members, in the words that are printed.
const (
	MemberAdded   MemberChange = "added"
	MemberRemoved MemberChange = "removed"
	MemberLeft    MemberChange = "left"
	MemberJoined  MemberChange = "joined"
	MemberInvited MemberChange = "invited"
	MemberRole    MemberChange = "role"
	MemberNewKey  MemberChange = "new_key" // of the account; the old one was verified here
)

// StartEvent says why nothing older is shown.
type StartEvent struct {
	Reason StartReason
	Epoch  Epoch // in force when the reader came
}

// StartReason is why a reader sees nothing older.
type StartReason string

// StartJoined: the reader came then.
const StartJoined StartReason = "joined"

// UndecryptableEvent is a frame that could not be opened, with its cause.
type UndecryptableEvent struct {
	Seq      uint64
	Epoch    Epoch
	Endpoint EndpointID
	From     Handle
	Reason   FrameFault
}

// FrameFault is why a frame cannot be opened or does not count.
type FrameFault string

// The faults; what package seal finds is named by the codes of its errors.
const (
	FaultNoKey     FrameFault = "no_key"
	FaultFrame     FrameFault = "bad_frame"
	FaultSignature FrameFault = "bad_signature"
	FaultAudience  FrameFault = "not_in_audience"
	FaultEpoch     FrameFault = "unknown_epoch"
	FaultLate      FrameFault = "late"
	FaultEnded     FrameFault = "ended" // the time of its sender's endpoint was over
	// The key of its epoch does not open here: its author's doing, or the node's.
	FaultEnvelope      FrameFault = "bad_envelope"
	FaultConfirm       FrameFault = "bad_confirm"
	FaultOtherEnvelope FrameFault = "wrong_envelope"
	// It says of itself that it belongs elsewhere.
	FaultRoom      FrameFault = "other_room"  // written for another room
	FaultSuite     FrameFault = "other_suite" // sealed otherwise than the room is
	FaultBackdated FrameFault = "backdated"   // dated before its epoch began
	// Its author names another room log than the node shows.
	FaultHead        FrameFault = "bad_head"
	FaultUnknownHead FrameFault = "unknown_head"
	FaultOtherHead   FrameFault = "other_head"
	// A person decided so, or has to decide; see Trust.
	FaultChanged  FrameFault = "key_changed"
	FaultRejected FrameFault = "rejected"
)

// GapEvent says that frames of one sender's session are missing.
type GapEvent struct {
	From   Handle
	Missed uint32
}

// OrderEvent says that the message after it stands behind later ones of its
// sender's session: it was reported missing before.
type OrderEvent struct {
	From Handle
	Seq  uint64
}

// LateEvent is a message of a closed epoch that still counts.
type LateEvent struct{ Message *Message }

// RemovedEvent ends a follow: the reader is no longer in the room.
type RemovedEvent struct {
	By     Handle // whose signed entry says so; "" where nothing shows it
	Reason RemovedReason
}

// RemovedReason is why somebody is no longer in a room.
type RemovedReason string

// The reasons, in the words that are printed.
const (
	RemovedKicked  RemovedReason = "removed" // by an owner, or the node says so
	RemovedRevoked RemovedReason = "revoked" // the identity, on the whole bus
	RemovedLeft    RemovedReason = "left"
	RemovedClosed  RemovedReason = "closed" // the room was deleted
)

// FaultEvent ends the follow of one room: what the node shows of it does not hold.
// Others go on.
type FaultEvent struct{ Err error } // of kind Integrity

// StateEvent is what the connection does.
type StateEvent struct {
	State   ConnState
	Attempt int           // of reconnecting, from 1
	Next    time.Duration // until it is tried again
}

// ConnState is a state of the connection to the data plane.
type ConnState string

// The states.
const (
	StateOnline       ConnState = "online"
	StateReconnecting ConnState = "reconnecting"
)
