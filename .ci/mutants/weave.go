package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// now is the name of the variable that says which mutant is in force. Every
// package gets one of its own.
const now = "mutantNow"

// selector is the file that declares it.
const selector = `package %s

import (
	"os"
	"strconv"
)

var ` + now + `, _ = strconv.Atoi(os.Getenv("MUTANT"))
`

// site is a place with mutants, and the sites inside it.
type site struct {
	at, end int
	mutants []mutant
	inside  []*site
}

// weave writes a file anew so that it holds all of its mutants that can stand
// side by side, to be chosen at run time: compiling costs more than testing.
func weave(source string, mutants []mutant) string {
	whole := &site{end: len(source)}
	for _, s := range sites(mutants) {
		whole.put(s)
	}
	return whole.within(source)
}

// sites groups the mutants by place, outer places first.
func sites(mutants []mutant) (out []*site) {
	byPlace := map[[2]int]*site{}
	for _, m := range mutants {
		if m.shape == literal {
			continue
		}
		place := [2]int{m.at, m.end}
		if byPlace[place] == nil {
			byPlace[place] = &site{at: m.at, end: m.end}
			out = append(out, byPlace[place])
		}
		byPlace[place].mutants = append(byPlace[place].mutants, m)
	}
	slices.SortFunc(out, func(a, b *site) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.end, a.end)) })
	return out
}

// put places s inside the newest site that spans it.
func (whole *site) put(s *site) {
	if n := len(whole.inside); n > 0 && s.end <= whole.inside[n-1].end {
		whole.inside[n-1].put(s)
		return
	}
	whole.inside = append(whole.inside, s)
}

// within writes what stands in a site, with all sites inside.
func (whole *site) within(source string) string {
	var b strings.Builder
	at := whole.at
	for _, s := range whole.inside {
		b.WriteString(source[at:s.at])
		b.WriteString(s.choice(source))
		at = s.end
	}
	b.WriteString(source[at:whole.end])
	return b.String()
}

// choice writes a site so that it is one of its mutants, or what it was.
func (s *site) choice(source string) string {
	if first := s.mutants[0]; first.shape == statement {
		return fmt.Sprintf("if %s != %d { %s }", now, first.number, s.within(source))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "func() bool { switch %s {", now)
	for _, m := range s.mutants {
		fmt.Fprintf(&b, " case %d: return %s;", m.number, m.text)
	}
	fmt.Fprintf(&b, " }; return %s }()", s.within(source))
	return b.String()
}
