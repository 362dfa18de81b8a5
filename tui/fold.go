package tui

import (
	"fmt"
	"hash/fnv"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/timeline"
)

// fold turns events of a room into entries: what changes a message is put
// into it. Everything that somebody wrote is cleaned here.
type fold struct {
	room *room
	self bus.Handle
}

// fold is that of a room, as this person sees it.
func (m *Model) fold(r *room) fold { return fold{r, m.self} }

// live takes an event that just happened.
func (f fold) live(e *bus.Event) {
	m := e.Brings()
	if m != nil && (changes(m.Kind) || f.known(m)) {
		f.change(m, e.Late != nil)
		return
	}
	if f.room.newer || !f.room.loaded && f.room.anchor > 0 { // it is loaded when the person comes down there
		return
	}
	if entry := f.entry(e); entry != nil && !f.noted(entry) {
		f.room.list.Append(entry)
		f.settle(entry)
	}
}

// known reports whether a message is here already: a fill may overlap.
func (f fold) known(m *bus.Message) bool {
	e := f.here(m)
	return e != nil && !e.Pending()
}

// here is the entry of a message, nil where there is none. An id stands for a record
// only together with its sender, who chose it.
func (f fold) here(m *bus.Message) *timeline.Entry {
	if e := f.room.list.Find(bus.RecordRef{Frame: m.Hash.Prefix(), Number: m.Number}); e != nil {
		return e
	}
	if e := f.room.list.FindID(m.ID); e != nil && e.From == text.Line(string(m.From)) {
		return e
	}
	return nil
}

// noted reports whether a notice is here already: what happened is told as it does, and
// pages have it again.
func (f fold) noted(e *timeline.Entry) bool {
	return e.Notice && e.ID != (bus.RecordID{}) && f.room.list.FindID(e.ID) != nil
}

// noticeID names what happened once, all else has none.
func noticeID(e *bus.Event) (id bus.RecordID) {
	h := fnv.New128a()
	switch {
	case e.Epoch != nil:
		_, _ = fmt.Fprint(h, "epoch ", e.Epoch.Epoch)
	case e.Start != nil:
		_, _ = fmt.Fprint(h, "start ", e.Start.Epoch)
	case e.Member != nil:
		_, _ = fmt.Fprint(h, e.Member.User, " ", e.Member.Change, " ", e.Member.Role, " ", e.Member.Time.UnixNano())
	default:
		return id
	}
	return bus.RecordID(h.Sum(nil))
}

// page takes a page of history, above everything or below it.
func (f fold) page(events []bus.Event, above bool) {
	var entries []*timeline.Entry
	for i := range events {
		m := events[i].Brings()
		switch {
		case m != nil && changes(m.Kind):
			f.keepLoose(m)
		case m != nil && f.known(m):
		default:
			if e := f.entry(&events[i]); e != nil && !f.noted(e) {
				entries = append(entries, e)
			}
		}
	}
	if above {
		f.room.list.Prepend(entries)
	} else {
		for _, e := range entries {
			f.room.list.Append(e)
		}
	}
	for _, e := range entries {
		f.settle(e)
	}
	f.settleAll()
}

// changes reports whether a message of a kind is about another one alone.
func changes(kind string) bool { return kind == "edit" || kind == "delete" || kind == "reaction" }

// change applies an edit, a delete or a reaction, or keeps it until its message
// is loaded.
func (f fold) change(m *bus.Message, late bool) {
	if !changes(m.Kind) || m.ReplyTo == nil {
		return
	}
	delete(f.room.waiting, m.ID)
	target := f.room.list.Find(*m.ReplyTo)
	if target == nil || !f.apply(target, m) {
		f.keepLoose(m)
	}
	if target == nil && m.Kind != "reaction" { // what was loaded once may be quoted still
		f.room.list.Quote(*m.ReplyTo, f.quote)
	}
}

// keepLoose remembers a change of a message that is not here: from everybody so much, so
// that nobody fills up the part of others.
func (f fold) keepLoose(m *bus.Message) {
	r, weight := f.room, looseCost+len(m.Text)
	if m.ReplyTo == nil || r.weights[m.From]+weight > maxLoose {
		return
	}
	again := func(o *bus.Message) bool { return o.ID == m.ID && o.From == m.From }
	if slices.ContainsFunc(r.loose[*m.ReplyTo], again) { // a page may be read again
		return
	}
	r.weights[m.From] += weight
	r.loose[*m.ReplyTo] = append(r.loose[*m.ReplyTo], m)
}

// settle fills in what an entry answers, and applies what was kept for it.
func (f fold) settle(e *timeline.Entry) {
	if e.About != nil {
		e.Quote = f.quote(*e.About)
		f.room.list.Touch(e)
	}
	defer f.room.list.Quote(e.Ref, f.quote)
	waiting, ok := f.room.loose[e.Ref]
	if !ok {
		return
	}
	delete(f.room.loose, e.Ref)
	for _, m := range waiting {
		if f.room.weights[m.From] -= looseCost + len(m.Text); f.room.weights[m.From] <= 0 {
			delete(f.room.weights, m.From)
		}
		if !f.apply(e, m) {
			f.keepLoose(m)
		}
	}
}

