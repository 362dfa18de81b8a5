package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/timeline"
)

// Lines of the screen's own begin with "--", messages with the time in
// brackets, and the further lines of a message are indented: nobody can write
// what looks like another line.

// plainBegin is how many messages are printed when a room is opened, more where
// more are unread.
const plainBegin = 20

// say prints a line of the screen's own.
func (p *plain) say(words text.Safe) {
	if words != "" {
		p.print("-- " + string(words))
	}
}

// words prints a block that belongs to the line above it.
func (p *plain) words(block text.Safe) {
	for line := range strings.SplitSeq(string(block), "\n") {
		p.print("   " + line)
	}
}

// print writes a line. Where the width of the terminal is known, no line is
// longer: what the terminal wraps begins where only the screen's own lines do,
// and whoever counts columns could write one.
func (p *plain) print(line string) {
	if p.width > minPlain {
		line = strings.Join(cells.Widest.Wrap(line, p.width-len(indent)-1), "\n"+indent)
	}
	_, _ = p.out.WriteString(line + "\n")
}

const (
	indent   = "    "
	minPlain = 20 // narrower ones are taken for not known
)

// room says which room one is in now, and what was last written there once it
// is loaded.
func (p *plain) room() {
	r := p.m.current
	if r == nil {
		if p.m.resumed && p.shown == nil && !p.begun {
			p.begun = true
			p.say("there is no room yet: /create NAME makes one, /rooms finds people, /help tells all")
		}
		return
	}
	if r != p.shown {
		p.shown, p.begun, p.unread = r, false, r.Unread
		p.say(r.title() + ": " + text.Safe(strings.Join(p.m.roomFacts(), ", ")))
		p.say(r.readOnly())
	}
	if !r.loaded || p.begun || p.m.busy > 0 { // who owns the room decides what was deleted in it
		return
	}
	p.begun = true
	for _, e := range r.list.Last(max(plainBegin, min(p.unread, pageSize))) {
		p.entry(r, e)
	}
	for _, e := range r.list.Held() {
		p.entry(r, e)
	}
}

// notices prints what would stand in the status line for a moment.
func (p *plain) notices() {
	if t := p.m.toast; t.words != "" && t.count != p.said {
		p.said = t.count
		p.say(t.words)
	}
}

// connection prints a change of the connection as a sentence.
func (p *plain) connection() {
	c := p.m.conn
	if c.State == p.conn.State && c.Attempt == p.conn.Attempt && c.Node == p.conn.Node {
		return
	}
	p.conn = c
	p.say(text.Safe(p.m.connWords()[2:]))
}

// before looks at what an event is about, and returns what prints it once it
// was taken.
func (p *plain) before(e *Event) func() {
	r := p.m.rooms[e.Room]
	if r == nil || e.Happened == nil && e.Outgoing == nil {
		return func() {}
	}
	if e.Outgoing != nil {
		return func() { p.outgoing(r, e.Outgoing) }
	}
	m := messageOf(*e)
	if m == nil || !changes(m.Kind) {
		known := m != nil && p.m.fold(r).here(m) != nil // own ones were printed when they were typed
		return func() { p.happened(r, e.Happened, m, known) }
	}
	var was timeline.Entry
	target := m.ReplyTo
	if target != nil {
		if old := r.list.Find(*target); old != nil {
			was = *old
		}
	}
	return func() {
		if target != nil {
			p.changed(r, was, r.list.Find(*target), m)
		}
	}
}

// happened prints what was added to a room: all of the one that one is in, and
// of others that they call.
func (p *plain) happened(r *room, e *bus.Event, m *bus.Message, known bool) {
	switch {
	case known:
	case r == p.m.current && p.begun:
		if entry := p.m.fold(r).entry(e); entry != nil {
			if entry.About != nil {
				entry.Quote = p.m.fold(r).quote(*entry.About)
			}
			p.entry(r, entry)
		}
	case m != nil && r != p.m.current && m.Counts(p.m.self) && (r.With != "" || Mentions(m.Text, p.m.self)) && r.level() != NotifyNone:
		p.say(line(m.From) + " calls you in " + r.title())
	}
}

