// Package layout says where each part of the screen stands.
//
// It is one pure function of the size and of what is shown: the rectangles
// never overlap, never leave the screen, and with the rules between them cover
// all of it. It draws nothing.
package layout

// Rect is a place on the screen, in cells from the top left corner.
type Rect struct{ X, Y, W, H int }

// Empty reports whether nothing fits in.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// The smallest screen that is drawn, and the widths from which parts show.
const (
	MinWidth     = 40
	MinHeight    = 12
	SideFrom     = 72
	WideFrom     = 110 // a wider side bar, and the members
	sideWidth    = 20
	sideWide     = 26
	membersWidth = 22
)

// Shown is what a person wants to see, and what there is to show.
type Shown struct {
	Side    bool
	Members bool
	Bare    bool // messages alone, to copy from
	Box     int  // rows of the compose box
	Note    bool // a line above the box: what is answered or edited
}

// Layout is the place of each part; a part that is not shown is Empty. Left and
// right of Main stand rules of one column where Side and Members are shown.
type Layout struct {
	TooSmall bool
	Title    Rect
	Side     Rect
	Main     Rect // everything between Side and Members
	Timeline Rect
	Rule     Rect // between Timeline and the rest of Main
	Note     Rect
	Box      Rect
	Members  Rect
	Status   Rect
}

// Of lays a screen out.
func Of(width, height int, s Shown) Layout {
	if width < MinWidth || height < MinHeight {
		return Layout{TooSmall: true}
	}
	if s.Bare {
		s.Side, s.Members = false, false
	}
	l := Layout{Title: Rect{0, 0, width, 1}, Status: Rect{0, height - 1, width, 1}, Main: Rect{0, 1, width, height - 2}}
	l.sides(width, s)
	l.stack(s)
	return l
}

// sides takes the side bar and the members from the main part.
func (l *Layout) sides(width int, s Shown) {
	if s.Side && width >= SideFrom {
		w := sideWidth
		if width >= WideFrom {
			w = sideWide
		}
		l.Side = Rect{0, l.Main.Y, w, l.Main.H}
		l.Main.X, l.Main.W = w+1, l.Main.W-w-1
	}
	if s.Members && width >= WideFrom {
		l.Members = Rect{width - membersWidth, l.Main.Y, membersWidth, l.Main.H}
		l.Main.W -= membersWidth + 1
	}
}

// stack puts the timeline above the box; the box never takes more than a third.
func (l *Layout) stack(s Shown) {
	m := l.Main
	box := min(max(s.Box, 1), max(m.H/3, 1))
	bottom := m.Y + m.H
	l.Box = Rect{m.X, bottom - box, m.W, box}
	top := l.Box.Y
	if s.Note {
		top--
		l.Note = Rect{m.X, top, m.W, 1}
	}
	top--
	l.Rule = Rect{m.X, top, m.W, 1}
	l.Timeline = Rect{m.X, m.Y, m.W, top - m.Y}
}
