package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// aging boots a bus whose clock a test moves.
func aging(t testing.TB) (*nodetest.Bus, *nodetest.Clock) {
	t.Helper()
	clock := new(nodetest.Clock)
	return nodetest.Boot(t, func(o *node.Options) { o.Now = clock.Now }), clock
}

// week is when a kem key is over its life.
const week = bus.KEMLife + time.Minute

// published lists the kem entries of a person's chain, as the admin is shown it.
func published(t testing.TB, b *nodetest.Bus, p *nodetest.Person) (serials []uint32) {
	t.Helper()
	var page wire.Entries
	res := b.Admin.Do(b.Admin.Request(http.MethodGet, wire.AccountTarget(p.Name, 0), nil))
	must(t, json.NewDecoder(res.Body).Decode(&page))
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		must(t, err)
		if e.Op == account.OpKEM {
			serials = append(serials, uint32(e.Body[3]))
		}
	}
	return serials
}

// keptKeys lists the serials of the kem keys in a person's identity file.
func keptKeys(t testing.TB, p *nodetest.Person) (serials []uint32) {
	t.Helper()
	f, err := identity.Load(p.Home.IdentityPath(p.Info.Name), func() ([]byte, error) { return []byte(passphrase), nil })
	must(t, err)
	for _, k := range f.KEMs {
		serials = append(serials, k.Serial)
	}
	return serials
}

const passphrase = "correct horse"

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// Whoever sends, or stays connected, with a kem key of over a week has a new one
// first, and the next epoch is sealed to it. What was sealed before still opens.
func TestKEMKeysAreRenewed(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*nodetest.Bus, *nodetest.Person){
		"by sending":     func(b *nodetest.Bus, p *nodetest.Person) { send(t, p.Again(), b.General, "new") },
		"by following":   func(b *nodetest.Bus, p *nodetest.Person) { follow(t, p.Again(), b.General) },
		"not by looking": func(b *nodetest.Bus, p *nodetest.Person) { read(t, p.Again(), b.General) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, clock := aging(t)
			alice := b.Alice(b.General)
			send(t, b.Admin.Client, b.General, "old")
			clock.Pass(bus.KEMLife - time.Minute)
			send(t, alice.Again(), b.General, "too early")
			want(t, "keys of six days", keptKeys(t, alice), []uint32{1})
			clock.Pass(2 * time.Minute)
			act(b, alice)
			if name == "not by looking" {
				want(t, "published", published(t, b, alice), []uint32(nil))
				return
			}
			want(t, "published", published(t, b, alice), []uint32{2})
			want(t, "kept", keptKeys(t, alice), []uint32{1, 2})
			clock.Pass(bus.EpochAge)
			send(t, b.Admin.Client, b.General, "sealed to the new key")
			got := newSeen()
			for _, e := range read(t, forgetfulAt(t, alice, clock.Now), b.General) {
				must(t, got.add(e))
			}
			got.mu.Lock()
			if last := got.texts[len(got.texts)-1]; last != "sealed to the new key" || len(got.faults) > 0 || got.texts[0] != "old" {
				t.Errorf("alice reads %q, with %d faults", got.texts, len(got.faults))
			}
			got.mu.Unlock()
		})
	}
}

