package walls

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// rule looks at a house and says where it is broken.
type rule struct {
	name  string
	holds func(*house) []string
}

func rules() []rule {
	return []rule{
		{"floors", floorsHold},
		{"walls", wallsHold},
		{"reach", reachHolds},
		{"acts", actsHold},
		{"builtins", builtinsHold},
		{"inits", initsHold},
		{"globals", globalsHold},
		{"docs", docsHold},
		{"codes", codesHold},
	}
}

func TestHouse(t *testing.T) {
	t.Parallel()
	h := load(t, os.DirFS("../.."))
	if len(h.rooms) < 5 || h.rooms["main"] == nil || h.rooms["bus"] == nil {
		t.Fatalf("read %d packages: this is not the module", len(h.rooms))
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			broken := r.holds(h)
			slices.Sort(broken)
			for _, b := range broken {
				t.Error(b)
			}
		})
	}
}

// src is a made-up package of one file.
func src(files ...string) fstest.MapFS {
	root := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		root[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return root
}

func imports(pkg string, paths ...string) string {
	var b strings.Builder
	b.WriteString("// Package " + pkg + " is made up.\npackage " + pkg + "\n")
	for _, p := range paths {
		b.WriteString("import _ \"" + p + "\"\n")
	}
	return b.String()
}

func code(body string) string { return "// Package bus is made up.\npackage bus\n" + body }

// A rule that cannot fail holds nothing: each is shown a house that breaks it,
// and one that looks alike and does not.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, rule, say string // say "" = holds
		root            fstest.MapFS
	}{
		{"import goes up", "floors", "bus (floor 1) imports broker (floor 8)", src("internal/bus/a.go", imports("bus", "unibus/internal/broker"))},
		{"import stays level", "floors", "seal (floor 3) imports chain (floor 3)", src("internal/seal/a.go", imports("seal", "unibus/internal/chain"))},
		{"import goes down", "floors", "", src("internal/seal/a.go", imports("seal", "unibus/internal/frame"))},
		{"part imports its whole", "floors", "", src("internal/nodetest/chaos/a.go", imports("chaos", "unibus/internal/nodetest"))},
		{"package without a floor", "floors", "util has no floor", src("internal/util/a.go", imports("util"))},
		{"top level has no other packages", "floors", "pkg/x has no floor", src("pkg/x/a.go", imports("x"))},
		{"import of an unknown package", "floors", "imports later (floor -1)", src("internal/node/a.go", imports("node", "unibus/internal/later"))},
		{"nested modules are houses of their own", "floors", "", src("internal/wycheproof/go.mod", "module w", "internal/wycheproof/a.go", imports("w"))},
		{"tests may look up", "floors", "", src("internal/bus/a_test.go", imports("bus", "unibus/internal/broker"), "internal/bus/a.go", imports("bus"))},

		{"nats-server", "walls", "client imports github.com/nats-io/nats-server/v2/server", src("internal/client/a.go", imports("client", "github.com/nats-io/nats-server/v2/server"))},
		{"nats-server in broker", "walls", "", src("internal/broker/a.go", imports("broker", "github.com/nats-io/nats-server/v2/server"))},
		{"a name that only starts alike", "walls", "", src("internal/client/a.go", imports("client", "github.com/nats-io/nats-serverless"))},
		{"viper", "walls", "cmd imports github.com/spf13/viper", src("cmd/a.go", imports("cmd", "github.com/spf13/viper"))},
		{"backend", "walls", "control imports unibus/internal/blob/disk", src("internal/control/a.go", imports("control", "unibus/internal/blob/disk"))},
		{"cipher", "walls", "blob imports crypto/cipher", src("internal/blob/a.go", imports("blob", "crypto/cipher"))},
		{"x/crypto", "walls", "wire imports golang.org/x/crypto/chacha20poly1305", src("internal/wire/a.go", imports("wire", "golang.org/x/crypto/chacha20poly1305"))},
		{"cryptobyte is no cipher", "walls", "", src("internal/blob/a.go", imports("blob", "golang.org/x/crypto/cryptobyte", "crypto/sha256", "crypto/rand"))},
		{"broken hash", "walls", "identity imports crypto/md5", src("internal/identity/a.go", imports("identity", "crypto/md5"))},
		{"tls", "walls", "control imports crypto/tls", src("internal/control/a.go", imports("control", "crypto/tls"))},
		{"test helpers", "walls", "node imports unibus/internal/nodetest", src("internal/node/a.go", imports("node", "unibus/internal/nodetest"))},
		{"rules know no HTTP", "walls", "membership imports net/http", src("internal/membership/a.go", imports("membership", "net/http"))},
		{"a backend may know SQL", "walls", "", src("internal/membership/sqlite/a.go", imports("sqlite", "database/sql"))},
		{"rules know no NATS", "walls", "grant imports github.com/nats-io/nats.go", src("internal/grant/a.go", imports("grant", "github.com/nats-io/nats.go"))},
		{"nkeys", "walls", "", src("internal/identity/a.go", imports("identity", "github.com/nats-io/nkeys"))},
		{"nkeys elsewhere", "walls", "signing imports github.com/nats-io/nkeys", src("internal/signing/a.go", imports("signing", "github.com/nats-io/nkeys"))},
		{"screen and client", "walls", "tui/timeline imports unibus/internal/client", src("tui/timeline/a.go", imports("timeline", "unibus/internal/client"))},
		{"screen and words", "walls", "", src("tui/a.go", imports("tui", "unibus/internal/bus", "unibus/tui/timeline"))},
		{"screen and other libraries", "walls", "tui/overlay imports github.com/sahilm/fuzzy", src("tui/overlay/a.go", imports("overlay", "github.com/sahilm/fuzzy"))},
		{"screen and its library", "walls", "", src("tui/a.go", imports("tui", "charm.land/bubbletea/v2", "github.com/charmbracelet/x/ansi"))},
		{"somebody else draws", "walls", "cmd imports github.com/charmbracelet/x/ansi", src("cmd/a.go", imports("cmd", "github.com/charmbracelet/x/ansi"))},
		{"cmd is on top", "walls", "node imports unibus/cmd", src("internal/node/a.go", imports("node", "unibus/cmd"))},

		{"server opens messages", "reach", "node reaches seal through control", src("internal/node/a.go", imports("node", "unibus/internal/control"),
			"internal/control/a.go", imports("control", "unibus/internal/seal"), "internal/seal/a.go", imports("seal"))},
		{"server holds a profile", "reach", "node reaches profile", src("internal/node/a.go", imports("node", "unibus/internal/profile"))},
		{"client and server share more", "reach", "both reach limit", src("internal/node/a.go", imports("node", "unibus/internal/limit"), "internal/client/a.go", imports("client", "unibus/internal/limit"))},
		{"client and server share words", "reach", "", src("internal/node/a.go", imports("node", "unibus/internal/wire"), "internal/client/a.go", imports("client", "unibus/internal/wire", "unibus/internal/seal"))},

		{"exit", "acts", "bus uses os.Exit", src("internal/bus/a.go", code("import \"os\"\nfunc f() { os.Exit(1) }"))},
		{"exit under another name", "acts", "bus uses os.Exit", src("internal/bus/a.go", code("import z \"os\"\nfunc f() { z.Exit(1) }"))},
		{"exit in cmd", "acts", "cmd uses os.Exit", src("cmd/a.go", "// Package cmd x\npackage cmd\nimport \"os\"\nfunc f() { os.Exit(1) }")},
		{"a local value called os", "acts", "", src("internal/bus/a.go", code("import \"os\"\ntype t struct{ Exit func(int) }\nfunc f(os t) { os.Exit(1) }\nvar _ = os.Args"))},
		{"printing", "acts", "bus uses fmt.Println", src("internal/bus/a.go", code("import \"fmt\"\nfunc f() { fmt.Println(1) }"))},
		{"stdout", "acts", "bus uses os.Stdout", src("internal/bus/a.go", code("import (\n\"fmt\"\n\"os\"\n)\nfunc f() { fmt.Fprintln(os.Stdout, 1) }"))},
		{"environment", "acts", "bus uses os.Getenv", src("internal/bus/a.go", code("import \"os\"\nfunc f() string { return os.Getenv(\"A\") }"))},
		{"environment passed on", "acts", "bus uses os.LookupEnv", src("internal/bus/a.go", code("import \"os\"\nfunc f(func(string) (string, bool)) {}\nfunc g() { f(os.LookupEnv) }"))},

		{"println", "builtins", "println is for debugging", src("internal/bus/a.go", code("func f() { println(1) }"))},
		{"dot import", "builtins", "dot import", src("internal/bus/a.go", code("import . \"fmt\"\nfunc f() { Println(1) }"))},
		{"init", "inits", "bus has an init function", src("internal/bus/a.go", code("func init() {}"))},
		{"method called init", "inits", "", src("internal/bus/a.go", code("type t struct{}\nfunc (t) init() {}"))},

		{"a code of two kinds", "codes", "code bad_x has the kinds Integrity (internal/bus/b.go", src("internal/bus/a.go", code("var ErrX = Errorf(Invalid, \"bad_x\", \"x\")"),
			"internal/bus/b.go", "package bus\nfunc f() error { return Errorf(Integrity, \"bad_x\", \"y\") }")},
		{"of two packages", "codes", "and Invalid (internal/seal/a.go", src("internal/bus/a.go", code("var ErrX = Errorf(Integrity, \"bad_x\", \"x\")"),
			"internal/seal/a.go", "// Package seal is made up.\npackage seal\nimport \"unibus/internal/bus\"\nvar errX = bus.Errorf(bus.Invalid, \"bad_x\", \"x\")")},
		{"a code twice, of one kind", "codes", "", src("internal/bus/a.go", code("var ErrX, ErrY = Errorf(Invalid, \"bad_x\", \"x\"), Errorf(Invalid, \"bad_x\", \"y\")"))},
		{"a kind that is passed on", "codes", "", src("internal/bus/a.go", code("var ErrX = Errorf(Invalid, \"bad_x\", \"x\")\nfunc f(k Kind) error { return Errorf(k, \"bad_x\", \"y\") }"))},
		{"another Errorf", "codes", "", src("internal/bus/a.go", code("var ErrX = Errorf(Invalid, \"bad_x\", \"x\")"),
			"internal/seal/a.go", "// Package seal is made up.\npackage seal\nimport \"fmt\"\nvar errX = fmt.Errorf(Integrity, \"bad_x\", \"x\")")},

		{"exported variable", "globals", "variable Table of bus can be written by everybody", src("internal/bus/a.go", code("var Table = []int{1}"))},
		{"exported error", "globals", "", src("internal/bus/a.go", code("import \"errors\"\nvar ErrX = errors.New(\"x\")"))},
		{"table", "globals", "", src("internal/bus/a.go", code("var table = map[string]int{\"a\": 1}\nfunc f() int { return table[\"a\"] }"))},
		{"assigned", "globals", "variable n of bus is written", src("internal/bus/a.go", code("var n = 1\nfunc f() { n = 2 }"))},
		{"assigned from another file", "globals", "variable n of bus is written", src("internal/bus/a.go", code("var n = 1"), "internal/bus/b.go", "package bus\nfunc f() { n++ }")},
		{"assigned in part", "globals", "variable m of bus is written", src("internal/bus/a.go", code("var m = map[int]int{1: 1}\nfunc f() { m[2] = 2 }"))},
		{"cleared", "globals", "variable m of bus is written", src("internal/bus/a.go", code("var m = map[int]int{1: 1}\nfunc f() { delete(m, 1) }"))},
		{"address taken", "globals", "variable n of bus is written", src("internal/bus/a.go", code("var n = 1\nfunc f() *int { return &n }"))},
		{"a local of the same name", "globals", "", src("internal/bus/a.go", code("var n = 1\nfunc f() int { n := 2; n++; return n }"))},
		{"no value", "globals", "variable n of bus is made to be written later", src("internal/bus/a.go", code("var n int"))},
		{"embedded file", "globals", "", src("internal/bus/a.go", code("import _ \"embed\"\n\n//go:embed x\nvar x string"))},
		{"lock", "globals", "variable mu of bus is a lock", src("internal/bus/a.go", code("import \"sync\"\nvar mu = sync.Mutex{}"))},
		{"empty map", "globals", "variable m of bus is a lock", src("internal/bus/a.go", code("var m = map[int]int{}"))},
		{"made map", "globals", "variable m of bus is a lock", src("internal/bus/a.go", code("var m = make(map[int]int)"))},
		{"computed once", "globals", "", src("internal/bus/a.go", code("import \"sync\"\nvar x = sync.OnceValue(func() int { return len(make([]int, 1)) })"))},
		{"interface check", "globals", "", src("internal/bus/a.go", code("var _ error = (*T)(nil)\ntype T struct{}\nfunc (*T) Error() string { return \"\" }"))},

		{"no package comment", "docs", "bus has 0 package comments", src("internal/bus/a.go", "package bus")},
		{"two package comments", "docs", "bus has 2 package comments", src("internal/bus/a.go", code(""), "internal/bus/b.go", code(""))},
		{"comment about something else", "docs", "want one that starts", src("internal/bus/a.go", "// Hello.\npackage bus")},
		{"comment", "docs", "", src("internal/bus/a.go", code(""), "internal/bus/b.go", "package bus")},
	}
	for _, tt := range tests {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(rules(), func(r rule) bool { return r.name == tt.rule })
			if i < 0 {
				t.Fatalf("there is no rule %q", tt.rule)
			}
			broken := rules()[i].holds(load(t, tt.root))
			if tt.say == "" {
				if len(broken) > 0 {
					t.Errorf("got %q, want it to hold", broken)
				}
				return
			}
			if !strings.Contains(strings.Join(broken, "\n"), tt.say) {
				t.Errorf("got %q, want it to say %q", broken, tt.say)
			}
		})
	}
}
