package cmd

import (
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
)

// Who cannot type three of the words back forgets nothing.
func TestKnowsWords(t *testing.T) {
	t.Parallel()
	same := slices.Repeat([]string{"zoo"}, 24) // whichever three are asked
	yes := newFakeEnv("")
	yes.Yes = true
	for name, c := range map[string]struct {
		env  *fakeEnv
		code string
	}{
		"typed":        {newFakeEnv("").typing("zoo", " Zoo ", "zoo"), ""},
		"a wrong one":  {newFakeEnv("").typing("zoo", "zoo", "zone"), "wrong_word"},
		"nothing":      {newFakeEnv("").typing("", "", ""), "wrong_word"},
		"nobody there": {newFakeEnv("zoo\nzoo\nzoo\n"), "needs_yes"},
		"--yes":        {yes, ""},
	} {
		if err := c.env.knowsWords(t.Context(), same); c.code == "" && err != nil || c.code != "" && bus.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want code %q", name, err, c.code)
		}
	}
}

// Words are dropped only if they are still those that the person has.
func TestDropWords(t *testing.T) {
	t.Parallel()
	id := client.NewIdentity("device", time.Unix(1_800_000_000, 0))
	before := identity.Words(id.Seed.Bytes())
	next := identity.NewSeed()
	id.Seed = &next
	if changed, err := (wordsOptions{}).drop(id, before); changed || err != nil || id.Seed == nil {
		t.Errorf("another seed was dropped: %v, %v", changed, err)
	}
	if changed, err := (wordsOptions{}).drop(id, identity.Words(next.Bytes())); !changed || err != nil || id.Seed != nil {
		t.Errorf("the seed stayed: %v, %v", changed, err)
	}
}
