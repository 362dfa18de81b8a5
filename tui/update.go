package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"unibus/internal/text"
	"unibus/tui/cells"
)

// tickMsg comes once a second while something on the screen counts.
type tickMsg struct{}

// tick counts seconds while something on the screen does.
func (m *Model) tick() tea.Cmd {
	if m.ticking || !m.counting() {
		return nil
	}
	m.ticking = true
	return m.later(time.Second, tickMsg{})
}

// counting reports whether something on the screen changes with time.
func (m *Model) counting() bool {
	return m.conn.State == Connecting || m.conn.State == Reconnecting || m.toast.words != ""
}

// Update takes whatever happened. It does no I/O: what takes time is in the
// command that it returns.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	return m, tea.Batch(m.handle(msg), m.after(), m.ready(), m.nextInOrder(), m.tick())
}

func (m *Model) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case then:
		return msg(m)
	case batchMsg:
		return m.batch(msg)
	case tea.KeyPressMsg:
		if !m.heldBack(msg) {
			return m.key(msg)
		}
	case tea.PasteMsg:
		if !m.heldBack(msg) {
			return m.paste(msg.Content)
		}
	case tickMsg:
		m.second()
	case tea.MouseClickMsg:
		return m.click(msg)
	case tea.MouseWheelMsg:
		return m.wheel(msg)
	}
	m.terminal(msg)
	return nil
}

// terminal takes what the terminal says of itself.
func (m *Model) terminal(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		for _, p := range m.panels {
			if p.resized != nil {
				p.resized(m)
			}
		}
	case tea.FocusMsg:
		m.focused = true
	case tea.BlurMsg:
		m.focused = false
	case tea.BackgroundColorMsg:
		m.background(msg.IsDark())
	case tea.KeyboardEnhancementsMsg:
		if msg.SupportsKeyDisambiguation() {
			m.newlineKey = "Shift+Enter"
		}
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value == ansi.ModeSet || msg.Value == ansi.ModeReset || msg.Value == ansi.ModePermanentlySet) {
			m.cells = cells.Graphemes
			m.relook()
		}
	}
}

// background chooses a theme where the person did not.
func (m *Model) background(dark bool) {
	switch {
	case m.o.Theme != "":
	case dark:
		m.setTheme("dark")
	default:
		m.setTheme("light")
	}
}

func (m *Model) second() {
	m.ticking = false
	if m.toast.words != "" && !m.o.Now().Before(m.toast.until) {
		m.unsay()
		m.quitting = false
	}
}

// key finds out where a key goes: to a panel, to the selected message, or to
// the box.
func (m *Model) key(k tea.KeyPressMsg) tea.Cmd {
	if typed, split := m.afterEsc(k); split {
		return tea.Batch(m.key(tea.KeyPressMsg{Code: tea.KeyEscape}), m.key(typed))
	}
	name := keyName(k)
	m.offered, m.focused = nil, true // who presses keys is there, whatever the terminal says
	if name != "ctrl+c" && m.quitting {
		m.quitting = false
		m.unsay()
	}
	if p := m.panel(); p != nil {
		return m.panelKey(p, name, k)
	}
	if do := m.keys[everywhere][name]; do != nil {
		m.numbered = name
		return do(m)
	}
	if m.selecting() {
		if do := m.keys[selected][name]; do != nil {
			return do(m)
		}
		return nil
	}
	if do := m.keys[writing][name]; do != nil {
		return do(m)
	}
	return m.typed(k)
}

// typed puts what a key types into the box.
func (m *Model) typed(k tea.KeyPressMsg) tea.Cmd {
	if k.Text == "" || k.Mod&(tea.ModCtrl|tea.ModAlt) != 0 {
		return nil
	}
	return m.insert(k.Text)
}

const tooLong = text.Safe("too long for a message: save it as a file, and /attach FILE")

func (m *Model) insert(s string) tea.Cmd {
	if !m.box.Insert(s) {
		return m.say(tooLong)
	}
	return nil
}

// paste puts what was pasted where one types, without the line break at its end.
// It is never sent by its line breaks.
func (m *Model) paste(s string) tea.Cmd {
	m.focused = true
	s = strings.TrimRight(s, "\r\n")
	if p := m.panel(); p != nil {
		return m.panelType(p, s)
	}
	m.endSelection()
	cmd := m.insert(s)
	if n := m.box.Lines(); cmd == nil && n > 10 {
		m.say(text.Safe(plural(n, "line")) + " in the box: Enter sends them as one message, Ctrl+C clears")
		m.while(func(m *Model) bool { return m.box.Lines() == n })
	}
	return cmd
}

// after does what follows from whatever changed: loads what is nearly on the
// screen, marks what was seen, keeps the size, takes away what is not true any more.
func (m *Model) after() tea.Cmd {
	if m.toast.holds != nil && !m.toast.holds(m) {
		m.unsay()
	}
	if m.current == nil {
		return nil
	}
	m.setAside()
	m.arrange()
	return tea.Batch(m.load(m.current), m.seen())
}
