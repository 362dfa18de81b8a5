package tui

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"unibus/internal/bus"
)

// driver is a person at a screen without a terminal.
type driver struct {
	t     testing.TB
	m     *Model
	f     *fake
	now   time.Time
	later []tea.Msg // what comes when time goes on
	raw   []string  // what went to the terminal besides the screen
	quit  bool
}

func drive(t testing.TB, f *fake, width, height int, change ...func(*Options)) *driver {
	d := &driver{t: t, f: f, now: noon}
	o := Options{Session: f, Now: func() time.Time { return d.now }, Zone: time.UTC, Theme: "mono", Home: "/home/bob", ReadDir: homeFolder}
	for _, c := range change {
		c(&o)
	}
	d.m = New(context.Background(), o)
	d.m.later = func(_ time.Duration, msg tea.Msg) tea.Cmd {
		d.later = append(d.later, msg)
		return nil
	}
	d.m.exec = func(c tea.ExecCommand, done tea.ExecCallback) tea.Cmd {
		return func() tea.Msg { return done(c.Run()) }
	}
	d.do(d.m.Init())
	d.msg(tea.WindowSizeMsg{Width: width, Height: height})
	return d
}

// do runs a command, and what follows from it.
func (d *driver) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.QuitMsg:
		d.quit = true
	case tea.RawMsg:
		d.raw = append(d.raw, msg.Msg.(string))
	default:
		if v := reflect.ValueOf(msg); v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
			for i := range v.Len() {
				d.do(v.Index(i).Interface().(tea.Cmd))
			}
			return
		}
		d.msg(msg)
	}
}

func (d *driver) msg(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.do(cmd)
}

// wait lets time pass.
func (d *driver) wait(span time.Duration) {
	d.now = d.now.Add(span)
	later := d.later
	d.later = nil
	for _, msg := range later {
		d.msg(msg)
	}
}

func (d *driver) tell(events ...Event) *driver {
	d.msg(batchMsg{events: events})
	return d
}

// keyOf reads the notation of the key map.
func keyOf(name string) tea.KeyPressMsg {
	k := tea.Key{}
	rest := name
	for mod, prefix := range map[tea.KeyMod]string{tea.ModCtrl: "ctrl+", tea.ModAlt: "alt+", tea.ModShift: "shift+"} {
		if strings.Contains(rest, prefix) && len(rest) > len(prefix) {
			rest = strings.Replace(rest, prefix, "", 1)
			k.Mod |= mod
		}
	}
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"tab": tea.KeyTab, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "pgup": tea.KeyPgUp,
		"pgdown": tea.KeyPgDown, "f1": tea.KeyF1, "f7": tea.KeyF7, "f8": tea.KeyF8, "space": ' '}
	if code, ok := special[rest]; ok {
		k.Code = code
	} else {
		k.Code = []rune(rest)[0]
		if k.Mod == 0 {
			k.Text = rest
		}
	}
	if rest == "space" {
		k.Text = " "
	}
	return tea.KeyPressMsg(k)
}

func (d *driver) press(names ...string) *driver {
	for _, name := range names {
		d.msg(keyOf(name))
	}
	return d
}

func (d *driver) typed(words string) *driver {
	for _, r := range words {
		d.msg(tea.KeyPressMsg(tea.Key{Code: r, Text: string(r)}))
	}
	return d
}

// answers reads the question on the screen, and answers it.
func (d *driver) answers(word string) *driver {
	d.wait(readTime)
	d.wait(readTime) // something may have been typed before
	return d.typed(word).press("enter")
}

// frame is what a person sees, without styles.
func (d *driver) frame() string {
	rows, _ := d.m.frame()
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = strings.TrimRight(ansi.Strip(row), " ")
	}
	return strings.Join(out, "\n") + "\n"
}

func (d *driver) wants(words ...string) *driver {
	d.t.Helper()
	for _, w := range words {
		if !strings.Contains(d.frame(), w) {
			d.t.Errorf("the screen does not say %q:\n%s", w, d.frame())
		}
	}
	return d
}

func (d *driver) lacks(words ...string) *driver {
	d.t.Helper()
	for _, w := range words {
		if strings.Contains(d.frame(), w) {
			d.t.Errorf("the screen says %q:\n%s", w, d.frame())
		}
	}
	return d
}

// called checks that the session was asked for something, and forgets it.
func (d *driver) called(call string) *driver {
	d.t.Helper()
	i := slices.Index(d.f.calls, call)
	if i < 0 {
		d.t.Errorf("not called: %q; but %q", call, d.f.calls)
		return d
	}
	d.f.calls = slices.Delete(d.f.calls, i, i+1)
	return d
}

func (d *driver) uncalled(prefix string) *driver {
	d.t.Helper()
	for _, c := range d.f.calls {
		if strings.HasPrefix(c, prefix) {
			d.t.Errorf("called: %q", c)
		}
	}
	return d
}

// online is a screen that is connected.
func online(t testing.TB, width, height int) *driver {
	d := drive(t, staged(), width, height)
	d.tell(Event{Conn: &Conn{State: Online, Node: "node-2", RTT: 12 * time.Millisecond}}, Event{Posture: &bus.Posture{Enforce: true, ACL: true, TLS: true}})
	return d
}

func blurred() tea.Msg        { return tea.BlurMsg{} }
func pasted(s string) tea.Msg { return tea.PasteMsg{Content: s} }

func modeReport() tea.Msg {
	return tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: ansi.ModeReset}
}
