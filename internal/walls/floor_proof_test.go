package walls

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// floorPage is the decision that names the test of each behaviour.
const floorPage = "docs/decisions/0001-floor.md"

// Every test and script that the page of the floor rests on exists: a row whose
// proof was renamed or deleted proves nothing.
func TestFloorIsProved(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	page, err := fs.ReadFile(root, floorPage)
	if err != nil {
		t.Fatal(err)
	}
	tests, scripts := proofs(string(page))
	if len(tests) < 100 || len(scripts) == 0 {
		t.Fatalf("read %d tests and %d scripts: the search is broken", len(tests), len(scripts))
	}
	for _, missing := range unproved(t, root, string(page)) {
		t.Error(missing)
	}
}

// The check is shown a page that names what is not there.
func TestUnproved(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"internal/bus/a_test.go":             {Data: []byte("package bus\n\nfunc TestThere(t *testing.T) {}\n")},
		"cmd/testdata/script/there.txtar":    {Data: []byte("unibus\n")},
		"internal/chain/roomlog/b_test.go":   {Data: []byte("package roomlog\n\nfunc FuzzThere(f *testing.F) {}\n")},
		"internal/nonce/noncetest/a_test.go": {Data: []byte("package noncetest\n\n// TestGone( was here.\n")},
	}
	page := "`internal/bus.TestThere` `internal/bus.TestThereToo`, `internal/chain/roomlog.FuzzThere` `internal/nonce/noncetest.TestGone` " +
		"`cmd/testdata/script/there.txtar` `cmd/testdata/script/gone.txtar` `go test`"
	got := strings.Join(unproved(t, root, page), " ")
	want := "internal/bus.TestThereToo internal/nonce/noncetest.TestGone cmd/testdata/script/gone.txtar"
	for name := range strings.FieldsSeq(want) {
		if !strings.Contains(got, name+" ") {
			t.Errorf("got %q, want it to miss %s", got, name)
		}
	}
	if strings.Count(got, "does not exist") != 3 {
		t.Errorf("got %q, want three that are missing", got)
	}
}

// proofs are the tests, as `package.TestName`, and the scripts in a page.
func proofs(page string) (tests, scripts []string) {
	for _, m := range regexp.MustCompile("`((?:cmd|internal/[a-z0-9/]+)\\.(?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)`").FindAllStringSubmatch(page, -1) {
		tests = append(tests, m[1])
	}
	for _, m := range regexp.MustCompile("`(cmd/testdata/[a-z0-9/-]+\\.txtar)`").FindAllStringSubmatch(page, -1) {
		scripts = append(scripts, m[1])
	}
	return tests, scripts
}

func unproved(t *testing.T, root fs.FS, page string) (missing []string) {
	t.Helper()
	tests, scripts := proofs(page)
	sources := map[string]string{}
	for _, test := range tests {
		dir, name, _ := strings.Cut(test, ".")
		if _, read := sources[dir]; !read {
			sources[dir] = testSource(t, root, dir)
		}
		if !strings.Contains(sources[dir], "\nfunc "+name+"(") {
			missing = append(missing, "test "+test+" does not exist")
		}
	}
	for _, script := range scripts {
		if _, err := fs.Stat(root, script); err != nil {
			missing = append(missing, "script "+script+" does not exist")
		}
	}
	return missing
}

// testSource is all the test code of the package in dir.
func testSource(t *testing.T, root fs.FS, dir string) string {
	t.Helper()
	files, err := fs.Glob(root, path.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		raw, err := fs.ReadFile(root, file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(raw)
	}
	return source.String()
}