// settleAll tries everything that was kept, as when it is known now who owns
// the room.
func (f fold) settleAll() {
	for ref := range f.room.loose {
		if e := f.room.list.Find(ref); e != nil {
			f.settle(e)
		}
	}
}

// apply changes an entry as somebody asked, if he may: an edit counts from its
// author, a delete also from an owner, a reaction once from everybody. False:
// he may not, as far as is known.
func (f fold) apply(e *timeline.Entry, m *bus.Message) bool {
	if m.Trust.Hidden() {
		return true
	}
	from := text.Line(string(m.From))
	author := e.From == from || e.Mine && m.From == f.self
	switch {
	case m.Kind == "reaction":
		react(e, from, text.Line(m.Text))
	case m.Kind == "delete" && (author || f.room.owner(m.From)):
		e.Deleted, e.Text, e.File, e.Quote, e.Reactions = true, "", nil, "", nil
	case m.Kind == "edit" && author && !e.Deleted:
		e.Text, e.Edited = text.Clean(m.Text), true
	default:
		return false
	}
	f.room.list.Touch(e)
	if m.Kind != "reaction" {
		f.room.list.Quote(e.Ref, f.quote)
	}
	return true
}

// maxReaction bounds how much of a reaction is shown, and maxReactions how many
// different ones: they are as long and as many as their senders like.
const (
	maxReaction  = 16
	maxReactions = 20
)

// react puts somebody's reaction in place of his last one.
func react(e *timeline.Entry, from, what text.Safe) {
	var out []timeline.Reaction
	for _, r := range e.Reactions {
		r.By = slices.DeleteFunc(slices.Clone(r.By), func(by text.Safe) bool { return by == from })
		if r.Text == what {
			r.By = append(r.By, from)
			what = ""
		}
		if len(r.By) > 0 {
			out = append(out, r)
		}
	}
	if what != "" && len(out) < maxReactions {
		out = append(out, timeline.Reaction{Text: text.Safe(clip(string(what), maxReaction)), By: []text.Safe{from}})
	}
	e.Reactions = out
}

// clip keeps the first so many runes.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "~"
	}
	return s
}

// entry makes what is shown of an event; nil for what is not shown.
func (f fold) entry(e *bus.Event) *timeline.Entry {
	switch {
	case e.Message != nil:
		return f.message(e.Message)
	case e.Late != nil:
		entry := f.message(e.Late.Message)
		if entry != nil {
			entry.Late = true
		}
		return entry
	case e.Undecryptable != nil:
		return unreadable(e.Undecryptable)
	}
	if words, tone := noticeOf(e, f.self); words != "" {
		return &timeline.Entry{ID: noticeID(e), Notice: true, Words: words, Tone: tone}
	}
	return nil
}

// message makes an entry; of a value there is nothing to see.
func (f fold) message(m *bus.Message) *timeline.Entry {
	e := &timeline.Entry{ID: m.ID, Ref: bus.RecordRef{Frame: m.Hash.Prefix(), Number: m.Number}, Seq: m.Seq, Time: m.Time,
		From: text.Line(string(m.From)), Mine: m.From == f.self, Trust: m.Trust}
	switch {
	case m.Kind == "value":
		return nil
	case m.Trust == bus.TrustChanged:
		e.Fault, e.Grave = faultWords(&bus.UndecryptableEvent{Reason: bus.FaultChanged})
	case m.Trust == bus.TrustRejected:
		e.Fault, e.Grave = faultWords(&bus.UndecryptableEvent{Reason: bus.FaultRejected})
	case m.Kind == "file" && m.File != nil:
		e.File = &timeline.File{Name: text.Line(m.File.Name), Size: m.File.Size, Ref: m.File.Ref}
	case m.Kind == "text" || m.Kind == "reply":
		f.words(e, m)
	default:
		e.Fault = "a kind of message that this version does not know"
	}
	return e
}

// words fills in what somebody wrote, and what he answers.
func (f fold) words(e *timeline.Entry, m *bus.Message) {
	e.Text = text.Clean(m.Text)
	if !e.Mine && Mentions(string(e.Text), f.self) {
		e.Mention = "@" + text.Line(string(f.self))
	}
	e.About = m.ReplyTo
}

// quote is a line of what is answered.
func (f fold) quote(ref bus.RecordRef) text.Safe {
	e := f.room.list.Find(ref)
	switch {
	case e == nil:
		return "an older message"
	case e.Fault != "" || e.Deleted:
		return e.Name() + ": a message that is not shown"
	case e.File != nil:
		return e.Name() + ": [file] " + e.File.Name
	}
	return e.Name() + ": " + text.Line(clip(string(e.Text), 200))
}

// held is the entry of a record that waits to be sent.
func (f fold) held(o Outgoing) *timeline.Entry {
	e := &timeline.Entry{ID: o.ID, Time: o.Made, From: text.Line(string(f.self)), Mine: true, Text: text.Clean(o.Text), State: timeline.Queued}
	if o.Kind == "file" {
		e.File, e.Text = &timeline.File{Name: text.Line(o.Text), Size: o.Size}, ""
	}
	if o.Kind == "reply" && o.About != nil {
		e.About, e.Quote = o.About, f.quote(*o.About)
	}
	return e
}