// changed prints what an edit, a delete or a reaction did.
func (p *plain) changed(r *room, was timeline.Entry, now *timeline.Entry, m *bus.Message) {
	if now == nil || r != p.m.current {
		return
	}
	from, whose, reacts := p.m.called(m.From), was.Name(), text.Safe(" reacts ")
	if was.Mine {
		whose = "yours"
	}
	if m.From == p.m.self {
		reacts = " react "
	}
	switch {
	case now.Deleted && !was.Deleted:
		p.say(from + " deleted a message of " + whose)
	case m.Kind == "edit" && now.Text != was.Text:
		p.say(from + " changed a message of " + whose + " to:")
		p.words(now.Text)
	case m.Kind == "reaction" && m.Text != "" && len(now.Reactions) > 0:
		p.say(from + reacts + text.Line(clip(m.Text, maxReaction)) + " to " + was.Name() + ": " + text.Line(clip(string(was.Text), 60)))
	}
}

// outgoing prints what failed, and how far a file is; that a message was sent needs
// no word.
func (p *plain) outgoing(r *room, o *Outgoing) {
	e := r.list.FindID(o.ID)
	file := e != nil && e.Mine && e.File != nil
	switch {
	case o.State == OutgoingFailed:
		why := text.Safe("the bus refused it")
		if o.Err != nil {
			why = errorLine(o.Err)
		}
		if file {
			why = e.File.Name + ": " + why
		}
		p.say("not sent to " + r.title() + ": " + why + " (/retry, /drop)")
	case !file:
	case o.State == OutgoingSent:
		p.say("sent to " + r.title() + ": " + e.File.Name)
	case o.State == OutgoingQueued && p.m.conn.State == Online:
		p.say("sending to " + r.title() + ": " + fileWords(e.File))
	case o.State == OutgoingQueued:
		p.say("waits for the bus: " + fileWords(e.File))
	}
}

// fileWords are a name, and the size where it is known.
func fileWords(f *timeline.File) text.Safe {
	if f.Size < 0 {
		return f.Name
	}
	return f.Name + ", " + text.Safe(bytesOf(f.Size))
}

// entry prints one entry.
func (p *plain) entry(r *room, e *timeline.Entry) {
	if e.Notice {
		p.say(e.Words)
		return
	}
	head := "[" + e.Time.In(p.m.o.Zone).Format("15:04") + "] " + p.sender(e) + ": "
	if e.Time.IsZero() {
		head = "[     ] " + p.sender(e) + ": "
	}
	if e.Quote != "" {
		p.print(head + "answers " + string(e.Quote))
		head = indent
	}
	body := string(e.Text)
	switch {
	case e.Fault != "":
		p.print(head + "-- not shown: " + string(e.Fault))
	case e.Deleted:
		p.print(head + "-- deleted")
	case e.File != nil:
		hint := " (/save)"
		if e.Pending() {
			hint = p.tail(e)
		}
		p.print(head + "-- file: " + string(fileWords(e.File)) + hint)
	default:
		p.message(head, body+p.tail(e))
	}
}

// found prints a message that was looked for, whole, and goes to its room.
func (p *plain) found(msg bus.Message) tea.Cmd {
	r := p.m.rooms[msg.Room]
	if r == nil {
		return p.m.say("you are not in that room any more")
	}
	f, cmd := p.m.fold(r), p.m.open(r)
	if e := f.message(&msg); e != nil {
		r.wanted = e
		p.say(r.title() + ", " + text.Safe(msg.Time.In(p.m.o.Zone).Format("Mon 2 Jan 2006")) + ":")
		if e.About != nil {
			e.Quote = f.quote(*e.About)
		}
		p.entry(r, e)
	}
	return cmd
}

// message prints what somebody wrote: its further lines are indented.
func (p *plain) message(head, body string) {
	for line := range strings.SplitSeq(body, "\n") {
		p.print(head + line)
		head = indent
	}
}

// sender is a name with what is known of it.
func (p *plain) sender(e *timeline.Entry) string {
	switch {
	case e.Mine:
	case e.Grave || e.Trust.Hidden():
		return string(e.Name()) + " (key changed or forged)"
	case e.Trust == bus.TrustUnverified:
		return string(e.Name()) + " (not verified)"
	}
	return string(e.Name())
}

func (p *plain) tail(e *timeline.Entry) (s string) {
	if e.Edited {
		s += " (edited)"
	}
	for _, r := range e.Reactions {
		s += fmt.Sprintf(" [%s %d]", r.Text, len(r.By))
	}
	switch e.State {
	case timeline.Queued:
		s += " (queued)"
	case timeline.Failed:
		s += " (not sent: " + string(e.Why) + ")"
	}
	return s
}
