package tui

import (
	"context"

	"unibus/internal/bus"
)

// Session is what the screen needs of the engine; one chat has one. The screen
// never calls it from Update or View: a call may take its time. Calls run at
// once, from many goroutines; each ends soon when its context does.
//
// Whatever a peer or a node wrote (texts, names, file names, messages of
// errors) comes as it was written: the screen cleans it where it takes it in.
// Errors are of type bus.Error; their Message and Hint are shown as one line.
type Session interface {
	// Resume returns what this endpoint knows without the network: it reads the
	// profile and talks to nobody, so that there is a usable screen within half a
	// second, whether the bus is there or not. It is called once, before
	// anything else is read from Events.
	Resume(ctx context.Context) (Start, error)

	// Events is the one channel on which everything arrives that happens by
	// itself, in batches, each in order. The session may wait while the channel
	// is full; the screen reads it all the time, also while the terminal is slow.
	// It is closed when the session ended for good; the last Conn event says why.
	// The channel is the same at every call.
	//
	// Rooms are followed as far as a connection takes them (bus.MaxOpenRooms),
	// the one that Look named before all others. Of a room that is not followed
	// only Room events come, some minutes after it happened, with a Last beyond what
	// was told and counts of the newest messages: the screen loads what it misses
	// when the room is looked at.
	Events() <-chan []Event

	// Keep remembers a Memory for the next start, in place of the one before. It
	// holds drafts: it is sealed on disk.
	Keep(ctx context.Context, m Memory) error

	Messages
	Rooms
	People
	Files
}

// Messages is what one does with messages.
type Messages interface {
	// History returns a page of what happened in a room, oldest first: from what
	// this endpoint has kept, and from the node where that does not reach. It
	// holds messages and what stands between them, the edits, deletes and
	// reactions among them too. An empty page with More false is the beginning
	// of the room, or its end.
	History(ctx context.Context, room bus.RoomID, s Span) (Page, error)

	// Search finds messages among those that this endpoint has opened, newest
	// first, without the network, in about 100 ms for 100,000 messages. A word is
	// found by its beginning, from 3 letters on, a shorter one as a whole; several
	// words must all be there.
	Search(ctx context.Context, q Query) ([]bus.Message, error)

	// Send puts a record into the outbox and returns when it is on disk there:
	// from then on it is sent, once, whatever happens. The same ID again changes
	// nothing. What becomes of it is told by Outgoing events, and in the end by
	// the Message event of its ID.
	//
	// Integrity, codes key_changed and user_rejected: a member has another key than
	// before, or one that the person rejected, and nothing was queued. Forbidden:
	// one may not write here, or is no member. TooLarge: over the
	// limit of a frame.
	Send(ctx context.Context, d Draft) error

	// Retry puts a record that failed back to be sent, Drop takes one out of the
	// outbox that was not sent. NotFound where there is none, as when it was
	// sent meanwhile; Conflict, code being_sent, where Drop comes too late.
	Retry(ctx context.Context, room bus.RoomID, id bus.RecordID) error
	Drop(ctx context.Context, room bus.RoomID, id bus.RecordID) error

	// Mark says that the person has seen a room up to a sequence. It never goes
	// back. The person's other endpoints learn of it; what they mark comes as
	// Room events with new counts.
	Mark(ctx context.Context, room bus.RoomID, seq uint64) error
}

// Rooms is what one does with rooms and their members. What is changed also
// comes back as events; the calls return when the bus has taken it.
type Rooms interface {
	// Create makes a room with oneself as its owner. Conflict where one is in a
	// room of this name.
	Create(ctx context.Context, name string) (bus.RoomID, error)
	// Direct returns the room of two with somebody and makes it when there is
	// none. A Room event of it comes before the call returns.
	Direct(ctx context.Context, with bus.Handle) (bus.RoomID, error)
	// Look says which room is on the screen. It returns at once.
	Look(ctx context.Context, room bus.RoomID) error
	// Open takes an invitation up: from then on Room.Invited is false. It needs
	// no network.
	Open(ctx context.Context, room bus.RoomID) error
	// Members lists a room's members by name, from what is known here; open
	// invites too.
	Members(ctx context.Context, room bus.RoomID) ([]Member, error)
	// Invite adds users to a room; who is in it already is left as he is. Forbidden:
	// one is no owner; so for Kick, SetRole and Delete.
	Invite(ctx context.Context, room bus.RoomID, users ...bus.Handle) error
	// Kick removes a user, or his open invite, and makes a new key. NotFound where he
	// is not in the room.
	Kick(ctx context.Context, room bus.RoomID, user bus.Handle) error
	// SetRole changes a member's role; a Room event of it comes before it returns.
	SetRole(ctx context.Context, room bus.RoomID, user bus.Handle, role bus.RoomRole) error
	// Rekey makes a new key. Limited where there was a new one within a minute.
	Rekey(ctx context.Context, room bus.RoomID) error
	// Log returns what is verified of who was in a room, newest first.
	Log(ctx context.Context, room bus.RoomID) ([]Change, error)
	// Check asks for the node's whole story of a room again and holds it against
	// what was verified here before. What does not hold is a Finding, no error.
	Check(ctx context.Context, room bus.RoomID) ([]Finding, error)
	// Leave ends one's membership, or declines an invitation. Conflict where the
	// last owner would leave others behind.
	// Where one is out of it already, what is kept of it here is deleted.
	Leave(ctx context.Context, room bus.RoomID) error
	// Delete closes a room for everybody, for good.
	Delete(ctx context.Context, room bus.RoomID) error
}

// People is what one does with the keys of others.
type People interface {
	// Compare returns the number that two people hold against each other.
	Compare(ctx context.Context, user bus.Handle) (Comparison, error)
	// Decide keeps what was found: the same (bus.TrustVerified from then on) or
	// not (bus.TrustRejected). It is about the keys in the Comparison and no
	// newer ones: Conflict where they changed meanwhile. Room events with new
	// counts follow.
	Decide(ctx context.Context, c Comparison, same bool) error
}

// Files is what one does with files. Transfer events tell how a transfer goes
// on, about four times a second.
type Files interface {
	// Attach puts a file of this machine into the outbox, under the given ID and
	// by its absolute path, and returns when that is on disk there: from then on it
	// is encrypted, uploaded and sent, once, as what Send takes is, unless it is
	// another file by then. Retry takes it as it is then; Drop takes it out also
	// while it is uploaded. Outgoing events tell what becomes of it.
	// NotFound, Forbidden and Invalid where it cannot be sent: it is not there, or
	// not to be read, or no plain file.
	Attach(ctx context.Context, room bus.RoomID, id bus.RecordID, path string) error
	// Save begins to download the file of the message with this ID to a path, or into it
	// where that is a folder, under its own name, made harmless. It is there
	// whole and verified or not at all. Conflict where something is there.
	Save(ctx context.Context, id bus.RecordID, f bus.File, path string) error
	// Cancel ends a transfer; none is no error. A last Transfer event follows. A
	// file that was to be sent has failed then, also after a restart.
	Cancel(ctx context.Context, id bus.RecordID) error
}
