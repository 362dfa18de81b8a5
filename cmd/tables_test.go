package cmd

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// A bound that is not printed cannot be known to whoever runs into it.
func TestLimitsAreAllThere(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "internal", "bus", "limit.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				missing[strings.ToLower(name.Name)] = name.IsExported()
			}
		}
		return true
	})
	if len(missing) < 10 {
		t.Fatalf("found only %d limits: this is not the file", len(missing))
	}
	for _, l := range limits() {
		name := strings.ReplaceAll(l.Name, "_", "")
		if !missing[name] {
			t.Errorf("%s is no constant of bus, or stands twice", l.Name)
		}
		delete(missing, name)
		if l.Value <= 0 || l.Meaning == "" {
			t.Errorf("%s: value %d, meaning %q", l.Name, l.Value, l.Meaning)
		}
	}
	for name := range missing {
		t.Errorf("bus.%s is not in the table", name)
	}
}

// completions/ is what packagers ship; it is made by `go generate .`.
func TestCompletionsAreFresh(t *testing.T) {
	t.Parallel()
	root := newRootCmd(newFakeEnv("").Env)
	for _, s := range shells() {
		var want bytes.Buffer
		if err := s.write(root, &want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "completions", s.file))
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("completions/%s is stale (%v): run go generate .", s.file, err)
		}
	}
}

// docs/reference is made by `go generate .` too.
func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	pages := referencePages(newRootCmd(newFakeEnv("").Env))
	if len(pages) < 40 {
		t.Fatalf("%d pages: the tree is not whole", len(pages))
	}
	there, err := filepath.Glob(filepath.Join("..", "docs", "reference", "*"))
	if err != nil || len(there) != len(pages) {
		t.Errorf("docs/reference has %d files, want %d (%v): run go generate .", len(there), len(pages), err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("..", "docs", "reference", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s is stale (%v): run go generate .", name, err)
		}
	}
}

func TestBuildOf(t *testing.T) {
	t.Parallel()
	setting := func(k, v string) debug.BuildSetting { return debug.BuildSetting{Key: k, Value: v} }
	tests := []struct {
		name              string
		info              *debug.BuildInfo
		version, revision string
	}{
		{"nothing known", nil, "source", "unknown"},
		{"go run", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "source", "unknown"},
		{"go build", &debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20260102030405-0123456789ab+dirty"},
			Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "true")}}, "0123456", "0123456789abcdef, changed"},
		{"after a release", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.4-0.20260102030405-0123456789ab"},
			Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef")}}, "0123456", "0123456789abcdef"},
		{"before a release", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3-rc.1"}}, "v1.2.3-rc.1", "unknown"},
		{"release", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"},
			Settings: []debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "false")}}, "v1.2.3", "abc"},
		{"changed", &debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.modified", "true"), setting("vcs.revision", "abc")}}, "abc", "abc, changed"},
	}
	for _, tt := range tests {
		if got := buildOf(tt.info); got.Version != tt.version || got.Revision != tt.revision || got.Go == "" || got.Platform == "" {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

// What people type instead leads to a command that there is, and hides none.
func TestMeant(t *testing.T) {
	t.Parallel()
	root := newRootCmd(newFakeEnv("").Env)
	root.InitDefaultHelpCmd()
	for typed, want := range meant() {
		if c, rest, err := root.Find(strings.Fields(typed)); err == nil && len(rest) == 0 && c.HasParent() {
			t.Errorf("%q is a command", typed)
		}
		if c, rest, err := root.Find(strings.Fields(want)); err != nil || len(rest) > 0 || !c.HasParent() {
			t.Errorf("%q leads to %q, which is no command", typed, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"send", "serve", "room", "read", "config", "exit-codes", "id"}
	for word, want := range map[string]string{
		"sned": "send", "serv": "serve", "srve": "serve", "Room": "room", "rea": "read", "conf": "config", "exitcodes": "exit-codes",
		"x": "", "xy": "", "": "", "nonsense": "", strings.Repeat("s", 1<<16): "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%.20q: got %q, want %q", word, got, want)
		}
	}
}

func FuzzDistance(f *testing.F) {
	f.Add("send", "sned")
	f.Add("", "a")
	f.Fuzz(func(t *testing.T, a, b string) {
		d := distance(a, b)
		if d != distance(b, a) {
			t.Errorf("%q %q: not the same both ways", a, b)
		}
		if (d == 0) != (a == b) {
			t.Errorf("%q %q: got %d", a, b, d)
		}
	})
}
