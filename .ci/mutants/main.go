// Mutants breaks the rules of the cryptographic core on purpose, one small
// change at a time, and counts how many of these changes some test notices.
//
// The tree is never written: the compiler is handed the changed file in place
// of the true one (go test -overlay). Which mutants are made follows from the
// seed. It ends with 1 when fewer than the wanted share were noticed, and
// prints those that were not: each is a test that is missing, or, if nothing
// could notice it, a line for equivalent.txt.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	root    string
	only    string
	seed    uint64
	count   int
	budget  time.Duration
	share   float64
	workers int
	fast    bool
	list    bool
}

func parse() (o options) {
	flag.StringVar(&o.root, "root", ".", "`folder` of the module")
	flag.StringVar(&o.only, "only", "", "only files whose path contains `text`; several with commas")
	flag.Uint64Var(&o.seed, "seed", 1, "which mutants are made")
	flag.IntVar(&o.count, "count", 300, "how many, those that do not compile left out")
	flag.DurationVar(&o.budget, "budget", 24*time.Hour, "no new mutant after this `time`")
	flag.Float64Var(&o.share, "share", 0.9, "of them that tests must notice")
	flag.IntVar(&o.workers, "workers", 2, "how many at once")
	flag.BoolVar(&o.fast, "fast", false, "leave out what must be compiled one by one")
	flag.BoolVar(&o.list, "list", false, "print all that could be made, and end")
	flag.Parse()
	return o
}

func run(ctx context.Context) error {
	o := parse()
	all, err := find(o.root)
	if err != nil {
		return err
	}
	known, err := equivalents()
	if err != nil {
		return err
	}
	chosen := wanted(slices.Clone(all), known, o)
	shuffle(chosen, o.seed)
	if o.list {
		for _, m := range chosen {
			fmt.Println(m)
		}
		return nil
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no mutants in %q", o.only)
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := newLab(ctx, o, dir, all, chosen)
	if err != nil {
		return err
	}
	t := tally(l.tryAll(ctx, chosen))
	fmt.Printf("seed %d: %d of %d mutants noticed (%.0f %%), %d did not compile\n", o.seed, t.killed, t.killed+t.survived, 100*t.share(), t.broken)
	if t.share() < o.share {
		return fmt.Errorf("want %.0f %%", 100*o.share)
	}
	return ctx.Err()
}
