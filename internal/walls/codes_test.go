package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// twoKinds are the codes that have two kinds, and why.
func twoKinds() map[string]string {
	return map[string]string{
		"no_key": "the node does not have it, which is not found; a log that promises it makes that a fault",
	}
}

// codesHold wants one kind of each code, since scripts see both: the code in -o
// json, the kind as exit code.
func codesHold(h *house) (broken []string) {
	kinds := map[string]map[string][]token.Position{}
	for _, r := range h.all() {
		for _, file := range r.files {
			names := importNames(file)
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 3 || !makesError(r.name, names, call.Fun) {
					return true
				}
				kind, code := lastName(call.Args[0]), literal(call.Args[1])
				if kind != "" && code != "" {
					if kinds[code] == nil {
						kinds[code] = map[string][]token.Position{}
					}
					kinds[code][kind] = append(kinds[code][kind], h.fset.Position(call.Pos()))
				}
				return true
			})
		}
	}
	for code, of := range kinds {
		if len(of) > 1 && twoKinds()[code] == "" {
			broken = append(broken, fmt.Sprintf("code %s has the kinds %s", code, where(of)))
		}
	}
	return broken
}

// makesError reports whether f is bus.Errorf.
func makesError(room string, names map[string]string, f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.Ident:
		return room == "bus" && f.Name == "Errorf"
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Obj == nil && names[x.Name] == "unibus/internal/bus" && f.Sel.Name == "Errorf"
	}
	return false
}

// lastName is the name of a constant, with or without its package; of a variable,
// which has no value here, none.
func lastName(e ast.Expr) string {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	}
	if !ast.IsExported(name) {
		return ""
	}
	return name
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value) // parsed once already
	return s
}

func where(of map[string][]token.Position) string {
	var all []string
	for kind, at := range of {
		all = append(all, fmt.Sprintf("%s (%s)", kind, at[0]))
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}
