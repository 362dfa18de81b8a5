package tui

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"unibus/tui/composer"
)

// scope is where a key counts.
type scope uint8

const (
	everywhere scope = iota // unless a panel is open
	writing                 // in the box
	selected                // on the selected message
	inPanel                 // lists and pages
)

func (s scope) String() string {
	return [...]string{"Anywhere", "Writing", "On a selected message", "In a list or a page"}[s]
}

// binding is one line of the key map: the only place that says which key does
// what. The help is made from it.
type binding struct {
	in   scope
	keys []string
	help string
	do   func(*Model) tea.Cmd
}

// bindings is the key map.
func bindings() []binding {
	return slices.Concat(generalKeys(), writingKeys(), editingKeys(), selectionKeys(), panelKeys())
}

func generalKeys() []binding {
	return []binding{
		{everywhere, []string{"f1"}, "this help", (*Model).openHelp},
		{everywhere, []string{"ctrl+k"}, "jump to rooms, people, /commands", (*Model).openJump},
		{everywhere, []string{"alt+a"}, "next room: mentions, people, unread", (*Model).nextImportant},
		{everywhere, []string{"alt+up", "alt+p"}, "the room above", func(m *Model) tea.Cmd { return m.stepRoom(-1) }},
		{everywhere, []string{"alt+down", "alt+n"}, "the room below", func(m *Model) tea.Cmd { return m.stepRoom(1) }},
		{everywhere, []string{"alt+1", "alt+2", "alt+3", "alt+4", "alt+5", "alt+6", "alt+7", "alt+8", "alt+9"}, "the room of this number", (*Model).numberedRoom},
		{everywhere, []string{"pgup"}, "a page up", func(m *Model) tea.Cmd { return m.page(-1) }},
		{everywhere, []string{"pgdown"}, "a page down", func(m *Model) tea.Cmd { return m.page(1) }},
		{everywhere, []string{"ctrl+home"}, "the oldest message here", (*Model).top},
		{everywhere, []string{"ctrl+end"}, "the newest message", (*Model).bottom},
		{everywhere, []string{"ctrl+f"}, "find in this room", (*Model).openFind},
		{everywhere, []string{"ctrl+t"}, "attach a file", (*Model).openFiles},
		{everywhere, []string{"ctrl+o"}, "write in your editor ($EDITOR)", (*Model).openEditor},
		{everywhere, []string{"f7"}, "side bar on or off", (*Model).toggleSide},
		{everywhere, []string{"f8"}, "members on or off", (*Model).toggleMembers},
		{everywhere, []string{"alt+l"}, "messages alone, to copy from", (*Model).toggleBare},
		{everywhere, []string{"alt+r"}, "send failed messages again", (*Model).retryAll},
		{everywhere, []string{"ctrl+l"}, "draw the screen again", func(*Model) tea.Cmd { return tea.ClearScreen }},
		{everywhere, []string{"ctrl+c"}, "clear the box; twice: quit", (*Model).interrupt},
		{everywhere, []string{"ctrl+q"}, "quit", (*Model).quit},
	}
}

func writingKeys() []binding {
	return []binding{
		{writing, []string{"enter"}, "send", (*Model).enter},
		{writing, []string{"alt+enter", "ctrl+j", "shift+enter"}, "new line", op(composer.Newline)},
		{writing, []string{"up"}, "in an empty box: select a message", (*Model).up},
		{writing, []string{"alt+k"}, "select a message", (*Model).beginSelection},
		{writing, []string{"tab"}, "complete @name #room /command :emoji:", (*Model).complete},
		{writing, []string{"esc"}, "neither answer nor edit", (*Model).cancel},
		{writing, []string{"?"}, "in an empty box: this help", (*Model).questionMark},
	}
}

// op is a key that edits the draft.
func op(o composer.Op) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd {
		if !m.box.Do(o) && o == composer.Newline {
			m.say(tooLong)
		}
		return nil
	}
}

func editingKeys() []binding {
	return []binding{
		{writing, []string{"left", "ctrl+b"}, "a character left", op(composer.Left)},
		{writing, []string{"right"}, "a character right", op(composer.Right)},
		{writing, []string{"down"}, "a line down", op(composer.Down)},
		{writing, []string{"alt+left", "alt+b", "ctrl+left"}, "a word left", op(composer.WordLeft)},
		{writing, []string{"alt+right", "alt+f", "ctrl+right"}, "a word right", op(composer.WordRight)},
		{writing, []string{"home", "ctrl+a"}, "start of the line", op(composer.LineStart)},
		{writing, []string{"ctrl+e"}, "end of the line", op(composer.LineEnd)},
		{writing, []string{"end"}, "end of the line, or newest message", (*Model).end},
		{writing, []string{"backspace", "ctrl+h"}, "delete backwards", op(composer.Backspace)},
		{writing, []string{"delete", "ctrl+d"}, "delete", op(composer.Delete)},
		{writing, []string{"ctrl+w", "alt+backspace"}, "cut the word before", op(composer.KillWord)},
		{writing, []string{"ctrl+u"}, "cut back to the start of the line", op(composer.KillLine)},
		{writing, []string{"ctrl+y"}, "put back what was cut", op(composer.Yank)},
	}
}

// farthest is more messages than there are.
const farthest = 1 << 30

