package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const sample = `package p

func f(a, b int, err error) bool {
	if err != nil {
		return false
	}
	println(a)
	switch {
	case a < b && b > 3:
		return true
	}
	return a == b
}

func g() (int, bool) { return 7, false }
`

// TestMutate lists what is made of a small file.
func TestMutate(t *testing.T) {
	got, err := mutate("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range got {
		lines = append(lines, m.kind+": "+m.is)
	}
	slices.Sort(lines)
	want := []string{
		"flipped comparison: case a < b && b < 3:",
		"flipped comparison: case a < b && b >= 3:",
		"flipped comparison: case a <= b && b > 3:",
		"flipped comparison: case a > b && b > 3:",
		"flipped comparison: if err == nil {",
		"flipped comparison: return a != b",
		"ignored error: if false && (err != nil) {",
		"negated condition: case !(a < b && b > 3):",
		"negated condition: if !(err != nil) {",
		"off by one: case a < b && b > 4:",
		"removed call: ",
		"removed check: case false && (a < b && b > 3):",
		"swapped && and ||: case a < b || b > 3:",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// TestShuffle: the seed alone says which mutants are made.
func TestShuffle(t *testing.T) {
	order := func(seed uint64) (lines []int) {
		all := make([]mutant, 100)
		for i := range all {
			all[i].line = i
		}
		shuffle(all, seed)
		for _, m := range all {
			lines = append(lines, m.line)
		}
		return lines
	}
	if !slices.Equal(order(1), order(1)) || slices.Equal(order(1), order(2)) {
		t.Error("the order does not follow from the seed")
	}
}

// TestWeave: the woven file is Go, and holds each mutant once.
func TestWeave(t *testing.T) {
	made, err := mutate("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for i := range made {
		made[i].number = 100 + i
	}
	woven := weave(sample, made)
	if _, err := parser.ParseFile(token.NewFileSet(), "p.go", woven, 0); err != nil {
		t.Fatalf("%v\n%s", err, woven)
	}
	for _, m := range made {
		want := 1
		if m.shape == literal {
			want = 0
		}
		if n := strings.Count(woven, strconv.Itoa(m.number)); n != want {
			t.Errorf("%v stands %d times, want %d\n%s", m, n, want, woven)
		}
	}
}

// TestEquivalents: each has a reason, and still stands in the tree.
func TestEquivalents(t *testing.T) {
	known, err := equivalents()
	if err != nil {
		t.Fatal(err)
	}
	all, err := find("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		delete(known, m.key())
	}
	for key := range known {
		t.Errorf("no such mutant: %s", key)
	}
}
