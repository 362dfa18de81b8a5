// Package roomlist draws the side bar: rooms, people and invitations, with what
// is unread in each.
//
// It promises that the current room is always in sight, that counts are never
// cut off for a long name, and that what it leaves out for want of rows it
// says. It keeps no state and orders nothing.
package roomlist

import (
	"strconv"

	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

// Kind is the group that an item stands in; groups come in this order.
type Kind uint8

// The groups.
const (
	Room Kind = iota
	Person
	Invite
)

// Item is one line of the side bar.
type Item struct {
	Kind     Kind
	Name     text.Safe // without its sign
	By       text.Safe // who invited
	Current  bool
	Muted    bool
	Gone     bool // one is not in it any more
	Queued   int  // messages that wait to be sent
	Unread   int
	Mentions int
}

// row is a line of the side bar: a heading, or an item by its index.
type row struct {
	heading string
	item    int
}

// rows puts the items under their headings; a group without items has none.
func rows(items []Item) (out []row) {
	headings := []string{"ROOMS", "PEOPLE", "INVITES"}
	for kind, heading := range headings {
		first := true
		for i, item := range items {
			if int(item.Kind) != kind {
				continue
			}
			if first {
				out = append(out, row{heading: heading, item: -1})
				first = false
			}
			out = append(out, row{item: i})
		}
	}
	return out
}

// window chooses the rows that are in sight: those around the current room.
func window(all []row, items []Item, height int) (from, to int) {
	if len(all) <= height {
		return 0, len(all)
	}
	for i, r := range all {
		if r.item >= 0 && items[r.item].Current {
			from = i - height/2
		}
	}
	from = min(max(from, 0), len(all)-height)
	return from, from + height
}

// Render draws the side bar in exactly so many rows of exactly so many cells.
func Render(items []Item, m cells.Method, th theme.Theme, width, height int) []string {
	all := rows(items)
	from, to := window(all, items, height)
	out := make([]string, 0, height)
	for i := from; i < to; i++ {
		switch r := all[i]; {
		case i == from && from > 0:
			out = append(out, th.Dim.On(m.Fit(" ^ "+more(all[:i+1], items), width)))
		case i == to-1 && to < len(all):
			out = append(out, th.Dim.On(m.Fit(" v "+more(all[i:], items), width)))
		case r.item < 0:
			out = append(out, th.Dim.On(m.Fit(r.heading, width)))
		default:
			out = append(out, line(items[r.item], m, th, width))
		}
	}
	for len(out) < height {
		out = append(out, cells.Blank(width))
	}
	return out
}

// At returns the item that a row of the side bar shows.
func At(items []Item, height, y int) (item int, ok bool) {
	all := rows(items)
	from, to := window(all, items, height)
	if y < 0 || from+y >= to || all[from+y].item < 0 {
		return 0, false
	}
	return all[from+y].item, true
}

// more says what is out of sight.
func more(hidden []row, items []Item) string {
	n, unread := 0, 0
	for _, r := range hidden {
		if r.item >= 0 {
			n++
			if items[r.item].Unread > 0 {
				unread++
			}
		}
	}
	s := strconv.Itoa(n) + " more"
	if unread > 0 {
		s += ", " + strconv.Itoa(unread) + " unread"
	}
	return s
}

func line(item Item, m cells.Method, th theme.Theme, width int) string {
	name, counts := label(item), counts(item)
	room := width - 1 - m.Width(counts)
	left := " "
	if item.Current {
		left = ">"
	}
	words := left + m.Fit(name, room) + counts
	if m.Width(words) > width {
		words = m.Fit(words, width)
	}
	return style(item, th).On(words)
}

func style(item Item, th theme.Theme) theme.Style {
	switch {
	case item.Current:
		return th.Accent
	case item.Muted || item.Gone:
		return th.Dim
	case item.Mentions > 0:
		return th.Mention
	case item.Unread > 0:
		return th.Unread
	}
	return theme.Style{}
}

// label is the name with the sign of its group.
func label(item Item) string {
	switch item.Kind {
	case Person:
		return "@" + string(item.Name)
	case Invite:
		s := "+#" + string(item.Name)
		if item.By != "" {
			s += " by " + string(item.By)
		}
		return s
	}
	return "#" + string(item.Name)
}

// counts is what stands at the right end, with a blank before it.
func counts(item Item) (s string) {
	if item.Gone {
		return " (out)"
	}
	if item.Muted {
		s += " (m)"
	}
	if item.Queued > 0 {
		s += " .."
	}
	if item.Mentions > 0 {
		s += " @" + short(item.Mentions)
	}
	if item.Unread > 0 {
		s += " " + short(item.Unread)
	}
	return s
}

// short keeps a count to four cells.
func short(n int) string {
	if n > 9999 {
		return "9k+"
	}
	return strconv.Itoa(n)
}
