package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
	"unibus/tui/overlay"
)

// panel is what stands over the lower part of the screen: a picker or a page.
type panel struct {
	picker   *overlay.Picker
	page     *overlay.Page
	room     *room                              // that it is about: it closes when that is gone; nil for none
	question *question                          // that the page asks, nil for none
	told     bool                               // in lines: it was printed
	searched bool                               // what was typed was looked for
	prompted bool                               // in lines: how it is answered was printed
	take     func(*Model, overlay.Item) tea.Cmd // Enter in a picker
	typed    func(*Model, string) tea.Cmd       // after each change of what was typed
	resized  func(*Model)                       // the window has another size
}

// panel is the uppermost one, nil where there is none.
func (m *Model) panel() *panel {
	if len(m.panels) == 0 {
		return nil
	}
	return m.panels[len(m.panels)-1]
}

func (m *Model) push(p *panel) tea.Cmd {
	m.panels = append(m.panels, p)
	return nil
}

// pick opens a list; what is taken closes it.
func (m *Model) pick(title text.Safe, hint string, items []overlay.Item, take func(*Model, overlay.Item) tea.Cmd) tea.Cmd {
	return m.push(&panel{picker: overlay.NewPicker(title, hint, items), take: take})
}

// pickIn is pick for what is about the room on the screen.
func (m *Model) pickIn(title text.Safe, hint string, items []overlay.Item, take func(*Model, overlay.Item) tea.Cmd) tea.Cmd {
	return m.push(&panel{room: m.current, picker: overlay.NewPicker(title, hint, items), take: take})
}

// read opens a page.
func (m *Model) read(title, body text.Safe) tea.Cmd {
	return m.push(&panel{page: &overlay.Page{Title: title, Body: body, Hint: "Esc closes"}})
}

// leavePanel closes a panel; of a question it says what stays as it is.
func (m *Model) leavePanel() tea.Cmd {
	p := m.panel()
	m.closePanel()
	if p.question != nil {
		return m.say(p.question.kept)
	}
	return nil
}

func (m *Model) closePanel() tea.Cmd {
	if n := len(m.panels); n > 0 {
		m.panels = m.panels[:n-1]
	}
	return nil
}

// panelKey gives a key to a panel.
func (m *Model) panelKey(p *panel, name string, k tea.KeyPressMsg) tea.Cmd {
	if do := m.keys[inPanel][name]; do != nil {
		return do(m)
	}
	if k.Text != "" && k.Mod&(tea.ModCtrl|tea.ModAlt) == 0 {
		return m.panelType(p, k.Text)
	}
	return nil
}

func (m *Model) panelType(p *panel, s string) tea.Cmd {
	switch {
	case p.picker != nil:
		p.picker.Type(s)
		return m.retyped(p)
	case p.question != nil && p.question.counts():
		p.page.Type(s)
	}
	return nil
}

func (m *Model) retyped(p *panel) tea.Cmd {
	if p.typed == nil {
		return nil
	}
	return p.typed(m, strings.TrimSpace(string(p.picker.Query)))
}

func (m *Model) panelBack() tea.Cmd {
	switch p := m.panel(); {
	case p.picker == nil:
		p.page.Back()
	case p.picker.Back():
		return m.retyped(p)
	}
	return nil
}

func (m *Model) panelErase() tea.Cmd {
	p := m.panel()
	if p.picker == nil {
		p.page.Typed = nil
		return nil
	}
	p.picker.Erase()
	return m.retyped(p)
}

func (m *Model) panelMove(n int) tea.Cmd {
	if p := m.panel(); p.picker != nil {
		p.picker.Move(n)
	} else {
		p.page.Scroll(n)
	}
	return nil
}

func (m *Model) panelPage(n int) tea.Cmd {
	if p := m.panel(); p.picker != nil {
		p.picker.Move(10 * n)
	} else {
		p.page.PageBy(n)
	}
	return nil
}

// panelEnter takes what is picked or answered; a page closes.
func (m *Model) panelEnter() tea.Cmd {
	p := m.panel()
	switch {
	case p.question != nil:
		return m.answer(p, answered(string(p.page.Typed)))
	case p.picker == nil:
		return m.closePanel()
	}
	item, ok := p.picker.Picked()
	if !ok {
		return nil
	}
	m.closePanel()
	return p.take(m, item)
}

// answered is an answer as it counts: in small letters, without blanks around it.
func answered(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }
