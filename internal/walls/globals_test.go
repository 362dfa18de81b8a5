package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// globalsHold finds package-level variables that can change: whoever reads one
// cannot know who else writes it. Allowed are errors, and unexported values
// that are set where they are declared and never again.
func globalsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		written := writtenGlobals(r)
		for _, file := range r.files {
			for _, decl := range file.Decls {
				group, ok := decl.(*ast.GenDecl)
				if !ok || group.Tok != token.VAR {
					continue
				}
				for _, spec := range group.Specs {
					broken = append(broken, judge(h, r, group, spec.(*ast.ValueSpec), written)...)
				}
			}
		}
	}
	return broken
}

func judge(h *house, r *room, group *ast.GenDecl, spec *ast.ValueSpec, written map[string]bool) (broken []string) {
	for i, name := range spec.Names {
		var value ast.Expr
		if i < len(spec.Values) {
			value = spec.Values[i]
		}
		why := ""
		switch {
		case name.Name == "_" || embedded(group, spec):
		case written[name.Name]:
			why = "is written after it was made"
		case value == nil:
			why = "is made to be written later"
		case name.IsExported() && !strings.HasPrefix(name.Name, "Err"):
			why = "can be written by everybody: export a function"
		case changes(spec.Type) || changes(value):
			why = "is a lock, a counter, a channel or an empty map: state needs an owner"
		}
		if why != "" {
			broken = append(broken, fmt.Sprintf("%s: variable %s of %s %s", h.fset.Position(name.Pos()), name.Name, r.name, why))
		}
	}
	return broken
}

// embedded is true for what the compiler fills from a file.
func embedded(group *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{group.Doc, spec.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// changes reports whether a type or a value is there to be changed.
func changes(e ast.Expr) bool {
	if e == nil {
		return false
	}
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && (p.Name == "sync" && !strings.HasPrefix(x.Sel.Name, "OnceValue") || p.Name == "atomic") {
				found = true
			}
		case *ast.CallExpr:
			if f, ok := x.Fun.(*ast.Ident); ok && (f.Name == "make" || f.Name == "new") {
				found = true
			}
		case *ast.CompositeLit:
			if _, ok := x.Type.(*ast.MapType); ok && len(x.Elts) == 0 {
				found = true
			}
		}
		return true
	})
	return found
}

// writtenGlobals returns the names of package-level variables that a statement
// assigns to, in whole or in part, counts up, clears or takes the address of.
func writtenGlobals(r *room) map[string]bool {
	declared := map[any]bool{}
	for _, file := range r.files {
		for _, decl := range file.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.VAR {
				for _, spec := range group.Specs {
					declared[spec] = true
				}
			}
		}
	}
	written := map[string]bool{}
	mark := func(e ast.Expr) {
		name := rootName(e)
		if name == nil {
			return
		}
		if name.Obj == nil || declared[name.Obj.Decl] { // nil: declared in another file
			written[name.Name] = true
		}
	}
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.AssignStmt:
				for _, e := range x.Lhs {
					mark(e)
				}
			case *ast.IncDecStmt:
				mark(x.X)
			case *ast.UnaryExpr:
				if x.Op == token.AND {
					mark(x.X)
				}
			case *ast.CallExpr:
				if f, ok := x.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear" || f.Name == "copy") && len(x.Args) > 0 {
					mark(x.Args[0])
				}
			}
			return true
		})
	}
	return written
}

// rootName is x in x, x.f, x[i], x[i:j], *x and (x).
func rootName(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}
