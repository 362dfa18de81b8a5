// Package timeline shows what happened in one room: a list that hangs at its
// bottom and draws only what is on the screen.
//
// It promises that appending, paging and resizing cost the same in a room of a
// hundred messages and of a hundred thousand: there is no total height, lines
// are made for what is seen and remembered for a bounded number of entries. And
// it promises that what a person wrote cannot be taken for what the screen
// says: the sender's words never reach the columns left of them, and the words
// of the screen among them have a mark there. It must not do I/O and knows no
// rooms but its own. A List belongs to one goroutine.
package timeline

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// Entry is one message, or one thing that happened. Who changes an entry that
// is in a List calls Touch.
type Entry struct {
	Notice bool // a line of the screen's own from end to end; Words alone counts
	Words  text.Safe
	Tone   Tone

	ID        bus.RecordID
	Ref       bus.RecordRef // what replies, edits and reactions name
	Seq       uint64        // in the room; 0: none
	Time      time.Time
	From      text.Safe // a handle; "": not known
	Mine      bool
	Trust     bus.Trust
	Text      text.Safe
	Mention   text.Safe // what in Text is one's own name, as "@bob"; "" for none
	Edited    bool
	Deleted   bool
	Late      bool      // of a closed epoch
	Fault     text.Safe // not "": why there are no words of the sender's to show
	Grave     bool      // the fault is an attack, or looks like one
	About     *bus.RecordRef
	Quote     text.Safe // of what is answered
	File      *File
	Progress  *Progress
	Reactions []Reaction
	State     State
	Why       text.Safe // it was not sent

	pos    int    // in the list
	rev    uint32 // counts changes
	weight int    // as it was counted
	held   bool   // not confirmed: below everything else
}

// entryWeight is what an entry takes besides its words, in bytes, with its places in the
// maps of its list.
const entryWeight = 1 << 10

// weigh is about how much memory an entry takes, in bytes.
func (e *Entry) weigh() int {
	n := entryWeight + len(e.Words) + len(e.Text) + len(e.Quote) + len(e.Fault) + len(e.Why)
	if e.File != nil {
		n += len(e.File.Name) + len(e.File.Ref)
	}
	for _, r := range e.Reactions {
		n += len(r.Text)
		for _, by := range r.By {
			n += 16 + len(by)
		}
	}
	return n
}

// Tone is how a notice is meant.
type Tone uint8

// The tones.
const (
	Plain Tone = iota
	Grave
)

// State is what became of one's own message.
type State uint8

// The states. Sent is also that of everybody else's messages.
const (
	Sent State = iota
	Queued
	Failed
)

// File is what a message brings.
type File struct {
	Name text.Safe
	Size int64 // bytes; negative: not known
	Ref  string
}

// Progress is how far a transfer is.
type Progress struct {
	Done, Total int64 // bytes; Total is 0 where it is not known
	Rate        int64 // bytes a second; 0 where it is not known
	Left        time.Duration
	Up          bool
}

// Reaction is one reaction and who made it.
type Reaction struct {
	Text text.Safe
	By   []text.Safe
}

// Name is how the sender is named: oneself is you.
func (e *Entry) Name() text.Safe {
	switch {
	case e.Mine:
		return "you"
	case e.From == "":
		return "unknown"
	}
	return Named(e.From)
}

// Named is how a handle is shown. One that is a word of the screen's own for somebody
// has its sign before it: anybody can be called so.
func Named(handle text.Safe) text.Safe {
	switch handle {
	case "you", "yours", "somebody", "unknown":
		return "@" + handle
	}
	return handle
}

// Pending reports whether e waits below what is confirmed.
func (e *Entry) Pending() bool { return e.held }
