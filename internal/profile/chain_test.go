package profile

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// entries makes raw entries of a chain that no rule would take: this package
// does not look into them.
func entries(from, n int) [][]byte {
	var list [][]byte
	for i := range n {
		list = append(list, fmt.Appendf(nil, "entry %d", from+i))
	}
	return list
}

func TestAppend(t *testing.T) {
	t.Parallel()
	ctx, id := context.Background(), chain.ID{1}
	forked := func(at int) [][]byte {
		list := entries(0, 5)
		list[at] = []byte("another")
		return list
	}
	for name, tt := range map[string]struct {
		from uint32
		raw  [][]byte
		code string
		want int // entries afterwards; there are 3 before
	}{
		"next":               {3, entries(3, 2), "", 5},
		"nothing":            {3, nil, "", 3},
		"nothing, earlier":   {1, nil, "", 3},
		"the same":           {0, entries(0, 3), "", 3},
		"the same in part":   {1, entries(1, 1), "", 3},
		"overlap":            {1, entries(1, 4), "", 5},
		"hole":               {4, entries(4, 1), "chain_hole", 3},
		"hole, nothing":      {9, nil, "chain_hole", 3},
		"fork at the start":  {0, forked(0), "forked", 3},
		"fork at the end":    {0, forked(2), "forked", 3},
		"fork, nothing new":  {2, [][]byte{{}}, "forked", 3},
		"an empty entry":     {3, [][]byte{{}}, "", 4},
		"other bytes behind": {0, forked(4), "", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memory(t)
			must(t, s.Append(ctx, LogRoom, id, 0, entries(0, 3)))
			err := s.Append(ctx, LogRoom, id, tt.from, tt.raw)
			if tt.code != "" {
				wantCode(t, err, bus.Integrity, tt.code)
			} else {
				must(t, err)
			}
			got, err := s.Entries(ctx, LogRoom, id)
			if err != nil || len(got) != tt.want || !reflect.DeepEqual(got[:3], entries(0, 3)) {
				t.Errorf("got %q, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestChainsStandApart(t *testing.T) {
	t.Parallel()
	s, ctx := memory(t), context.Background()
	n := 0
	for _, log := range []Log{LogBus, LogAccount, LogRoom} {
		for _, id := range []chain.ID{{}, {1}, {15: 1}} {
			n++
			must(t, s.Append(ctx, log, id, 0, entries(100*n, n)))
		}
	}
	n = 0
	for _, log := range []Log{LogBus, LogAccount, LogRoom} {
		for _, id := range []chain.ID{{}, {1}, {15: 1}} {
			n++
			if got, err := s.Entries(ctx, log, id); err != nil || !reflect.DeepEqual(got, entries(100*n, n)) {
				t.Errorf("chain %d: got %q, %v", n, got, err)
			}
		}
	}
	if got, err := s.Entries(ctx, LogRoom, chain.ID{9}); err != nil || len(got) != 0 {
		t.Errorf("an unknown chain: got %q, %v", got, err)
	}
}

// What the rules took once is not checked again: nobody without the key may
// change it.
func TestChangedChainIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"entry changed":   "UPDATE entry SET raw = x'00' WHERE number = 1",
		"last changed":    "UPDATE entry SET raw = x'00' WHERE number = 2",
		"last taken":      "DELETE FROM entry WHERE number = 2",
		"first taken":     "DELETE FROM entry WHERE number = 0",
		"one added":       "INSERT INTO entry VALUES (3, zeroblob(16), 3, x'00')",
		"order changed":   "UPDATE entry SET number = 10 - number",
		"chain moved":     "UPDATE entry SET log = 2; UPDATE head SET log = 2",
		"head taken":      "DELETE FROM head",
		"head changed":    "UPDATE head SET sealed = zeroblob(76)",
		"head cut":        "UPDATE head SET sealed = x''",
		"rows of another": "UPDATE entry SET raw = (SELECT e.raw FROM entry e WHERE e.log = 1 AND e.number = entry.number) WHERE log = 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx, id := memory(t), context.Background(), chain.ID{}
			must(t, s.Append(ctx, LogBus, id, 0, entries(10, 3)))
			must(t, s.Append(ctx, LogRoom, id, 0, entries(0, 3)))
			if name == "chain moved" {
				must(t, s.exec(ctx, kept, "DELETE FROM entry WHERE log = 1; DELETE FROM head WHERE log = 1"))
			}
			must(t, s.exec(ctx, kept, change))
			log := LogRoom
			if name == "chain moved" {
				log = LogAccount
			}
			got, err := s.Entries(ctx, log, id)
			wantCode(t, err, bus.Integrity, "bad_profile")
			if got != nil {
				t.Errorf("got %q besides", got)
			}
		})
	}
}

func TestAppendAfterChange(t *testing.T) {
	t.Parallel()
	s, ctx, id := memory(t), context.Background(), chain.ID{}
	must(t, s.Append(ctx, LogRoom, id, 0, entries(0, 3)))
	must(t, s.exec(ctx, kept, "DELETE FROM entry WHERE number = 2"))
	wantCode(t, s.Append(ctx, LogRoom, id, 0, entries(0, 4)), bus.Integrity, "bad_profile")
	must(t, s.exec(ctx, kept, "DELETE FROM head"))
	wantCode(t, s.Append(ctx, LogRoom, id, 0, entries(5, 1)), bus.Integrity, "profile_damaged")
}
