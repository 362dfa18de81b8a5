package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/theme"
)

// maxSkew is how far the clocks may differ before it is said: some time before
// requests are refused.
const maxSkew = bus.ClockSkew * 2 / 3

// joined puts parts into a row, as many as fit whole: a hint that is cut in its
// middle helps nobody.
func (m *Model) joined(parts []string, between string, width int) string {
	s := ""
	for _, p := range parts {
		next := p
		if s != "" {
			next = s + between + p
		}
		if m.cells.Width(next) > width {
			break
		}
		s = next
	}
	return s
}

// bar is a row with something at both ends; the left end gives way.
func (m *Model) bar(left, right string, width int) string {
	right += " "
	return m.cells.Fit(" "+left, width-m.cells.Width(right)) + right
}

// titleBar says which room this is and how safe it is.
func (m *Model) titleBar(width int) string {
	left := "unibus"
	if m.current != nil {
		left = m.cells.Cut(string(m.current.title()), max(width/2, 12))
	}
	right := "F1 help"
	room := width - 6 - m.cells.Width(left) - len(right)
	if facts := m.joined(m.roomFacts(), " . ", room); facts != "" {
		left += "  " + facts
	}
	return m.titleStyle().On(m.bar(left, right, width))
}

func (m *Model) titleStyle() theme.Style {
	if m.current != nil && (m.current.Changed > 0 || m.current.Rejected > 0 || m.current.Clear) {
		return m.theme.Bad
	}
	return m.theme.Bar
}

// roomFacts are what the title says of a room, the gravest first.
func (m *Model) roomFacts() (parts []string) {
	if weak := m.weak(); weak != "" {
		parts = append(parts, "! posture: "+weak)
	}
	r := m.current
	if r == nil {
		return parts
	}
	if r.dead {
		return append(parts, "! gone")
	}
	if r.Gone != "" {
		parts = append(parts, "! not a member")
	}
	if r.Changed > 0 {
		parts = append(parts, "! key changed")
	}
	if r.Rejected > 0 {
		parts = append(parts, fmt.Sprintf("! %d rejected", r.Rejected))
	}
	if r.Clear {
		parts = append(parts, "! NOT ENCRYPTED")
	} else {
		parts = append(parts, "encrypted", "key "+strconv.FormatUint(uint64(r.Epoch), 10)+m.age(r))
	}
	parts = append(parts, plural(r.Members, "member"))
	if r.Unverified > 0 {
		parts = append(parts, fmt.Sprintf("%d unverified", r.Unverified))
	}
	return parts
}

// age is how old a room's key is, where there is place for it.
func (m *Model) age(r *room) string {
	if r.EpochSince.IsZero() || !m.wide() {
		return ""
	}
	old := m.o.Now().Sub(r.EpochSince)
	if old < time.Minute {
		return ", new" // seconds would have to count
	}
	return ", " + ago(old) + " old"
}

// weak says in words what the node does not do; "" where it does all.
func (m *Model) weak() string {
	if m.posture == nil {
		return ""
	}
	var missing []string
	for _, p := range []struct {
		on   bool
		what string
	}{{m.posture.Enforce, "signatures"}, {m.posture.ACL, "access rules"}, {m.posture.TLS, "TLS"}} {
		if !p.on {
			missing = append(missing, "no "+p.what)
		}
	}
	return strings.Join(missing, ", ")
}

// statusBar says how the connection is, what just happened, and which keys
// help.
func (m *Model) statusBar(width int) string {
	left := m.connWords() + m.elsewhere()
	style := m.connStyle()
	switch {
	case m.toast.words != "" && len(m.toastLines(width)) == 1:
		left, style = m.toastLines(width)[0], m.toastStyle()
	case len(m.offered) > 1:
		left = left[:1] + " " + strings.Join(m.offered, "  ")
	}
	left = m.cells.Cut(left, width-2)
	right := m.joined(m.hints(), "  ", width-3-m.cells.Width(left))
	return style.On(m.bar(left, right, width))
}

func (m *Model) connStyle() theme.Style {
	if m.conn.State == Revoked || m.conn.State == Ended || m.skewed() {
		return m.theme.Bad
	}
	return m.theme.Bar
}

