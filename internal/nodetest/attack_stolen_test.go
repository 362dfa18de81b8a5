package nodetest_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// recorder has kept everything that a node ever served of a room: every frame,
// and every envelope, whoever it was for.
type recorder struct {
	t         *testing.T
	b         *nodetest.Bus
	room      bus.RoomID
	frames    map[uint64][]byte
	envelopes map[string]recorded
}

type recorded struct {
	epoch    bus.Epoch
	endpoint bus.EndpointID
	sealed   []byte
}

// record takes down what is there now.
func (r *recorder) record() {
	r.t.Helper()
	res := r.b.Admin.Do(r.b.Admin.Request("GET", wire.MessagesAfter(r.room, 0, bus.MaxPageMessages), nil))
	_, err := wire.ReadPage(res.Body, func(m wire.StoredMessage) error {
		r.frames[m.Seq] = bytes.Clone(m.Frame)
		return nil
	})
	must(r.t, err)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.b.Options.Dir, "membership", "membership.db")+"?mode=ro")
	must(r.t, err)
	defer db.Close()
	rows, err := db.Query("SELECT epoch, endpoint, sealed FROM envelopes WHERE room = ?", r.room[:])
	must(r.t, err)
	defer rows.Close()
	for rows.Next() {
		var epoch int64
		var endpoint, sealed []byte
		must(r.t, rows.Scan(&epoch, &endpoint, &sealed))
		r.envelopes[fmt.Sprint(epoch, endpoint)] = recorded{bus.Epoch(epoch), bus.EndpointID(endpoint), sealed}
	}
	must(r.t, rows.Err())
}

// epochs are the entries that started the epochs of the room, which everybody
// may know.
func (r *recorder) epochs() map[bus.Epoch]*chain.Entry {
	r.t.Helper()
	var page wire.Entries
	res := r.b.Admin.Do(r.b.Admin.Request("GET", wire.RoomLogTarget(r.room, 0), nil))
	must(r.t, json.NewDecoder(res.Body).Decode(&page))
	out := map[bus.Epoch]*chain.Entry{}
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		must(r.t, err)
		if slices.Contains([]chain.Op{roomlog.OpRekey, roomlog.OpAdd, roomlog.OpRemove, roomlog.OpAccept}, e.Op) {
			out[bus.Epoch(len(out)+1)] = e
		}
	}
	return out
}

// thief holds the files of somebody's home.
type thief struct {
	t   *testing.T
	dir string
	id  *identity.File
}

func steal(t *testing.T, p *nodetest.Person) *thief {
	t.Helper()
	from := filepath.Dir(filepath.Dir(filepath.Dir(p.Home.IdentityPath(p.Info.Name))))
	th := &thief{t: t, dir: filepath.Join(t.TempDir(), "stolen")}
	must(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		to := filepath.Join(th.dir, path[len(from):])
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o700))
		}
		raw, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(to, raw, 0o600))
	}))
	home := profile.At(th.dir)
	id, err := identity.Load(home.IdentityPath(p.Info.Name), nil)
	must(t, err)
	th.id = id
	return th
}

// holds reports whether bytes stand anywhere in the files.
func (th *thief) holds(raw []byte) (found bool) {
	th.t.Helper()
	must(th.t, filepath.WalkDir(th.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all, err := os.ReadFile(path)
		found = found || bytes.Contains(all, raw)
		return err
	}))
	return found
}

// secrets are all that the thief can get at: what the profile keeps, and what the
// kem keys, and the words if they are there, open of everything recorded.
func (th *thief) secrets(r *recorder, name string) map[bus.Epoch][]seal.Secret {
	th.t.Helper()
	out := map[bus.Epoch][]seal.Secret{}
	store, err := profile.At(th.dir).Open(nodetest.Context(th.t), name, th.id.ProfileKey)
	must(th.t, err)
	defer store.Close()
	epochs := r.epochs()
	for n := range epochs {
		if raw, err := store.Secret(nodetest.Context(th.t), r.room, n); err == nil {
			s, err := seal.SecretFrom(raw)
			must(th.t, err)
			out[n] = append(out[n], s)
		}
	}
	kems := th.id.KEMs
	if th.id.Seed != nil {
		kems = append(slices.Clone(kems), identity.KEMEntry{Serial: 1, Key: th.id.Seed.Recovery()})
	}
	for _, e := range r.envelopes {
		start := epochs[e.epoch]
		for _, k := range kems {
			s, err := seal.OpenEnvelope(k.Key, e.sealed, seal.Binding{Bus: th.id.Bus, Room: r.room, Prev: start.Prev, Epoch: e.epoch,
				Actor: start.Actor, Recipient: e.endpoint, Serial: k.Serial})
			if err == nil {
				out[e.epoch] = append(out[e.epoch], s)
			}
		}
	}
	return out
}

