package walls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that all our imports start with.
const module = "unibus"

// room is one package, without its tests.
type room struct {
	name    string // as in architecture.md: "bus", "chain/buslog", "cmd", "main"
	files   []*ast.File
	imports map[string]token.Position // path of the import, and one place of it
}

// house is all packages of the module by name.
type house struct {
	fset  *token.FileSet
	rooms map[string]*room
}

// load parses every Go file of the module in root but tests, whatever system
// it is for: a wall holds on all of them.
func load(t *testing.T, root fs.FS) *house {
	t.Helper()
	h := &house{fset: token.NewFileSet(), rooms: map[string]*room{}}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(root, p):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		return h.add(root, p)
	})
	if err != nil {
		t.Fatalf("read the module: %v", err)
	}
	return h
}

// skipped is true for what is no package of this module.
func skipped(root fs.FS, dir string) bool {
	base := path.Base(dir)
	if dir == "." {
		return false
	}
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}

func (h *house) add(root fs.FS, p string) error {
	source, err := fs.ReadFile(root, p)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(h.fset, p, source, parser.ParseComments)
	if err != nil {
		return err
	}
	name := roomOf(path.Dir(p))
	r := h.rooms[name]
	if r == nil {
		r = &room{name: name, imports: map[string]token.Position{}}
		h.rooms[name] = r
	}
	r.files = append(r.files, file)
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		r.imports[imported] = h.fset.Position(spec.Pos())
	}
	return nil
}

// roomOf is the name of the package in dir, a path inside the module.
func roomOf(dir string) string {
	if dir == "." {
		return "main"
	}
	return strings.TrimPrefix(dir, "internal/")
}

// ours returns the name of an imported package of this module.
func ours(imported string) (name string, ok bool) {
	dir, ok := strings.CutPrefix(imported, module+"/")
	return roomOf(dir), ok
}

// all returns the packages in order of their names.
func (h *house) all() []*room {
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b *room) int { return strings.Compare(a.name, b.name) })
	return rooms
}

// reach returns every package of ours that name imports, at any distance, and
// for each the package that it was first reached through.
func (h *house) reach(name string) map[string]string {
	through := map[string]string{}
	next := []string{name}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		r := h.rooms[at]
		if r == nil {
			continue
		}
		for imported := range r.imports {
			found, ok := ours(imported)
			if _, seen := through[found]; ok && !seen {
				through[found] = at
				next = append(next, found)
			}
		}
	}
	return through
}

// matches reports whether name is one of patterns; "a/..." is a and all below.
func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if base, ok := strings.CutSuffix(p, "/..."); ok && (name == base || strings.HasPrefix(name, base+"/")) {
			return true
		}
		if name == p {
			return true
		}
	}
	return false
}
