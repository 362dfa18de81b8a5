package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf16"

	"unibus/internal/text"
	"unibus/tui/cells"
)

// schema is the version of the JSON that commands print: fields may be added
// to it, none removed.
const schema = 1

// writeJSON writes item, which must marshal to an object, as one line. Its
// first key is "type" with kind, or "schema" where kind is empty.
func writeJSON(w io.Writer, kind string, item any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(item); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	rest, ok := bytes.CutPrefix(body.Bytes(), []byte("{"))
	if !ok {
		return fmt.Errorf("write JSON: %T is no object", item)
	}
	head := fmt.Sprintf("{\"schema\":%d", schema)
	if kind != "" {
		head = fmt.Sprintf("{\"type\":%q", kind)
	}
	if rest[0] != '}' {
		head += ","
	}
	_, err := w.Write(append([]byte(head), escapeUnsafe(rest)...))
	return err
}

// escapeUnsafe writes every character of valid JSON that could act on a
// terminal as \u escapes: the same data, and nothing for the screen to obey.
func escapeUnsafe(valid []byte) []byte {
	var out bytes.Buffer
	marks := 0 // on the character before
	for _, r := range string(valid) {
		marks++
		if !unicode.Is(unicode.M, r) {
			marks = 0
		}
		switch {
		case r == '\n' || marks <= text.MaxMarks && !unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, "\\u%04x\\u%04x", high, low)
		default:
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	return out.Bytes()
}

// writeTSV writes a line of names and one line for each item.
func writeTSV[T any](w io.Writer, items []T, columns []column[T]) {
	for _, row := range rowsOf(items, columns, strings.ToLower) {
		cells := make([]string, 0, len(row))
		for _, c := range row {
			cells = append(cells, oneLine(c))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
}

// writeTable writes aligned columns under their names; nothing for no items.
func writeTable[T any](w io.Writer, items []T, columns []column[T]) error {
	if len(items) == 0 {
		return nil
	}
	return writeRows(w, rowsOf(items, columns, strings.ToUpper))
}

func rowsOf[T any](items []T, columns []column[T], title func(string) string) [][]text.Safe {
	head := make([]text.Safe, 0, len(columns))
	for _, c := range columns {
		head = append(head, text.Safe(title(c.name)))
	}
	rows := [][]text.Safe{head}
	for _, item := range items {
		row := make([]text.Safe, 0, len(columns))
		for _, c := range columns {
			row = append(row, c.cell(item))
		}
		rows = append(rows, row)
	}
	return rows
}

// writeRows pads every cell but the last of a row to the width of its column.
func writeRows(w io.Writer, rows [][]text.Safe) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], cells.Runes.Width(oneLine(c)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			cell := oneLine(c)
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-cells.Runes.Width(cell)+2))
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine is s where newlines and tabs would break a row.
func oneLine(s text.Safe) string { return string(text.Line(string(s))) }

// errReaderGone is a write to a pipe that nobody reads any longer.
var errReaderGone = errors.New("the reader of stdout is gone")

// dataWriter is stdout. Its broken pipe is told from one of the network: the
// first ends a command silently, the second is an error.
type dataWriter struct{ io.Writer }

func (w dataWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return n, errReaderGone
	}
	if err != nil {
		return n, fmt.Errorf("write to stdout: %w", err)
	}
	return n, nil
}

// fileOf is the terminal behind stdout: it is asked for its size.
func fileOf(w io.Writer) io.Writer {
	if d, ok := w.(dataWriter); ok {
		return d.Writer
	}
	return w
}
