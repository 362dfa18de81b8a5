package cmd

import (
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/rogpeppe/go-internal/testscript"
)

var updatePictures = flag.Bool("update", false, "draw the pictures of docs/guide anew")

// scriptPicture compares what a terminal shows with a picture of the guide, times
// and the like left out; with -update it draws the picture.
//
//	picture NAME chat-room.svg
func scriptPicture(guide string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: picture NAME FILE")
		}
		path := filepath.Join(guide, args[1])
		drawn := func() string {
			return pictured(cellsOf(capture(ts, args[0], "-e", "-N"))).svg()
		}
		if *updatePictures {
			ts.Check(os.WriteFile(path, []byte(drawn()), 0o644))
			return
		}
		want, err := os.ReadFile(path)
		ts.Check(err)
		await(ts, args[0], "was as in "+args[1]+" (go test ./cmd -run TestChatPictures -update draws it anew)",
			func() bool { return drawn() == string(want) })
	}
}

// look is how a cell is drawn.
type look struct {
	fore, back           int // of the 16 colours; -1: the terminal's own
	bold, faint, reverse bool
}

// cell is one cell of a screen. The second one of a wide character is empty.
type cell struct {
	text string
	look look
}

type picture [][]cell

// cellsOf reads what tmux captured with its styles.
func cellsOf(captured string) (rows picture) {
	now := look{fore: -1, back: -1}
	for line := range strings.Lines(captured) {
		var row []cell
		for rest, state := strings.TrimSuffix(line, "\n"), byte(0); rest != ""; {
			seq, width, n, next := ansi.DecodeSequenceWc(rest, state, nil)
			rest, state = rest[n:], next
			switch {
			case strings.HasPrefix(seq, "\x1b["):
				now.take(seq)
			case width > 0:
				row = append(row, cell{seq, now})
				for range width - 1 {
					row = append(row, cell{"", now})
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// take changes a look by a sequence of tmux.
func (l *look) take(seq string) {
	for _, code := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(seq, "\x1b["), "m"), ";") {
		n, _ := strconv.Atoi(code) // none is 0
		switch {
		case n == 0:
			*l = look{fore: -1, back: -1}
		case n == 1:
			l.bold = true
		case n == 2:
			l.faint = true
		case n == 7:
			l.reverse = true
		case n >= 30 && n <= 37:
			l.fore = n - 30
		case n >= 90 && n <= 97:
			l.fore = n - 90 + 8
		case n == 39:
			l.fore = -1
		case n >= 40 && n <= 47:
			l.back = n - 40
		case n == 49:
			l.back = -1
		}
	}
}

// moments are what differs each time, and what stands in its place. What it is
// longer or shorter, the blanks or dashes after it make up for.
var moments = []struct {
	what *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`\b\d\d:\d\d\b`), "14:03"},
	{regexp.MustCompile(`-- [A-Z][a-z]{2} \d+ [A-Z][a-z]{2} \d{4} `), "-- Sat 21 Nov 2026 "},
	{regexp.MustCompile(`, (new|\d+ \w+ old) `), ", new "},
	{regexp.MustCompile(`, \d+ ms`), ", 3 ms"},
	{regexp.MustCompile(`attempt \d+(, next in \d+ s)?`), "attempt 4, next in 2 s"},
}

// pictured is a screen as it is drawn: without what differs each time.
func pictured(rows picture) picture {
	for y, row := range rows {
		for _, m := range moments {
			rows[y] = replaced(row, m.what, m.put)
			row = rows[y]
		}
	}
	return rows
}

// replaced puts words into a row, which keeps its width and the looks of its cells.
func replaced(row []cell, what *regexp.Regexp, put string) []cell {
	plain := make([]rune, len(row))
	for x, c := range row {
		plain[x] = []rune(c.text + "\x00")[0]
	}
	words := what.ReplaceAllString(string(plain), put)
	if words == string(plain) {
		return row
	}
	fill := regexp.MustCompile(`(  |--)[ -]*`) // the first stretch after what was put
	if at := strings.Index(words, put) + len(put); at >= len(put) {
		more := len(plain) - len([]rune(words))
		words = words[:at] + stretched(fill, words[at:], more)
	}
	out := make([]cell, len(row))
	for x, r := range []rune(words) {
		if x < len(row) {
			out[x] = cell{strings.Trim(string(r), "\x00"), row[x].look}
		}
	}
	return out
}

// stretched makes the first stretch of blanks or dashes longer or shorter.
func stretched(fill *regexp.Regexp, s string, more int) string {
	at := fill.FindStringIndex(s)
	if at == nil || more == 0 {
		return s
	}
	if more < 0 {
		return s[:at[0]] + s[min(at[0]-more, at[1]):]
	}
	return s[:at[0]] + strings.Repeat(s[at[0]:at[0]+1], more) + s[at[0]:]
}

// How large a cell is, and the colours of a dark terminal.
const (
	cellWidth, cellHeight = 8.43, 18 // what 14 px of most fonts are wide
	paper, ink            = "#16181d", "#d6d8de"
)

var colours = [16]string{"#2b2f36", "#e06c75", "#98c379", "#d7ba7d", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
	"#7f848e", "#ff7b86", "#b5e890", "#ffd580", "#82c4ff", "#e29bff", "#7fdbe6", "#ffffff"}

// svg draws the screen: words as text that can be read out and copied.
func (p picture) svg() string {
	width := 0
	for _, row := range p {
		width = max(width, len(row))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="%s">`+"\n",
		float64(width)*cellWidth+16, len(p)*cellHeight+16, ink)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="%s"/>`+"\n", paper)
	for y, row := range p {
		for x := 0; x < len(row); {
			n := alike(row[x:])
			drawRun(&b, row[x:x+n], x, y)
			x += n
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// alike is how many cells look alike from the first on; a wide character stands alone.
func alike(row []cell) int {
	wide := func(i int) bool { return i+1 < len(row) && row[i+1].text == "" }
	if wide(0) {
		return 2
	}
	n := 1
	for n < len(row) && row[n].look == row[0].look && !wide(n) {
		n++
	}
	return n
}

// drawRun draws cells that look alike: what is behind them, and their words, of
// which those with more than a blank between them stand each where they belong.
func drawRun(b *strings.Builder, cells []cell, x, y int) {
	fore, back := cells[0].look.colours()
	top := y*cellHeight + 8
	if back != "" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
			float64(x)*cellWidth+8, top, float64(len(cells))*cellWidth, cellHeight, back)
	}
	var row []rune
	for _, c := range cells {
		row = append(row, []rune(c.text + " ")[0])
	}
	style := cells[0].look.style(fore)
	for _, at := range regexp.MustCompile(`\S+( \S+)*`).FindAllStringIndex(string(row), -1) {
		words := string(row)[at[0]:at[1]]
		before, n := len([]rune(string(row)[:at[0]])), len([]rune(words))
		if len(cells) == 2 && cells[1].text == "" {
			n = 2 // a wide character
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n",
			float64(x+before)*cellWidth+8, top+14, float64(n)*cellWidth, style, html.EscapeString(words))
	}
}

// colours are that of the words and that behind them, "" for the paper.
func (l look) colours() (fore, back string) {
	fore = ink
	if l.fore >= 0 {
		fore = colours[l.fore]
	}
	if l.back >= 0 {
		back = colours[l.back]
	}
	if l.reverse {
		if back == "" {
			back = paper
		}
		fore, back = back, fore
	}
	return fore, back
}

func (l look) style(fore string) (style string) {
	if fore != ink {
		style += fmt.Sprintf(` fill="%s"`, fore)
	}
	if l.bold {
		style += ` font-weight="bold"`
	}
	if l.faint {
		style += ` opacity="0.6"`
	}
	return style
}
