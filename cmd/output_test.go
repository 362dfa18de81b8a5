package cmd

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"unibus/internal/config"
	"unibus/internal/text"
)

type fruit struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

func fruitColumns() []column[fruit] {
	return []column[fruit]{
		{"name", func(f fruit) text.Safe { return text.Line(f.Name) }},
		{"count", func(f fruit) text.Safe { return text.Safe(strconv.Itoa(f.Count)) }},
	}
}

func TestPrintList(t *testing.T) {
	t.Parallel()
	items := []fruit{{"fig", 3}, {"漢字\x1b[31m", 12}, {"a\tb\nc", 1}}
	want := map[config.Format]string{
		config.Text:   "NAME   COUNT\nfig    3\n漢字   12\na b c  1\n",
		config.JSON:   `{"schema":1,"items":[{"name":"fig","count":3},{"name":"漢字\u001b[31m","count":12},{"name":"a\tb\nc","count":1}]}` + "\n",
		config.NDJSON: `{"type":"fruit","name":"fig","count":3}` + "\n" + `{"type":"fruit","name":"漢字\u001b[31m","count":12}` + "\n" + `{"type":"fruit","name":"a\tb\nc","count":1}` + "\n",
		config.TSV:    "name\tcount\nfig\t3\n漢字\t12\na b c\t1\n",
		config.Name:   "fig\n漢字\na b c\n",
	}
	for format, want := range want {
		f := newFakeEnv("").printing(format)
		if err := printList(f.Env, "fruit", items, fruitColumns()...); err != nil {
			t.Fatal(err)
		}
		if got := f.stdout.String(); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", format, got, want)
		}
	}
}

func TestPrintEmptyList(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.Format]string{
		config.Text: "", config.JSON: `{"schema":1,"items":[]}` + "\n", config.NDJSON: "", config.TSV: "name\tcount\n", config.Name: "",
	} {
		f := newFakeEnv("").printing(format)
		if err := printList(f.Env, "fruit", nil, fruitColumns()...); err != nil {
			t.Fatal(err)
		}
		if got := f.stdout.String(); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

func TestPrintOne(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.Format]string{
		config.Text: "name   fig\ncount  3\n", config.JSON: `{"schema":1,"name":"fig","count":3}` + "\n",
		config.NDJSON: `{"type":"fruit","name":"fig","count":3}` + "\n", config.TSV: "name\tcount\nfig\t3\n", config.Name: "fig\n",
	} {
		f := newFakeEnv("").printing(format)
		if err := printOne(f.Env, "fruit", fruit{"fig", 3}, fruitColumns()...); err != nil {
			t.Fatal(err)
		}
		if got := f.stdout.String(); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

func TestPrintChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		format         config.Format
		quiet          bool
		stdout, stderr string
	}{
		{config.Text, false, "id1\n", "made it\n"},
		{config.Text, true, "id1\n", ""},
		{config.Name, false, "id1\n", "made it\n"},
		{config.TSV, false, "id1\n", "made it\n"},
		{config.JSON, false, `{"schema":1,"name":"fig","count":3}` + "\n", ""},
		{config.NDJSON, false, `{"type":"fruit","name":"fig","count":3}` + "\n", ""},
	}
	for _, tt := range tests {
		f := newFakeEnv("").printing(tt.format)
		f.Quiet = tt.quiet
		if err := printChange(f.Env, "fruit", "id1", fruit{"fig", 3}, "made it"); err != nil {
			t.Fatal(err)
		}
		if f.stdout.String() != tt.stdout || f.stderr.String() != tt.stderr {
			t.Errorf("%s: got %q %q, want %q %q", tt.format, f.stdout.String(), f.stderr.String(), tt.stdout, tt.stderr)
		}
	}
}

func TestPrintEvent(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.Format]string{
		config.Text: "alice  a\nb\n", config.Name: "913\n", config.TSV: "message\t913\talice\ta b\n",
		config.JSON: `{"type":"message","name":"fig","count":3}` + "\n", config.NDJSON: `{"type":"message","name":"fig","count":3}` + "\n",
	} {
		f := newFakeEnv("").printing(format)
		if err := printEvent(f.Env, "message", fruit{"fig", 3}, "913", "alice  a\nb", "alice", "a\nb"); err != nil {
			t.Fatal(err)
		}
		if got := f.stdout.String(); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// Every printer must notice that its output is lost, and tell a reader that
// has gone from a disk that is full.
func TestLostOutput(t *testing.T) {
	t.Parallel()
	for _, format := range config.Formats() {
		for _, cause := range []error{syscall.EPIPE, syscall.ENOSPC} {
			f := newFakeEnv("").printing(format)
			f.Stdout = dataWriter{broken{cause}}
			for name, err := range map[string]error{
				"list":   printList(f.Env, "fruit", []fruit{{"fig", 3}}, fruitColumns()...),
				"one":    printOne(f.Env, "fruit", fruit{"fig", 3}, fruitColumns()...),
				"change": printChange(f.Env, "fruit", "id", fruit{"fig", 3}, "made"),
				"event":  printEvent(f.Env, "fruit", fruit{"fig", 3}, "id", "made"),
			} {
				gone := errors.Is(err, errReaderGone)
				if err == nil || gone != (cause == syscall.EPIPE) || !gone && !errors.Is(err, cause) {
					t.Errorf("%s in %s, write fails with %v: got %v", name, format, cause, err)
				}
			}
		}
	}
}

func TestWriteJSONWantsAnObject(t *testing.T) {
	t.Parallel()
	for _, item := range []any{nil, 1, "x", []int{1}} {
		var b strings.Builder
		if err := writeJSON(&b, "x", item); err == nil {
			t.Errorf("%v: got %q, want an error", item, b.String())
		}
	}
	var b strings.Builder
	if err := writeJSON(&b, "x", struct{}{}); err != nil || b.String() != "{\"type\":\"x\"}\n" {
		t.Errorf("empty object: got %q %v", b.String(), err)
	}
}

// JSON keeps every byte that a stranger wrote and none of their power over the
// terminal.
func FuzzJSONIsSafeAndTrue(f *testing.F) {
	for _, s := range []string{"", "a\x1b[31mb", "\u009b31m", "\u202eevil", "\U000e0041", "\u2028", "é漢😀", "\x00\x7f", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		var b strings.Builder
		if err := writeJSON(&b, "x", fruit{Name: s}); err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.TrimSuffix(b.String(), "\n") {
			if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
				t.Errorf("%q holds %U", b.String(), r)
			}
		}
		var back fruit
		if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back.Name != s {
			t.Errorf("got %q back (%v), want %q", back.Name, err, s)
		}
	})
}
