package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/overlay"
	"unibus/tui/timeline"
)

// What keys do on the selected message.

// selecting reports whether keys go to a message.
func (m *Model) selecting() bool { return m.current != nil && m.current.list.Selected() != nil }

// chosen is the selected message, nil where there is none.
func (m *Model) chosen() *timeline.Entry {
	if m.current == nil {
		return nil
	}
	return m.current.list.Selected()
}

func (m *Model) beginSelection() tea.Cmd { return m.selectBy(-1) }

func (m *Model) selectBy(n int) tea.Cmd {
	if m.current == nil || !m.current.list.Select(n) {
		return m.say("there is no message to select")
	}
	return nil
}

func (m *Model) endSelection() tea.Cmd {
	if r := m.current; r != nil {
		if e := r.list.Selected(); e != nil {
			r.wanted = e
		}
		r.list.Unselect()
	}
	return nil
}

// commandAfterSelection begins a command in an empty box.
func (m *Model) commandAfterSelection() tea.Cmd {
	m.endSelection()
	if !m.box.Empty() {
		return nil
	}
	return m.insert("/")
}

// reply and edit go on in the box.
func (m *Model) reply() tea.Cmd {
	e := m.chosen()
	switch {
	case e.Pending():
		return m.say("it was not sent yet")
	case e.Fault != "" || e.Deleted:
		return m.say("there is nothing to answer")
	}
	m.about = about{kind: "reply", ref: e.Ref, note: "re: " + e.Name() + "  " + text.Line(string(e.Text))}
	return m.endSelection()
}

func (m *Model) editMessage() tea.Cmd {
	e := m.chosen()
	switch {
	case e.Pending():
		return m.say("it was not sent yet: d puts it back into the box")
	case !e.Mine || e.File != nil || e.Deleted || e.Fault != "":
		return m.say("only your own words can be edited")
	case !m.box.Empty():
		m.say("there is a draft in the box: send or clear it first")
		m.while(func(m *Model) bool { return !m.box.Empty() })
		return nil
	}
	m.about = about{kind: "edit", ref: e.Ref, note: "edit: " + text.Line(string(e.Text))}
	m.box.Set(string(e.Text))
	return m.endSelection()
}

// cancel ends an answer or an edit.
func (m *Model) cancel() tea.Cmd {
	if m.about.kind == "edit" {
		m.box.Clear()
	}
	m.about = about{}
	return nil
}

// openReactions offers characters to react with.
func (m *Model) openReactions() tea.Cmd {
	e := m.chosen()
	if e.Pending() || e.Deleted {
		return m.say("there is nothing to react to")
	}
	r, ref, mine := m.current, e.Ref, ownReaction(e, text.Line(string(m.self)))
	var items []overlay.Item
	if mine != "" {
		items = append(items, overlay.Item{Label: "take back " + mine, Value: ""})
	}
	for _, name := range composer.EmojiNames() {
		items = append(items, overlay.Item{Label: text.Safe(composer.EmojiNamed(name) + "  " + name), Value: composer.EmojiNamed(name)})
	}
	return m.pickIn("React", "Enter reacts  Esc", items, func(m *Model, item overlay.Item) tea.Cmd {
		m.endSelection()
		return m.refer(r, "reaction", ref, item.Value.(string))
	})
}

// refer sends a record about another one of a room.
func (m *Model) refer(r *room, kind string, ref bus.RecordRef, words string) tea.Cmd {
	if !m.maySend(r) {
		return nil
	}
	return m.post(Draft{Room: r.ID, ID: newID(), Kind: kind, Text: words, About: &ref})
}

func ownReaction(e *timeline.Entry, self text.Safe) text.Safe {
	for _, r := range e.Reactions {
		for _, by := range r.By {
			if by == self {
				return r.Text
			}
		}
	}
	return ""
}

