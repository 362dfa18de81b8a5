package main

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// flips are what each operator is taken for by mistake.
var flips = map[token.Token][]string{
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LSS: {"<=", ">"}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<"}, token.GEQ: {">", "<"},
	token.LAND: {"||"}, token.LOR: {"&&"},
}

// visit makes the mutants of one node.
func (c *collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.ArrayType: // another size does not compile
		return false
	case *ast.ReturnStmt:
		return !refuses(n.Results)
	case *ast.BinaryExpr:
		c.flip(n)
	case *ast.IfStmt:
		c.decision(n.Cond, n.Body.List)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			c.cases(n.Body)
		}
	case *ast.BasicLit:
		c.number(n)
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && c.text(call.Fun) != "panic" { // which says what cannot be
			c.add("removed call", statement, n, "")
		}
	}
	return true
}

// refuses reports whether results are those of a failure: nobody reads what
// stands beside the error.
func refuses(results []ast.Expr) bool {
	if len(results) < 2 {
		return false
	}
	name := ""
	switch last := results[len(results)-1].(type) {
	case *ast.Ident:
		name = last.Name
	case *ast.SelectorExpr:
		name = last.Sel.Name
	}
	return name == "false" || strings.HasPrefix(strings.ToLower(name), "err")
}

func (c *collector) flip(n *ast.BinaryExpr) {
	kind := "flipped comparison"
	if n.Op == token.LAND || n.Op == token.LOR {
		kind = "swapped && and ||"
	}
	for _, other := range flips[n.Op] {
		c.add(kind, condition, n, c.text(n.X)+" "+other+" "+c.text(n.Y))
	}
}

// decision negates what decides over body and, where body gives up, takes it
// away. The condition is kept as text, so that what it names stays in use.
func (c *collector) decision(cond ast.Expr, body []ast.Stmt) {
	text := c.text(cond)
	c.add("negated condition", condition, cond, "!("+text+")")
	if !ends(body) {
		return
	}
	kind := "removed check"
	if text == "err != nil" {
		kind = "ignored error"
	}
	c.add(kind, condition, cond, "false && ("+text+")")
}

// cases does the same for a switch without a tag.
func (c *collector) cases(body *ast.BlockStmt) {
	for _, s := range body.List {
		clause := s.(*ast.CaseClause)
		for _, cond := range clause.List {
			c.decision(cond, clause.Body)
		}
	}
}

// ends reports whether statements end by leaving the function or the loop.
func ends(list []ast.Stmt) bool {
	if len(list) == 0 {
		return false
	}
	switch list[len(list)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// number makes an integer one greater.
func (c *collector) number(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
		c.add("off by one", literal, n, strconv.FormatInt(v+1, 10))
	}
}
