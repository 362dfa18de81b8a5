package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one change of one file: the bytes from at to end become text.
type mutant struct {
	number  int    // from 1
	path    string // of the file, from the root
	kind    string
	shape   shape
	at, end int
	text    string
	line    int
	was, is string // the line, before and after
	nth     int    // from 1, of those in its file that read alike
}

// shape says what is replaced.
type shape int

const (
	condition shape = iota // an expression of type bool
	statement
	literal // of any type: it has to be compiled by itself
)

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s (%d)\n\t- %s\n\t+ %s", m.path, m.line, m.kind, m.nth, m.was, m.is)
}

// key names m in equivalent.txt: lines move, their text seldom changes.
func (m mutant) key() string { return fmt.Sprintf("%s: %s => %s (%d)", m.path, m.was, m.is, m.nth) }

// find lists every mutant there is, in a fixed order.
func find(root string) (all []mutant, err error) {
	for _, t := range targets {
		paths, err := filepath.Glob(filepath.Join(root, t.dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, full := range paths {
			path := filepath.ToSlash(filepath.Join(t.dir, filepath.Base(full)))
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(full)
			if err != nil {
				return nil, err
			}
			of, err := mutate(path, source)
			if err != nil {
				return nil, err
			}
			all = append(all, of...)
		}
	}
	for i := range all {
		all[i].number = i + 1
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no mutants in %s", root)
	}
	return all, nil
}

// mutate lists the mutants of one file.
func mutate(path string, source []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	c := &collector{path: path, source: string(source), fset: fset}
	ast.Inspect(file, c.visit)
	alike := map[string]int{}
	for i, m := range c.found {
		alike[m.was+"\n"+m.is]++
		c.found[i].nth = alike[m.was+"\n"+m.is]
	}
	return c.found, nil
}

func shuffle(mutants []mutant, seed uint64) {
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
}

// wanted leaves out those that no test can notice and that were not asked for.
func wanted(mutants []mutant, known map[string]bool, o options) []mutant {
	return slices.DeleteFunc(mutants, func(m mutant) bool {
		return known[m.key()] || !contains(m.path, o.only) || o.fast && m.shape == literal
	})
}

// contains reports whether path contains one of the parts.
func contains(path, parts string) bool {
	for part := range strings.SplitSeq(parts, ",") {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// collector gathers the mutants of a file.
type collector struct {
	path, source string
	fset         *token.FileSet
	found        []mutant
}

// add takes a mutant in that replaces a node.
func (c *collector) add(kind string, of shape, n ast.Node, text string) {
	at, end := c.fset.Position(n.Pos()).Offset, c.fset.Position(n.End()).Offset
	changed := c.source[:at] + text + c.source[end:]
	c.found = append(c.found, mutant{path: c.path, kind: kind, shape: of, at: at, end: end, text: text,
		line: c.fset.Position(n.Pos()).Line, was: lineAt(c.source, at), is: lineAt(changed, at)})
}

func lineAt(source string, at int) string {
	start := strings.LastIndexByte(source[:at], '\n') + 1
	line, _, _ := strings.Cut(source[start:], "\n")
	return strings.TrimSpace(line)
}

func (c *collector) text(n ast.Node) string {
	return c.source[c.fset.Position(n.Pos()).Offset:c.fset.Position(n.End()).Offset]
}
