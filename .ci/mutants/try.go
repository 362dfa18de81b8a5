package main

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// target is a package that is broken, and whose tests should notice: its own
// first, then those of whoever rests on it.
type target struct {
	dir   string
	tests []string
}

// targets is never changed.
var targets = []target{
	{"internal/chain", []string{"internal/chain", "internal/chain/account", "internal/chain/buslog", "internal/chain/roomlog"}},
	{"internal/chain/account", []string{"internal/chain/account", "internal/chain/chaintest", "internal/chain/roomlog"}},
	{"internal/chain/buslog", []string{"internal/chain/buslog", "internal/chain/chaintest", "internal/chain/roomlog"}},
	{"internal/chain/roomlog", []string{"internal/chain/roomlog", "internal/chain/chaintest"}},
	{"internal/identity", []string{"internal/identity"}},
	{"internal/seal", []string{"internal/seal"}},
	{"internal/signing", []string{"internal/signing"}},
}

// slow names tests that take longer than all others of their package. It is
// never changed.
var slow = map[string]string{
	"internal/identity":      "^TestSealedFile$",
	"internal/chain/roomlog": "^TestModel",
}

// testsOf lists the packages whose tests should notice m.
func testsOf(m mutant) []string {
	for _, t := range targets {
		if t.dir == filepath.ToSlash(filepath.Dir(m.path)) {
			return t.tests
		}
	}
	return nil
}

// verdict is what became of a mutant.
type verdict int

const (
	broken   verdict = iota // does not compile
	killed                  // a test failed
	survived                // no test failed
)

// counts is how many mutants came to which end.
type counts struct{ broken, killed, survived int }

func (c counts) share() float64 { return float64(c.killed) / float64(max(1, c.killed+c.survived)) }

func tally(verdicts []verdict) (c counts) {
	for _, v := range verdicts {
		switch v {
		case broken:
			c.broken++
		case killed:
			c.killed++
		case survived:
			c.survived++
		}
	}
	return c
}

// tryAll tries mutants in turn until enough compiled or the time is over.
// Survivors are printed as they are found.
func (l *lab) tryAll(ctx context.Context, mutants []mutant) (verdicts []verdict) {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		valid int
		end   = time.Now().Add(l.budget)
	)
	next := func() (m mutant, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(mutants) == 0 || valid >= l.count || time.Now().After(end) || ctx.Err() != nil {
			return m, false
		}
		m, mutants = mutants[0], mutants[1:]
		valid++
		return m, true
	}
	for range l.workers {
		group.Go(func() {
			for m, ok := next(); ok; m, ok = next() {
				v := l.try(ctx, m)
				mu.Lock()
				if v == broken {
					valid--
				}
				if v == survived {
					fmt.Println("survived", m)
				}
				if ctx.Err() == nil {
					verdicts = append(verdicts, v)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return verdicts
}

//go:embed equivalent.txt
var equivalentText string

// equivalents reads the mutants that change nothing anybody could notice.
func equivalents() (map[string]bool, error) {
	known, reason := map[string]bool{}, ""
	for line := range strings.Lines(equivalentText) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			reason = line
		case line == "":
			reason = ""
		case reason == "":
			return nil, fmt.Errorf("equivalent.txt: no reason above %q", line)
		default:
			known[line] = true
		}
	}
	return known, nil
}
