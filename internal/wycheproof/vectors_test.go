package wycheproof

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

// octets stand as hex in the vectors.
type octets []byte

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

// verdict is what every case says of itself.
type verdict struct {
	ID      int `json:"tcId"`
	Comment string
	Flags   []string
	Result  string
}

// group is the common form of a file's test groups: G are the parameters of
// the group, C the cases.
type group[G, C any] struct {
	params G
	cases  []C
}

func (g *group[G, C]) UnmarshalJSON(b []byte) error {
	var list struct{ Tests []C }
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	g.cases = list.Tests
	return json.Unmarshal(b, &g.params)
}

// run calls check with every case of a file; check returns false for a case
// that is not meant. It fails unless exactly want cases were meant.
func run[G, C any](t *testing.T, file string, want int, check func(t *testing.T, g G, c C) bool) {
	t.Parallel()
	raw, err := fs.ReadFile(wycheproof.TestVectors, file)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ TestGroups []group[G, C] }
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, g := range v.TestGroups {
		for _, c := range g.cases {
			if check(t, g.params, c) {
				ran++
			}
		}
	}
	if ran != want {
		t.Errorf("%s: ran %d cases, want %d", file, ran, want)
	}
}

// judge compares what happened with what the vector demands.
func (v verdict) judge(t *testing.T, accepted bool) {
	t.Helper()
	if accepted != (v.Result == "valid") {
		t.Errorf("case %d (%s): accepted %t, want %s", v.ID, v.Comment, accepted, v.Result)
	}
}