func (m *Model) skewed() bool { return max(m.conn.Skew, -m.conn.Skew) > maxSkew }

func (m *Model) skewWords(what string) string {
	return fmt.Sprintf("clock differs by %s: the node %s you; set the clock", ago(max(m.conn.Skew, -m.conn.Skew)), what)
}

// connWords is the state of the connection, its mark first.
func (m *Model) connWords() string {
	c := m.conn
	node := m.node()
	switch c.State {
	case Online:
		if m.skewed() {
			return "* " + m.skewWords("will refuse")
		}
		s := "* online" + node
		if c.RTT > 0 && m.wide() {
			s += fmt.Sprintf(", %d ms", max(c.RTT.Milliseconds(), 1))
		}
		return s + m.queuedWords()
	case Reconnecting:
		if m.skewed() {
			return "~ " + m.skewWords("refuses")
		}
		s := fmt.Sprintf("~ reconnecting, attempt %d", c.Attempt)
		if left := c.Next.Sub(m.o.Now()); left > 0 {
			s += fmt.Sprintf(", next in %d s", int(left.Seconds()+0.999))
		}
		return s + m.queuedWords()
	case Revoked:
		return "X " + string(m.revokedWords()) + "; read-only"
	case Ended:
		if c.Err != nil {
			return "X " + string(errorLine(c.Err))
		}
		return "X the session is over; restart to go on"
	}
	s := "o connecting" + node
	if !c.Since.IsZero() {
		s += fmt.Sprintf(" (%s)", ago(max(m.o.Now().Sub(c.Since), 0)))
	}
	return s + m.queuedWords()
}

func (m *Model) queuedWords() string {
	n := 0
	for _, r := range m.order {
		n += r.queued()
	}
	if n == 0 || m.conn.State == Online {
		return ""
	}
	return fmt.Sprintf(", %d queued", n)
}

// elsewhere says what is unread where the side bar does not.
func (m *Model) elsewhere() string {
	n := 0
	for _, r := range m.order {
		if r != m.current && r.weight() > 0 {
			n++
		}
	}
	if n == 0 || m.conn.State != Online || m.skewed() || !m.layout().Side.Empty() {
		return ""
	}
	return fmt.Sprintf(", %d unread: Alt+A", n)
}

// hints are the keys that help now, the most useful first.
func (m *Model) hints() []string {
	switch {
	case m.panel() != nil:
		return []string{"Esc close"}
	case m.selecting():
		return []string{"Esc back", "Enter open"}
	case m.current != nil && m.current.Invited:
		return []string{"Enter open", "/leave declines"}
	case m.current == nil || !m.writable():
		return []string{"^K jump", "F1 help"}
	case m.box.Empty():
		return []string{"Enter send", m.newlineKey + " line", "^K jump", "Alt+A unread", "F8 members"}
	}
	return []string{"Enter send", m.newlineKey + " line", "^K jump", "Tab complete"}
}

// node is the name of the node one is or wants to be connected to.
func (m *Model) node() string {
	if m.conn.Node == "" {
		return ""
	}
	name := m.cells.Cut(string(text.Line(m.conn.Node)), 30)
	if m.conn.State == Online {
		return " " + name
	}
	return " to " + name
}

// count writes a number with a blank between thousands.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// toastLines are the notice of the moment with its mark, in lines that fit.
func (m *Model) toastLines(width int) []string {
	if m.toast.words == "" {
		return nil
	}
	mark := m.connWords()[:1] + " "
	if m.toast.grave {
		mark = "! "
	}
	return m.cells.Wrap(mark+string(m.toast.words), width-2)
}

func (m *Model) toastStyle() theme.Style {
	if m.toast.grave {
		return m.theme.Bad
	}
	return m.theme.Bar
}

// overToast puts a notice that is too long for the status line over the lowest
// of some rows.
func (m *Model) overToast(rows []string, width int) {
	if len(m.toastLines(m.width)) < 2 {
		return
	}
	lines := m.toastLines(width)
	lines = lines[:min(len(lines), len(rows)/2)]
	for i, line := range lines {
		rows[len(rows)-len(lines)+i] = m.toastStyle().On(m.cells.Fit(" "+line, width))
	}
}
