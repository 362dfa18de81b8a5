package tui

import (
	"time"

	"unibus/internal/bus"
)

// Event is something that happened by itself. Exactly one field besides Room is
// set.
type Event struct {
	Room bus.RoomID // that it happened in; zero for Conn, Posture and People

	// Happened is an event of the room's follow, in the order of the room, State
	// excepted. What was read to fill a gap comes the same way.
	Happened *bus.Event
	// Info is all of what is known of the room now. It comes before anything else
	// of a room that is new.
	Info *Room
	// Forgotten: the room is none of one's own any more and leaves the side bar.
	Forgotten bool
	Fill      *Fill
	Outgoing  *Outgoing
	Transfer  *Transfer
	Conn      *Conn
	Posture   *bus.Posture // of the node that one is connected to
	People    []bus.Handle // everybody on the bus who is not revoked, by name
}

// Start is what the screen begins with.
type Start struct {
	Self     bus.Handle
	Rooms    []Room
	People   []bus.Handle
	Outgoing []Outgoing // of all rooms, oldest first
	Memory   Memory     // of the last time; zero at the first
}

// Room is a room that this endpoint is in, or was.
type Room struct {
	ID         bus.RoomID
	Name       string     // empty while its key is not here
	With       bus.Handle // the other person of a room of two, else ""
	Invited    bool       // added to it by By, and not opened yet
	By         bus.Handle
	Gone       bus.RemovedReason // not "": one is not in it any more; what one has read is kept for a while
	GoneBy     bus.Handle
	Role       bus.RoomRole // one's own
	Clear      bool         // not end-to-end encrypted
	Epoch      bus.Epoch
	EpochSince time.Time
	Members    int
	Unverified int // members that nobody compared
	Changed    int // members that have another key than before
	Rejected   int // members whose numbers were compared, and they differed

	// Last is the newest sequence, Read the newest one that was marked as seen;
	// Unread and Mentions count the messages of others between them: those of
	// kind text, reply and file, and of them those for which Mentions is true.
	// Last covers all that was told of the room before; the screen counts on from
	// there with what comes after it, and loads what was not told.
	Last, Read       uint64
	Unread, Mentions int
}

// Fill is a hole in a room's messages that is being closed. The missing
// messages come as ordinary events between the two.
type Fill struct {
	Missed uint64 // how many; 0: not known
	Done   bool
}

// Outgoing is what became of a record in the outbox. When it is told for the
// first time, at the start or because another process of this endpoint made it,
// it is whole; later Room, ID, State and Err are enough.
type Outgoing struct {
	Draft
	State OutgoingState
	Err   error     // of OutgoingFailed: why it is not tried any more
	Made  time.Time // when it was written
	Size  int64     // of a file, in bytes
}

// OutgoingState is a state in the outbox.
type OutgoingState uint8

// The states.
const (
	OutgoingQueued OutgoingState = iota
	OutgoingSent                 // the node has stored it; its Message event follows or came
	OutgoingFailed               // refused for good: the person retries or drops it
	OutgoingDropped
)

// Draft is a record to send.
type Draft struct {
	Room bus.RoomID
	ID   bus.RecordID // chosen by the screen, random
	Kind string       // as in bus.Message: "text", "reply", "edit", "delete", "reaction"; in Outgoing "file" too
	// Text is the words; of a reaction the character, "" takes it back; of a
	// delete ""; of a file its name.
	Text  string
	About *bus.RecordRef // in every kind but text
}

// Transfer is how far a file is.
type Transfer struct {
	ID          bus.RecordID // of the message that brings it
	Done, Total int64        // bytes; Total is 0 where it is not known
	Up          bool
	Over        bool   // the last event of this transfer
	Path        string // where it was saved
	Err         error  // why it ended without success
}

// Conn is the connection to the bus.
type Conn struct {
	State   ConnState
	Node    string        // its name, or its address while connecting
	RTT     time.Duration // 0: not measured
	Since   time.Time     // when this state began
	Attempt int           // of reconnecting, from 1
	Next    time.Time     // when it is tried the next time
	Skew    time.Duration // how far the clock of this machine is ahead of the node's
	Err     error         // why it is reconnecting or ended
}

// ConnState is a state of the connection.
type ConnState uint8

// The states. The zero value is that before the first attempt ended.
const (
	Connecting ConnState = iota
	Online
	Reconnecting
	Revoked // for good: the identity was revoked
	Ended   // for good: Err says why
)

// Span is which page of a room's history is asked for. With neither it is the
// newest one.
type Span struct {
	Before uint64 // only what came before this sequence, the newest of it
	After  uint64 // only what came after this sequence, the oldest of it
	Limit  int    // messages, at least; the screen asks for up to 200
}

// Page is a page of history.
type Page struct {
	Events []bus.Event
	More   bool // there is more in the direction that was asked for
}

// Query is what is searched for.
type Query struct {
	Room  bus.RoomID // zero: everywhere
	Words string
	Limit int
}

// Member is a member of a room.
type Member struct {
	User    bus.Handle
	Role    bus.RoomRole
	Trust   bus.Trust
	Invited bool // an open invite: not on the bus yet
}

// Change is an entry of a room's log.
type Change struct {
	Time  time.Time
	By    bus.Handle
	What  string // the operation, as the log calls it
	Epoch bus.Epoch
	Who   string // + was added, - removed, ? invited
}

// Finding is what a check of a room's story found.
type Finding struct {
	Check  string
	OK     bool
	Detail string
}

// Comparison is what two people hold against each other.
type Comparison struct {
	User   bus.Handle
	Number string // 12 groups of 5 digits, the same on both sides
	Trust  bus.Trust
	QR     string // the number for a camera, in rows of half blocks as a dark screen shows them; "": none
	Keys   any    // the session's own: which keys the number is of
}

// Memory is what the screen knows again at the next start.
type Memory struct {
	Room        bus.RoomID // that was on the screen
	Theme       string
	HideSide    bool
	HideMembers bool
	Rooms       map[bus.RoomID]RoomMemory // only those that differ from the zero value
}

// RoomMemory is the part of Memory about one room.
type RoomMemory struct {
	Draft  string
	Anchor uint64 // the message at the lower end of the window; 0: the newest
	Notify Notify
}

// Notify says for which messages of a room the person is called.
type Notify string

// The levels. The zero value is NotifyMentions in rooms and NotifyAll between
// two people.
const (
	NotifyAll      Notify = "all"
	NotifyMentions Notify = "mentions"
	NotifyNone     Notify = "none" // muted
)