// reads lists the texts that the thief opens of all frames, with any secret as if
// it were that of any epoch.
func (th *thief) reads(r *recorder, by *nodetest.Person) (texts []string) {
	th.t.Helper()
	epochs, secrets := r.epochs(), th.secrets(r, by.Info.Name)
	sender := func(bus.EndpointID) (identity.VerifyKey, bool) { return r.b.Admin.Identity.Content.Public(), true }
	for _, raw := range r.frames {
		for n, all := range secrets {
			for _, s := range all {
				ep := seal.Epoch{Room: r.room, Number: n, Entry: epochs[n].Hash(), Suite: bus.SuiteSealed, Secret: s}
				if got, err := seal.Open(ep, raw, sender); err == nil && !slices.Contains(texts, string(got.Records[0].Body)) {
					texts = append(texts, string(got.Records[0].Body))
				}
			}
		}
	}
	slices.Sort(texts)
	return texts
}

// Attack: somebody takes the files of a member's home, long after, and has
// recorded everything that the node ever served: all frames, all envelopes.
// Checked: he opens what the room still keeps, and nothing from before that, nor
// anything since the member was removed.
func TestAttackStolenState(t *testing.T) {
	t.Parallel()
	var clock nodetest.Clock
	b := boot(t, func(o *node.Options) { o.Now = clock.Now })
	bob := b.Bob(b.General)
	ctx := nodetest.Context(t)
	elsewhere, err := bob.CreateRoom(ctx, "elsewhere", client.RoomOptions{})
	must(t, err)
	place := identity.Place{Path: bob.Home.IdentityPath(bob.Info.Name)}
	must(t, place.Update(func(f *identity.File) (bool, error) { f.Seed = nil; return true, nil })) // identity words --forget
	rec := &recorder{t: t, b: b, room: b.General, frames: map[uint64][]byte{}, envelopes: map[string]recorded{}}

	const weeks = 8 // of eight days each: an epoch and a kem key
	var sealed [][]byte
	var early *thief
	for week := range weeks {
		post(t, b.Admin, b.General, fmt.Sprint("week ", week))
		if got := history(t, bob, b.General); got[len(got)-1] != fmt.Sprint("admin: week ", week) {
			t.Fatalf("week %d: bob reads %q", week, got)
		}
		rec.record()
		if week == 2 {
			early = steal(t, bob)
			sealed = early.sealedSecrets(b.General)
		}
		clock.Pass(8 * 24 * time.Hour)
		post(t, bob, elsewhere, "here")
	}
	_, err = b.Admin.Kick(ctx, b.General, "bob")
	must(t, err)
	post(t, b.Admin, b.General, "without him")
	clock.Pass(26 * time.Hour)
	post(t, bob, elsewhere, "still on the bus") // he does not look into the room again
	rec.record()

	if got, want := early.reads(rec, bob), []string{"week 0", "week 1", "week 2"}; !slices.Equal(got, want) {
		t.Errorf("the files of week 2 open %q, want %q", got, want)
	}
	late := steal(t, bob)
	// Eight epochs of 7 days each, 8 days apart; it is day 65, and 30 days are kept.
	want := []string{"week 4", "week 5", "week 6", "week 7"}
	if got := late.reads(rec, bob); !slices.Equal(got, want) {
		t.Errorf("the files of week %d open %q, want %q", weeks, got, want)
	}
	for _, raw := range sealed {
		if late.holds(raw) {
			t.Error("a secret that was erased is still in the files")
		}
	}
	if len(sealed) < 3 || !early.holds(sealed[0]) {
		t.Errorf("%d secrets of week 2 were looked for", len(sealed))
	}
	if len(rec.frames) != weeks+1 || len(rec.envelopes) < 2*weeks {
		t.Errorf("%d frames and %d envelopes were recorded", len(rec.frames), len(rec.envelopes))
	}
}

// sealedSecrets are the secrets of a room as they stand in the database.
func (th *thief) sealedSecrets(room bus.RoomID) (all [][]byte) {
	th.t.Helper()
	found, err := filepath.Glob(filepath.Join(th.dir, "contexts", "*", "profile.db"))
	must(th.t, err)
	db, err := sql.Open("sqlite", found[0])
	must(th.t, err)
	defer db.Close()
	rows, err := db.Query("SELECT sealed FROM secret WHERE room = ?", room[:])
	must(th.t, err)
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		must(th.t, rows.Scan(&raw))
		all = append(all, raw)
	}
	must(th.t, rows.Err())
	return all
}
