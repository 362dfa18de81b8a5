package walls

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// Pages that are named by a number have one each: a link to decision 0019 must
// mean one page.
func TestNumbersStandOnce(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	for _, dir := range []string{"docs/decisions", "docs/changes"} {
		pages, broken := numbered(t, root, dir)
		if pages == 0 {
			t.Errorf("%s: no pages", dir)
		}
		for _, b := range broken {
			t.Error(b)
		}
	}
}

// The check is shown pages with one number, and one whose title says another.
func TestNumbersBite(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"d/0001-a.md": {Data: []byte("# 0001: a\n")}, "d/0001-b.md": {Data: []byte("# b\n")},
		"d/0002-c.md": {Data: []byte("# 0003: c\n")}, "d/0003-d.md": {Data: []byte("# d\n")},
		"d/page.md": {Data: []byte("# page\n")},
	}
	if pages, broken := numbered(t, root, "d"); pages != 5 || len(broken) != 3 {
		t.Errorf("got %d pages and %q, want 5 and three that are broken", pages, broken)
	}
}

// numbered looks at the pages of a folder: NNNN-title.md, each number once, and
// the same number where a page's first line begins with one.
func numbered(t *testing.T, root fs.FS, dir string) (pages int, broken []string) {
	t.Helper()
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	for _, e := range entries {
		number, _, ok := strings.Cut(e.Name(), "-")
		if !ok || len(number) != 4 || strings.Trim(number, "0123456789") != "" {
			broken = append(broken, fmt.Sprintf("%s/%s: its name begins with no number", dir, e.Name()))
			continue
		}
		if other := taken[number]; other != "" {
			broken = append(broken, fmt.Sprintf("%s: %s and %s have one number: take the next free one", dir, other, e.Name()))
		}
		taken[number] = e.Name()
		raw, err := fs.ReadFile(root, path.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		title, isNumber := strings.CutPrefix(string(raw), "# 0")
		if isNumber && !strings.HasPrefix("0"+title, number+":") {
			broken = append(broken, fmt.Sprintf("%s/%s: its title has another number", dir, e.Name()))
		}
	}
	return len(entries), broken
}
