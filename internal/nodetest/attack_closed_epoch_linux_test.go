package nodetest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// Attack: somebody who was removed goes on writing, with the key that nobody can
// take from him, and the operator puts what he writes into the room's history and
// into the live messages, at any time he likes. Checked: whoever reads on from the
// frame that closed the epoch is shown none of it.
func TestAttackClosedEpoch(t *testing.T) {
	t.Parallel()
	o := operate(t)
	b := o.b
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	next := frames(t, b, bob, b.General)
	old, head := keys(t, b, bob, b.General)
	spy := tap(t, bob)
	spy.open(b.General)
	if got := spy.post(b.General, next("while he is here")); got.Err != "" {
		t.Fatalf("bob posts: %+v", got)
	}
	post(t, b.Admin, b.General, "the last one")
	before := time.Now()
	_, err := b.Admin.Kick(ctx, b.General, "bob")
	must(t, err)
	post(t, b.Admin, b.General, "without him")

	_, now := keys(t, b, alice, b.General)
	newer := old
	newer.Number++
	newer.Entry = roomLog(t, b, alice, b.General)[now.Index].Hash()
	forge := func(ep seal.Epoch, at bus.Ref) []byte {
		raw, err := seal.NewSender(ep, bob.Endpoint(), bob.Identity.Content).Seal(at, time.Now(), []seal.Record{textRecord("still here")})
		must(t, err)
		return raw
	}
	late := map[string]wire.StoredMessage{
		"in the closed epoch":                   {At: time.Now(), Frame: next("still here")},
		"in the closed epoch, dated back":       {At: before, Frame: next("still here")},
		"in another process, dated back":        {At: before, Frame: forge(old, head)},
		"in the closed epoch, with a new head":  {At: before, Frame: forge(old, now)},
		"in the next epoch, with the old key":   {At: time.Now(), Frame: forge(newer, now)},
		"in the next epoch, with the old entry": {At: time.Now(), Frame: forge(seal.Epoch{Room: old.Room, Number: newer.Number, Entry: old.Entry, Suite: old.Suite, Secret: old.Secret}, now)},
	}
	honest := []string{"bob: while he is here", "admin: the last one", "admin: without him"}
	for name, m := range late {
		for where, at := range map[string]int{"at the end": 3, "before the first of the new epoch": 2} {
			o.tells(o.retold(b.General, func(all []wire.StoredMessage) []wire.StoredMessage {
				m.Seq = all[len(all)-1].Seq + 1
				out := slices.Insert(slices.Clone(all), at, m)
				for i := range out[at:] { // sequences rise, whatever he does
					out[at+i].Seq = out[at-1].Seq + uint64(i) + 1
				}
				return out
			}))
			got, err := linesOf(t, o.client(t, alice, true), b.General)
			if err != nil {
				t.Errorf("%s, %s: alice reads %q, %v", name, where, got, err)
				continue
			}
			faults := func(l string) bool { return strings.HasPrefix(l, "undecryptable: ") }
			told := slices.DeleteFunc(slices.Clone(got), func(l string) bool { return faults(l) || l == "gap" })
			if !slices.Equal(told, honest) || !slices.ContainsFunc(got, faults) {
				t.Errorf("%s, %s: alice reads %q, want what is true, and that one does not count", name, where, got)
			}
		}
	}
	o.tells(nil)
	if _, err := bob.SendOne(ctx, b.General, textRecord("still here")); bus.KindOf(err) != bus.Forbidden {
		t.Errorf("bob asks the honest node: got %v, want forbidden", err)
	}
}
