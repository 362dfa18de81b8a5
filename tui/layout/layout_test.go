package layout

import "testing"

func TestOf(t *testing.T) {
	t.Parallel()
	all := Shown{Side: true, Members: true, Box: 1}
	tests := []struct {
		name          string
		w, h          int
		shown         Shown
		side, members int
		timeline, box Rect
	}{
		{"usual", 80, 24, all, 20, 0, Rect{21, 1, 59, 20}, Rect{21, 22, 59, 1}},
		{"wide", 120, 40, all, 26, 22, Rect{27, 1, 70, 36}, Rect{27, 38, 70, 1}},
		{"no members wanted", 120, 40, Shown{Side: true, Box: 1}, 26, 0, Rect{27, 1, 93, 36}, Rect{27, 38, 93, 1}},
		{"narrow", 71, 24, all, 0, 0, Rect{0, 1, 71, 20}, Rect{0, 22, 71, 1}},
		{"smallest", 40, 12, all, 0, 0, Rect{0, 1, 40, 8}, Rect{0, 10, 40, 1}},
		{"bare", 120, 40, Shown{Side: true, Members: true, Bare: true, Box: 1}, 0, 0, Rect{0, 1, 120, 36}, Rect{0, 38, 120, 1}},
		{"a long draft", 80, 24, Shown{Side: true, Box: 50}, 20, 0, Rect{21, 1, 59, 14}, Rect{21, 16, 59, 7}},
		{"an answer", 80, 24, Shown{Side: true, Box: 2, Note: true}, 20, 0, Rect{21, 1, 59, 18}, Rect{21, 21, 59, 2}},
	}
	for _, tt := range tests {
		l := Of(tt.w, tt.h, tt.shown)
		if l.Side.W != tt.side || l.Members.W != tt.members || l.Timeline != tt.timeline || l.Box != tt.box {
			t.Errorf("%s: got side %d, members %d, timeline %v, box %v", tt.name, l.Side.W, l.Members.W, l.Timeline, l.Box)
		}
	}
	for _, small := range []Rect{{W: 39, H: 24}, {W: 80, H: 11}, {}} {
		if !Of(small.W, small.H, all).TooSmall {
			t.Errorf("%dx%d is too small", small.W, small.H)
		}
	}
}

// On every size the parts cover the screen once: nothing twice, nothing beyond.
func TestCovers(t *testing.T) {
	t.Parallel()
	for w := MinWidth; w <= 200; w += 3 {
		for h := MinHeight; h <= 60; h += 2 {
			for _, s := range []Shown{{}, {Side: true, Members: true, Box: 3, Note: true}, {Side: true, Box: 99}, {Members: true, Bare: true}} {
				l := Of(w, h, s)
				cells := 0
				for _, r := range []Rect{l.Title, l.Status, l.Side, l.Members, l.Timeline, l.Rule, l.Note, l.Box} {
					if r.X < 0 || r.Y < 0 || r.X+r.W > w || r.Y+r.H > h || r.W < 0 || r.H < 0 {
						t.Fatalf("%dx%d %+v: %+v leaves the screen", w, h, s, r)
					}
					cells += r.W * r.H
				}
				for _, r := range []Rect{l.Side, l.Members} {
					if !r.Empty() {
						cells += r.H // the rule beside it
					}
				}
				if cells != w*h || l.Timeline.Empty() || l.Box.Empty() {
					t.Fatalf("%dx%d %+v: covers %d cells of %d", w, h, s, cells, w*h)
				}
			}
		}
	}
}