// askDelete deletes after a question. What was not sent goes back into the box; where
// it cannot, that is asked too.
func (m *Model) askDelete() tea.Cmd {
	r, e := m.current, m.chosen()
	switch {
	case e.Pending() && e.File == nil && m.box.Empty():
		return m.drop(r, e, true)
	case e.Pending():
		return m.ask("Drop this message?", "It was not sent yet, and is gone then: \""+text.Line(clip(string(e.Text+fileName(e)), 60))+"\"", "nothing was dropped",
			func(m *Model) tea.Cmd { return m.drop(r, e, false) })
	}
	if !e.Mine && !m.current.owner(m.self) {
		return m.say("only its author and owners of the room can delete it")
	}
	ref := e.Ref
	return m.ask("Delete this message?", "It disappears from everybody's screen; who has read it has read it.", "nothing was deleted", func(m *Model) tea.Cmd {
		m.endSelection()
		return m.refer(r, "delete", ref, "")
	})
}

func fileName(e *timeline.Entry) text.Safe {
	if e.File == nil {
		return ""
	}
	return e.File.Name
}

// drop gives up what was not sent; back puts its words into the box.
func (m *Model) drop(r *room, e *timeline.Entry, back bool) tea.Cmd {
	room, id := r.ID, e.ID
	r.list.Unselect()
	dropped := func(m *Model) tea.Cmd {
		r.list.Forget(id)
		if back {
			return m.putBack(r, e)
		}
		return nil
	}
	if _, ok := m.unsent[id]; ok {
		delete(m.unsent, id)
		return dropped(m)
	}
	return m.call(func(ctx context.Context) then {
		_ = m.o.Session.Cancel(ctx, id)
		err := m.o.Session.Drop(ctx, room, id)
		return func(m *Model) tea.Cmd {
			switch {
			case err == nil || bus.KindOf(err) == bus.NotFound && e.State == timeline.Failed:
				return dropped(m)
			case bus.KindOf(err) == bus.NotFound: // its words in the box would be sent twice
				r.list.Forget(id)
				return m.say("it was sent already")
			}
			return m.fail("drop", err)
		}
	})
}

// putBack puts the words of a message that was dropped into the box of its room, to be
// sent, changed or cleared, before what was written there since.
func (m *Model) putBack(r *room, e *timeline.Entry) tea.Cmd {
	words := escaped(string(e.Text))
	switch {
	case m.current != r:
		r.draft = words + r.draft
		return nil
	case e.About != nil:
		words = string(e.Text)
		m.about = about{kind: "reply", ref: *e.About, note: "re: " + e.Quote}
	}
	m.box.Set(words + m.box.Text())
	return m.say("not sent; its words are in the box again")
}

func (m *Model) copyMessage() tea.Cmd {
	e := m.chosen()
	if e.Text == "" {
		return m.say("there are no words to copy")
	}
	m.endSelection()
	return tea.Batch(tea.SetClipboard(string(e.Text)), m.say("copied, where the terminal allows it"))
}

// save downloads the file of a message into the folder that files come from.
func (m *Model) save() tea.Cmd {
	e := m.chosen()
	if e.File == nil || e.Pending() {
		return m.say("there is no file in it")
	}
	return m.saveTo(e, m.o.Home)
}

// wantedFile is the message whose file a command saves: the one that was selected last
// or could not be saved, else the newest with a file; nil where there is none.
func (r *room) wantedFile() *timeline.Entry {
	e := r.wanted
	if e != nil && r.list.Find(e.Ref) != nil {
		e = r.list.Find(e.Ref) // it may have been read again
	}
	if e == nil || e.File == nil || e.Pending() {
		return r.list.NewestFile()
	}
	return e
}

func (m *Model) saveTo(e *timeline.Entry, path string) tea.Cmd {
	m.current.wanted = e
	id, f := e.ID, bus.File{Name: string(e.File.Name), Size: e.File.Size, Ref: e.File.Ref}
	return m.try("save "+string(e.File.Name), "", func(ctx context.Context) error { return m.o.Session.Save(ctx, id, f, path) })
}

func (m *Model) stopTransfer() tea.Cmd {
	e := m.chosen()
	id := e.ID
	if e.Pending() && m.transfers[id] == nil {
		return m.say("it is not on its way: d drops it")
	}
	return m.try("stop", "", func(ctx context.Context) error { return m.o.Session.Cancel(ctx, id) })
}

func (m *Model) verifySender() tea.Cmd {
	switch e := m.chosen(); {
	case e.Mine:
		return m.say("this is you")
	case e.From == "":
		return m.say("nothing shows whose it is")
	}
	return m.verify(bus.Handle(m.chosen().From))
}
