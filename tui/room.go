package tui

import (
	"cmp"
	"slices"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/roomlist"
	"unibus/tui/timeline"
)

const (
	// pageSize is how many messages are loaded at once.
	pageSize = 200
	// maxShown bounds what of the room on the screen is in memory, and maxAway what of
	// each of the others, in bytes; what is above or below is loaded again when somebody
	// scrolls there. Anybody can put one into rooms and fill them.
	maxShown = 32 << 20
	maxAway  = 1 << 20
	// maxLoose bounds the edits, deletes and reactions of one sender that wait for a
	// message which is not loaded, or not his to change: in bytes, looseCost and the
	// text of each.
	maxLoose, looseCost = 1 << 20, 1 << 10
)

// room is one room on this screen.
type room struct {
	Room
	shown   text.Safe // the name with its sign
	list    *timeline.List
	loose   map[bus.RecordRef][]*bus.Message
	weights map[bus.Handle]int // what of loose is whose
	members []Member
	waiting map[bus.RecordID]bool // edits, deletes and reactions of one's own that were not sent yet
	notify  Notify
	draft   string
	aside   string // the draft of before, while an invitation is on the screen
	asked   bool   // it is: the box is for commands
	anchor  uint64 // to go back to, once it is loaded
	loading bool
	turn    int  // counts how often it was begun anew: pages of before are not for it
	dead    bool // it is no room of this person's any more: what is here is all there is
	broken  bool // a page could not be read: tried again when one is online
	loaded  bool // a page was read
	older   bool // there is more above
	newer   bool // there is more below: what comes is not appended
	behind  bool // there is because it was not told: the window follows again once it is here
	fill    *timeline.Entry
	target  bus.RecordRef   // to select, once it is loaded and what follows it; zero: nothing
	fresh   uint64          // what came after it was new when the room was opened; 0: nothing was
	seen    uint64          // the newest sequence that was on the screen
	marked  uint64          // the newest sequence that was marked as seen from here
	marking bool            // it will be, in a moment
	wanted  *timeline.Entry // was selected last: a file in it is what /save saves
}

func newRoom(info Room) *room {
	return &room{Room: info, shown: titleOf(info), list: timeline.New(), loose: map[bus.RecordRef][]*bus.Message{},
		weights: map[bus.Handle]int{}, waiting: map[bus.RecordID]bool{}}
}

// bound keeps what is in memory of a room within bounds: the window stays where it is.
// A little over the bound is left, else each message would be the one too many.
func (r *room) bound(most int) {
	switch {
	case r.list.Weight() <= most+most/8:
	case r.list.Following():
		r.older = r.list.Trim(most) || r.older
	default:
		r.newer = true // what comes now is loaded when the person comes down there
		r.list.Open(true)
	}
}

// title is the name with its sign, cleaned.
func (r *room) title() text.Safe { return r.shown }

// titleOf never makes more of a name than a name may be: the session has it
// from strangers.
func titleOf(r Room) text.Safe {
	switch {
	case r.With != "":
		return "@" + text.Line(clip(string(r.With), bus.MaxHandle))
	case r.Name == "":
		return "#" + text.Safe(r.ID.String()[:8])
	}
	return "#" + text.Line(clip(r.Name, bus.MaxRoomName))
}

// level is for which messages the person is called.
func (r *room) level() Notify {
	switch {
	case r.notify != "":
		return r.notify
	case r.With != "":
		return NotifyAll
	}
	return NotifyMentions
}

// readOnly says why nothing can be written here, "" where something can.
func (r *room) readOnly() text.Safe {
	switch {
	case r.dead:
		return "this room is gone: choose another, Ctrl+K or /rooms"
	case r.Invited:
		return "Enter opens it, /leave declines"
	case r.Gone == bus.RemovedClosed && r.GoneBy != "": // nothing of it is kept
		return goneWords(r.Gone, r.GoneBy) + "; what you see goes with this chat"
	case r.Gone != "":
		return goneWords(r.Gone, r.GoneBy) + "; you can still read"
	case r.Role == bus.RoleReader:
		return "you may only read here"
	}
	return ""
}

// owner reports whether somebody may delete what others wrote.
func (r *room) owner(h bus.Handle) bool {
	return slices.ContainsFunc(r.members, func(m Member) bool { return m.User == h && m.Role == bus.RoleOwner })
}

// lastOwner reports whether somebody is its only owner, who cannot leave it.
func (r *room) lastOwner(h bus.Handle) bool {
	others := slices.ContainsFunc(r.members, func(m Member) bool { return m.User != h && m.Role == bus.RoleOwner && !m.Invited })
	return r.Gone == "" && r.owner(h) && !others
}

// has reports whether somebody is a member, or has an open invite.
func (r *room) has(h bus.Handle) bool {
	return slices.ContainsFunc(r.members, func(m Member) bool { return m.User == h })
}

// kind is the group in the side bar.
func (r *room) kind() roomlist.Kind {
	switch {
	case r.Invited:
		return roomlist.Invite
	case r.With != "":
		return roomlist.Person
	}
	return roomlist.Room
}

// item is the room's line in the side bar.
func (r *room) item(current bool) roomlist.Item {
	return roomlist.Item{Kind: r.kind(), Name: r.title()[1:], By: line(r.By), Current: current, Muted: r.level() == NotifyNone,
		Gone: r.Gone != "", Queued: r.queued(), Unread: r.Unread, Mentions: r.Mentions}
}

// queued is how many of one's own messages wait to be sent.
func (r *room) queued() (n int) {
	for _, e := range r.list.Held() {
		if e.State == timeline.Queued {
			n++
		}
	}
	return n + len(r.waiting)
}

// weight is how important it is to look here: mentions and people first.
func (r *room) weight() int {
	switch {
	case r.level() == NotifyNone && r.Mentions == 0:
		return 0
	case r.Mentions > 0:
		return 3
	case r.With != "" && r.Unread > 0:
		return 2
	case r.Unread > 0:
		return 1
	}
	return 0
}

// byPlace is the order of the side bar.
func byPlace(a, b *room) int {
	return cmp.Or(cmp.Compare(a.kind(), b.kind()), strings.Compare(string(a.title()), string(b.title())), a.ID.Compare(b.ID))
}