// forgetfulAt has the person's keys as they are kept now, and no memory.
func forgetfulAt(t testing.TB, p *nodetest.Person, now func() time.Time) *client.Client {
	t.Helper()
	f, err := identity.Load(p.Home.IdentityPath(p.Info.Name), nil)
	must(t, err)
	f.Handle, f.Bus = p.Name, p.Identity.Bus
	store, err := profile.Memory(nodetest.Context(t), identity.NewProfileKey())
	must(t, err)
	c, err := client.New(client.Options{Identity: f, Info: p.Info, Store: store, Now: now})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// Many processes find the key too old at once: one new key is published, the one
// that is kept, and nobody's message is lost.
func TestParallelProcessesRenewOnce(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	clock.Pass(week)
	var all sync.WaitGroup
	for i := range 6 {
		c := alice.Again()
		all.Go(func() {
			if _, err := c.SendOne(nodetest.Context(t), b.General, text(fmt.Sprint(i))); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	all.Wait()
	want(t, "published", published(t, b, alice), []uint32{2})
	want(t, "kept", keptKeys(t, alice), []uint32{1, 2})
	clock.Pass(bus.EpochAge)
	send(t, b.Admin.Client, b.General, "last")
	if got := read(t, forgetfulAt(t, alice, clock.Now), b.General); got[len(got)-1].Message == nil {
		t.Errorf("alice reads %+v: the published key is not the kept one", got[len(got)-1])
	}
}

// A process that has been running reads what is sealed to a key that another one
// made.
func TestRunningProcessTakesTheNewKey(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	got, _ := follow(t, alice.Client, b.General)
	var said []string
	say := func(c *client.Client, words string) {
		said = append(said, words)
		send(t, c, b.General, words)
		got.untilText(t, words) // the clock goes on when no request is under way
	}
	say(b.Admin.Client, "before")
	clock.Pass(week)
	say(alice.Again(), "from another process")
	clock.Pass(bus.EpochAge)
	say(b.Admin.Client, "sealed to the new key")
	got.wantOnce(t, said)
}

// failing keeps nothing, or keeps and then seems to fail.
type failing struct {
	keys client.Keys
	err  error
}

func (f failing) Update(change func(*identity.File) (bool, error)) error {
	if f.keys != nil {
		if err := f.keys.Update(change); err != nil {
			return err
		}
	}
	return f.err
}

// A key is kept before it is published: what is interrupted in between goes on
// with the same key. Where no key can be kept, nothing is published; it is said
// once, and the message is sent.
func TestKeysAreKeptBeforePublished(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	clock.Pass(week)
	place := identity.Place{Path: alice.Home.IdentityPath(alice.Info.Name)}
	for name, keys := range map[string]client.Keys{"none": nil, "read only": failing{nil, errors.New("read-only file system")},
		"interrupted": failing{place, errors.New("power cut")}} {
		told := 0
		store, err := alice.Home.Open(nodetest.Context(t), alice.Info.Name, alice.Identity.ProfileKey)
		must(t, err)
		c, err := client.New(client.Options{Identity: alice.Identity, Info: alice.Info, Store: store, Now: clock.Now, Keys: keys,
			Warn: func(err error) {
				told++
				wantError(t, name, err, bus.Unsafe, "kem_key_old")
			}})
		must(t, err)
		send(t, c, b.General, "one")
		send(t, c, b.General, "two")
		must(t, c.Close())
		want(t, name+": times told", told, 1)
		want(t, name+": published", published(t, b, alice), []uint32(nil))
	}
	want(t, "kept", keptKeys(t, alice), []uint32{1, 2})
	kept, err := identity.Load(place.Path, nil)
	must(t, err)
	send(t, alice.Again(), b.General, "three")
	again, err := identity.Load(place.Path, nil)
	must(t, err)
	want(t, "published", published(t, b, alice), []uint32{2})
	if kept.KEMs[1].Key.Public() != again.KEMs[1].Key.Public() {
		t.Error("another key was made under the serial of the one that was kept")
	}
}

// Sealed identities stay sealed, under the passphrase that opened them.
func TestSealedIdentityIsRenewed(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	path := alice.Home.IdentityPath(alice.Info.Name)
	must(t, identity.Place{Path: path}.Reseal([]byte(passphrase)))
	clock.Pass(week)
	store, err := alice.Home.Open(nodetest.Context(t), alice.Info.Name, alice.Identity.ProfileKey)
	must(t, err)
	c, err := client.New(client.Options{Identity: alice.Identity, Info: alice.Info, Store: store, Now: clock.Now,
		Keys: identity.Place{Path: path, Passphrase: func() ([]byte, error) { return []byte(passphrase), nil }}})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	send(t, c, b.General, "hello")
	want(t, "published", published(t, b, alice), []uint32{2})
	want(t, "kept", keptKeys(t, alice), []uint32{1, 2})
	if _, err := identity.Load(path, func() ([]byte, error) { return nil, errors.New("asked") }); err == nil {
		t.Error("the identity is plain now")
	}
}

// Old keys go once all that was sealed to them is open, and what they opened stays
// readable. A day's grace is for what is under way.
func TestOldKEMKeysAreErased(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	send(t, b.Admin.Client, b.General, "sealed to the first")
	for _, kept := range [][]uint32{{1, 2}, {2, 3}, {3, 4}} {
		clock.Pass(week)
		send(t, alice.Client, b.General, "hello")
		want(t, "kept", keptKeys(t, alice), kept)
	}
	clock.Pass(bus.EpochAge + time.Minute)
	got := newSeen()
	for _, e := range read(t, alice.Client, b.General) {
		must(t, got.add(e))
	}
	want(t, "kept by who only reads", keptKeys(t, alice), []uint32{4})
	if len(got.texts) != 4 || got.texts[0] != "sealed to the first" || len(got.faults) > 0 {
		t.Errorf("alice reads %q, with %d faults; want all that was sent", got.texts, len(got.faults))
	}
}

// A device that was away until rooms left it out renews its key when it returns
// and is in again with the next message of another member.
func TestSleeperReturns(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	clock.Pass(bus.KEMLife + bus.KEMGrace - time.Hour)
	send(t, b.Admin.Client, b.General, "while she dozes")
	clock.Pass(bus.EpochAge + 2*time.Hour)
	send(t, b.Admin.Client, b.General, "while she sleeps")
	clock.Pass(2 * time.Minute) // a room takes one plain rekey a minute
	got := newSeen()
	c := alice.Again()
	tries := make(chan bus.StateEvent, 1024)
	start(t, func(ctx context.Context) error {
		return c.Read(ctx, b.General, client.ReadOptions{Limit: 10, Follow: true, State: func(e bus.StateEvent) { tries <- e }}, got.add)
	})
	if e := <-tries; e.State != "reconnecting" {
		t.Errorf("a sleeper: got %q, want her to try until she is in again", e.State)
	}
	want(t, "published", published(t, b, alice), []uint32{2})
	send(t, b.Admin.Client, b.General, "good morning")
	got.untilText(t, "good morning")
	send(t, c, b.General, "hello")
	got.untilText(t, "hello")
	if n := len(got.faults); n != 0 {
		t.Errorf("got %d faults, the first %s", n, describe(got.faults[0]))
	}
}

// While copies are in use a key lives longer, also for a process that began
// before; but the device does not fall asleep for it. A copy that is older than
// the key says so.
func TestSharedKeysLiveLonger(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	before := alice.Again()
	must(t, identity.Place{Path: alice.Home.IdentityPath(alice.Info.Name)}.Update(func(f *identity.File) (bool, error) {
		f.Shared = true
		return true, nil
	}))
	job := forgetfulAt(t, alice, clock.Now)
	clock.Pass(week)
	for range 2 {
		send(t, before, b.General, "hello")
		want(t, "after a week", published(t, b, alice), []uint32(nil))
	}
	clock.Pass(bus.SharedKEMLife - bus.KEMLife)
	send(t, before, b.General, "hello")
	want(t, "before she would fall asleep", published(t, b, alice), []uint32{2})
	send(t, before, b.General, "hello")
	clock.Pass(bus.EpochAge)
	send(t, b.Admin.Client, b.General, "for the new key")
	_, err := job.SendOne(nodetest.Context(t), b.General, text("from an old copy"))
	wantError(t, "an old copy", err, bus.Integrity, "old_keys")
}
