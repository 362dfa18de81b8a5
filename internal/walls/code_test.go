package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// act is something that only some packages may do.
type act struct {
	reason string
	what   map[string][]string // import path -> names in it
	only   []string
}

func acts() []act {
	return []act{
		{
			reason: "what is open must be closed in order; only main ends the process",
			what:   map[string][]string{"os": {"Exit"}, "syscall": {"Exit", "Kill"}, "runtime": {"Goexit"}},
			only:   []string{"main"},
		},
		{
			reason: "only commands speak to the person",
			what: map[string][]string{"fmt": {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
				"os": {"Stdin", "Stdout", "Stderr"}, "log/slog": {"Default", "SetDefault", "Debug", "Info", "Warn", "Error"}},
			only: []string{"cmd"},
		},
		{
			reason: "what the environment says goes through one place, with its source",
			what: map[string][]string{"os": {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "UserHomeDir", "UserConfigDir", "UserCacheDir"},
				"syscall": {"Getenv", "Environ"}},
			only: []string{"config"},
		},
	}
}

func actsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		for _, file := range r.files {
			names := importNames(file)
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := selector.X.(*ast.Ident); ok && x.Obj == nil && names[x.Name] != "" {
					broken = append(broken, forbidden(h.fset.Position(n.Pos()), r.name, names[x.Name], selector.Sel.Name)...)
				}
				return true
			})
		}
	}
	return broken
}

func forbidden(at token.Position, who, from, name string) (broken []string) {
	for _, a := range acts() {
		if !matches(who, a.only) && matches(name, a.what[from]) {
			broken = append(broken, fmt.Sprintf("%s: %s uses %s.%s: %s", at, who, from, name, a.reason))
		}
	}
	return broken
}

// importNames maps what a file calls a package to the package's path.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // parsed once already
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	return names
}

// builtinsHold finds dot imports, which would hide what is used, and the
// builtin print functions.
func builtinsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		for _, file := range r.files {
			for _, spec := range file.Imports {
				if spec.Name != nil && spec.Name.Name == "." {
					broken = append(broken, fmt.Sprintf("%s: a dot import hides where names come from", h.fset.Position(spec.Pos())))
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if f, ok := call.Fun.(*ast.Ident); ok && f.Obj == nil && (f.Name == "print" || f.Name == "println") {
					broken = append(broken, fmt.Sprintf("%s: %s is for debugging", h.fset.Position(n.Pos()), f.Name))
				}
				return true
			})
		}
	}
	return broken
}

// initsHold wants no init functions: what happens before main has no owner,
// no context and no way to fail.
func initsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		for _, file := range r.files {
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					broken = append(broken, fmt.Sprintf("%s: %s has an init function: do it where main can see it", h.fset.Position(f.Pos()), r.name))
				}
			}
		}
	}
	return broken
}

// docsHold wants one comment on each package that says what it is for.
func docsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		var docs []string
		for _, file := range r.files {
			if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
				docs = append(docs, file.Doc.Text())
			}
		}
		want := "Package " + r.files[0].Name.Name + " "
		if r.name == "main" {
			want = "Unibus "
		}
		if len(docs) != 1 || !strings.HasPrefix(docs[0], want) {
			broken = append(broken, fmt.Sprintf("%s has %d package comments: want one that starts with %q", r.name, len(docs), want))
		}
	}
	return broken
}
