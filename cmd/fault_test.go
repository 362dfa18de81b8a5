package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/config"
)

func faultsTold(as string) (codes []string) {
	for _, f := range faults() {
		if f.Told == as {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// messageFaults are the constants of bus for what is wrong with a frame.
func messageFaults(t *testing.T) (codes []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "internal", "bus", "event.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "FrameFault" {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
		return true
	})
	if len(codes) < 10 {
		t.Fatalf("found only %q: this is not the file", codes)
	}
	return codes
}

// integrityCodes are those of every error of integrity that a client can make of
// what a node says, or finds in a file.
func integrityCodes(t *testing.T) (codes []string) {
	t.Helper()
	code := regexp.MustCompile(`bus\.Errorf\(bus\.Integrity, "([a-z_]+)"`)
	for _, dir := range []string{".", "../internal/client", "../internal/chain", "../internal/seal", "../internal/blob", "../internal/wire",
		"../internal/identity", "../internal/profile"} {
		err := filepath.WalkDir(filepath.FromSlash(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, m := range code.FindAllSubmatch(raw, -1) {
				codes = append(codes, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(codes) < 20 {
		t.Fatalf("found only %q", codes)
	}
	return codes
}

// Whatever a node may be caught at has words, and stands once.
func TestFaultsAreAllThere(t *testing.T) {
	t.Parallel()
	errors, messages := faultsTold(toldError), faultsTold(toldMessage)
	for _, code := range messageFaults(t) {
		if !slices.Contains(messages, code) {
			t.Errorf("%s, of a message, has no words", code)
		}
	}
	others := []string{
		"not_in_audience", "bad_frame", // of messages alone
		"bad_handed_key", "erased", // told to nobody: what is handed on and does not hold is ignored, and so is what is over
		"identity_bad", "bad_profile", "profile_damaged", "chain_hole", "context_bad", // of files on this device
		"bad_ca", "bad_certificate", "forged_key_line", "not_a_base", // of what a person or this program made
		"not_read", // of smoke
	}
	made := integrityCodes(t)
	for _, code := range made {
		if !slices.Contains(errors, code) && !slices.Contains(others, code) {
			t.Errorf("%s has no words", code)
		}
	}
	for _, code := range slices.Concat(errors, others) {
		if !slices.Contains(made, code) {
			t.Errorf("%s is the code of no error", code)
		}
	}
	for _, list := range [][]string{errors, messages, faultsTold(toldEvent)} {
		slices.Sort(list)
		if n := len(slices.Compact(slices.Clone(list))); n != len(list) || n == 0 {
			t.Errorf("a code stands twice, or there is none: %q", list)
		}
	}
}

// Each message that cannot be shown is one line with its own words, the reading
// goes on, and ends with exit code 8; but for what a person has decided.
func TestFaultsOfMessages(t *testing.T) {
	t.Parallel()
	lines := map[string]string{}
	for _, f := range faults() {
		if f.Told != toldMessage {
			continue
		}
		code, stdout, stderr := readOf(t, bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 12, From: "bob", Reason: bus.FrameFault(f.Code)}})
		if !strings.HasPrefix(stdout, "-- message 12 cannot be shown: "+f.Meaning) || !strings.HasSuffix(stdout, " --\n") {
			t.Errorf("%s: got %q", f.Code, stdout)
		}
		if before, twice := lines[stdout]; twice {
			t.Errorf("%s and %s have the same words", f.Code, before)
		}
		lines[stdout] = f.Code
		want, words := 8, "unibus: read ops: 1 of 1 messages cannot be shown, the last one: "+f.Code+"; check all of it: unibus room verify ops\n"
		if f.Code == "rejected" {
			want, words = 0, ""
		}
		if code != want || stderr != words {
			t.Errorf("%s: got exit code %d, %q; want %d, %q", f.Code, code, stderr, want, words)
		}
	}
}

// readOf is what a reading of these events prints and ends with.
func readOf(t *testing.T, events ...bus.Event) (code int, stdout, stderr string) {
	t.Helper()
	f := newFakeEnv("").printing(config.Text)
	p := newEventPrinter(f.Env, "ops")
	for _, e := range events {
		if err := p.print(e); err != nil {
			t.Fatal(err)
		}
	}
	code = finish(t.Context(), f.Env, nil, p.verdict())
	return code, f.stdout.String(), f.stderr.String()
}

func TestFaultsOfOrder(t *testing.T) {
	t.Parallel()
	gap := bus.Event{Gap: &bus.GapEvent{From: "bob", Missed: 1}}
	order := bus.Event{Order: &bus.OrderEvent{From: "bob", Seq: 9}}
	if code, stdout, stderr := readOf(t, gap); code != 8 || stdout != "-- 1 message of bob missing --\n" ||
		!strings.HasPrefix(stderr, "unibus: read ops: 1 of 1 messages are missing; ") {
		t.Errorf("a gap: got exit code %d, %q, %q", code, stdout, stderr)
	}
	want := "-- 1 message of bob missing --\n-- message 9 stands behind later ones of bob --\n"
	if code, stdout, stderr := readOf(t, gap, order); code != 0 || stdout != want || stderr != "" {
		t.Errorf("a gap that is filled: got exit code %d, %q, %q", code, stdout, stderr)
	}
}

// An error of integrity is exit code 8 by whatever code; its words reach stderr.
func TestFaultsAsErrors(t *testing.T) {
	t.Parallel()
	for _, code := range faultsTold(toldError) {
		f := newFakeEnv("").printing(config.JSON)
		err := fmt.Errorf("read ops: %w", bus.Errorf(bus.Integrity, code, "it does not hold"))
		if got := finish(t.Context(), f.Env, []string{"--json"}, err); got != 8 || !strings.Contains(f.stderr.String(), `"code":"`+code+`"`) {
			t.Errorf("%s: got exit code %d, %s", code, got, f.stderr.String())
		}
	}
}

// What is printed for a person fits a terminal, and says what to do.
func TestFaultsFit(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := printFaultText(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 80 {
			t.Errorf("too wide: %s", line)
		}
	}
	for _, words := range []string{"withheld (error)", "room verify ROOM --accept", "identity recover LINK"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not said", words)
		}
	}
}
