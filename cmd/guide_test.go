package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// shellBlock is one block of a page that a reader runs.
type shellBlock struct {
	who  string // "" the reader; else whose machine it is run on
	line int    // where it begins
	code string
}

// shellBlocks are the blocks of a page that are marked sh, in order; the word
// after it says who runs it:
//
//	```sh bob
func shellBlocks(page string) (blocks []shellBlock) {
	in := false
	number := 0
	for line := range strings.Lines(page) {
		number++
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		words := strings.Fields(language)
		switch {
		case fence && in:
			in = false
		case fence && len(words) > 0 && words[0] == "sh":
			in = true
			blocks = append(blocks, shellBlock{who: strings.Join(words[1:], ""), line: number})
		case in:
			blocks[len(blocks)-1].code += line
		}
	}
	return blocks
}

// guideScript runs the blocks of a page on a bus of its own, each in the home
// of who runs it; the first command that fails ends it.
func guideScript(blocks []shellBlock) string {
	var script, files strings.Builder
	script.WriteString("node\n")
	for _, b := range blocks {
		home := ""
		if b.who != "" {
			home = "$WORK/" + b.who
		}
		name := fmt.Sprintf("line-%d.sh", b.line)
		fmt.Fprintf(&script, "env UNIBUS_HOME=%s\nexec sh -eu %s\n", home, name)
		fmt.Fprintf(&files, "-- %s --\n%s", name, b.code)
	}
	return script.String() + files.String()
}

// runScripts runs made scripts like those of testdata/script.
func runScripts(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name+".txtar"), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{Dir: dir, Setup: emptyHome, RequireUniqueNames: true,
		Cmds: scriptCommands(), Condition: scriptCondition})
}

// What a guide tells people to type works, in that order.
func TestGuides(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "docs", "guide", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	scripts := map[string]string{}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		blocks := shellBlocks(string(page))
		if len(blocks) == 0 {
			t.Errorf("%s has no sh block", path)
		}
		scripts[strings.TrimSuffix(filepath.Base(path), ".md")] = guideScript(blocks)
	}
	runScripts(t, scripts)
}

// The README's story is run as it stands there. Its node is the one of the
// test: the lines that build and start the program are left out.
func TestReadmeStory(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(page))
	if len(blocks) != 1 || !strings.Contains(blocks[0].code, "unibus user invite bob") {
		t.Fatalf("got %d sh blocks, want one, with the story", len(blocks))
	}
	story := ""
	for line := range strings.Lines(blocks[0].code) {
		if !strings.HasPrefix(line, "go ") {
			story += line
		}
	}
	runScripts(t, map[string]string{"readme": "node\nexec sh story.sh\nstdout '^4$'\nstdout 'docs/a page'\n" +
		"stdout '^n1 +yes '\nstdout -count=7 '^[a-z, ]+ +yes +[0-9.]+$'\n" +
		"-- story.sh --\n" + story + "-- docs/a page --\nwords\n"})
}

func TestShellBlocks(t *testing.T) {
	t.Parallel()
	page := "# Page\n\n```\nno\n```\n```console\n$ no\n```\n```sh\none\ntwo\n```\ntext\n```sh bob\nthree\n```\n"
	got := fmt.Sprintf("%+v", shellBlocks(page))
	want := "[{who: line:9 code:one\ntwo\n} {who:bob line:14 code:three\n}]"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