func selectionKeys() []binding {
	return []binding{
		{selected, []string{"up", "k"}, "the message above", func(m *Model) tea.Cmd { return m.selectBy(-1) }},
		{selected, []string{"down", "j"}, "the message below", func(m *Model) tea.Cmd { return m.selectBy(1) }},
		{selected, []string{"g"}, "the oldest one here", func(m *Model) tea.Cmd { return m.selectBy(-farthest) }},
		{selected, []string{"G", "shift+g"}, "the newest one", func(m *Model) tea.Cmd { return m.selectBy(farthest) }},
		{selected, []string{"enter"}, "show it whole; resend what failed", (*Model).openMessage},
		{selected, []string{"r"}, "reply", (*Model).reply},
		{selected, []string{"e"}, "edit it", (*Model).editMessage},
		{selected, []string{"+"}, "react", (*Model).openReactions},
		{selected, []string{"d", "delete"}, "delete it; take back what was not sent", (*Model).askDelete},
		{selected, []string{"y"}, "copy it", (*Model).copyMessage},
		{selected, []string{"o"}, "save its file", (*Model).save},
		{selected, []string{"x"}, "stop its transfer", (*Model).stopTransfer},
		{selected, []string{"v"}, "compare numbers with its sender", (*Model).verifySender},
		{selected, []string{"i"}, "what is known of it", (*Model).openInfo},
		{selected, []string{"/"}, "a command", (*Model).commandAfterSelection},
		{selected, []string{"esc", "q"}, "back to writing", (*Model).endSelection},
	}
}

func panelKeys() []binding {
	return []binding{
		{inPanel, []string{"up", "ctrl+p"}, "up", func(m *Model) tea.Cmd { return m.panelMove(-1) }},
		{inPanel, []string{"down", "ctrl+n"}, "down", func(m *Model) tea.Cmd { return m.panelMove(1) }},
		{inPanel, []string{"pgup"}, "a page up", func(m *Model) tea.Cmd { return m.panelPage(-1) }},
		{inPanel, []string{"pgdown"}, "a page down", func(m *Model) tea.Cmd { return m.panelPage(1) }},
		{inPanel, []string{"enter"}, "take it, or answer", (*Model).panelEnter},
		{inPanel, []string{"backspace", "ctrl+h"}, "delete what was typed", (*Model).panelBack},
		{inPanel, []string{"ctrl+u"}, "delete all that was typed", (*Model).panelErase},
		{inPanel, []string{"esc", "ctrl+c"}, "close it", (*Model).leavePanel},
		{inPanel, []string{"ctrl+q"}, "quit", (*Model).quit},
	}
}

// keymap finds what a key does.
type keymap map[scope]map[string]func(*Model) tea.Cmd

func newKeymap() keymap {
	k := keymap{}
	for _, b := range bindings() {
		if k[b.in] == nil {
			k[b.in] = map[string]func(*Model) tea.Cmd{}
		}
		for _, name := range b.keys {
			k[b.in][name] = b.do
		}
	}
	return k
}

// keyName is how the key map writes a key that was pressed: what it types, or
// what it is called. Esc pressed twice at once comes as one key.
func keyName(k tea.KeyPressMsg) string {
	if k.Code == tea.KeyEscape {
		return "esc"
	}
	if k.Text != "" && k.Text != " " && k.Mod&(tea.ModCtrl|tea.ModAlt) == 0 {
		return k.Text
	}
	return k.Keystroke()
}

// afterEsc reports whether a character with Alt is one that was typed right behind Esc,
// which a slow line brings as one key: where Alt does nothing with it. It returns the
// character alone.
func (m *Model) afterEsc(k tea.KeyPressMsg) (alone tea.KeyPressMsg, split bool) {
	if k.Mod&^tea.ModShift != tea.ModAlt || !unicode.IsPrint(k.Code) {
		return k, false
	}
	for _, bound := range m.keys {
		if bound[keyName(k)] != nil {
			return k, false
		}
	}
	r := k.Code
	if k.Mod&tea.ModShift != 0 {
		r = cmp.Or(k.ShiftedCode, unicode.ToUpper(r))
	}
	return tea.KeyPressMsg{Code: k.Code, ShiftedCode: k.ShiftedCode, Mod: k.Mod &^ tea.ModAlt, Text: string(r)}, true
}

// keyLabel is how people write a key.
func keyLabel(name string) string {
	if len([]rune(name)) == 1 {
		return name
	}
	names := strings.NewReplacer("ctrl", "Ctrl", "alt", "Alt", "shift", "Shift", "enter", "Enter", "esc", "Esc", "up", "Up", "down", "Down",
		"tab", "Tab", "home", "Home", "end", "End", "backspace", "Backspace", "delete", "Del", "left", "Left", "right", "Right",
		"pgup", "PgUp", "pgdown", "PgDn", "f1", "F1", "f7", "F7", "f8", "F8")
	parts := strings.Split(name, "+")
	for i, p := range parts {
		if p = names.Replace(p); len(p) == 1 {
			p = strings.ToUpper(p)
		}
		parts[i] = p
	}
	return strings.Join(parts, "+")
}

// keyLabels are those of a binding, the shortest way to say them.
func keyLabels(keys []string) string {
	if len(keys) == 9 {
		return "Alt+1..9"
	}
	var out []string
	for _, k := range keys {
		if label := keyLabel(k); !slices.Contains(out, label) && label != "Shift+G" {
			out = append(out, label)
		}
	}
	return strings.Join(out, ", ")
}
