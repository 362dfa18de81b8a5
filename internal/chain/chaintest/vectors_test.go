package chaintest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

var update = flag.Bool("update", false, "write the vectors anew: a change of them is a change of the protocol")

// vectors are the chains of a small bus, for whoever writes a second client.
// Envelopes are placeholders: what is sealed has vectors of its own.
type vectors struct {
	Note     string              `json:"note"`
	Bus      bus.ID              `json:"bus"`
	BusLog   []vector            `json:"bus_log"`
	Accounts map[string][]vector `json:"accounts"`
	Room     bus.RoomID          `json:"room"`
	RoomLog  []vector            `json:"room_log"`
	Members  map[string]string   `json:"members"` // at the end, with their roles
	Audience []string            `json:"audience"`
}

// vector is one entry: its bytes, and what they say.
type vector struct {
	Raw   []byte         `json:"raw"` // base64
	Hash  bus.Hash       `json:"hash"`
	Index uint32         `json:"index"`
	Prev  bus.Hash       `json:"prev"`
	Time  time.Time      `json:"time"`
	Actor bus.EndpointID `json:"actor"`
	Op    chain.Op       `json:"op"`
	Signs int            `json:"signatures"`
}

func vectorOf(e *chain.Entry) vector {
	return vector{Raw: e.Encode(), Hash: e.Hash(), Index: e.Index, Prev: e.Prev, Time: e.Time, Actor: e.Actor, Op: e.Op,
		Signs: len(e.Sigs)}
}

func vectorsOf(entries []*chain.Entry) (out []vector) {
	for _, e := range entries {
		out = append(out, vectorOf(e))
	}
	return out
}

// written builds a bus in which every operation happens once at least.
func written(t *testing.T) vectors {
	w := chaintest.New(t)
	w.Alice.AddRecovery()
	laptop := w.Alice.AddDevice("laptop")
	laptop.Renew()
	r := w.Room(w.Founder.Device())
	r.Add(w.Founder.Device(), bus.RoleMember, w.Alice, w.Bob)
	inv := w.Invite("carol", time.Hour)
	r.Guest(w.Founder.Device(), bus.RoleReader, inv)
	carol := w.Join(inv)
	r.Must(r.AcceptEntry(carol.Device(), inv))
	r.Must(r.RoleEntry(w.Founder.Device(), w.Alice, bus.RoleOwner))
	w.Pass(time.Minute)
	laptop.Revoke()
	r.Must(r.Rekey(w.Alice.Device(), roomlog.ReasonMoved))
	w.Revoke(w.Bob)
	r.Remove(w.Alice.Device(), w.Bob)
	r.Must(r.PolicyEntry(w.Alice.Device(), 72*time.Hour, "placeholder"))
	r.Must(r.LeaveEntry(carol.Device(), nil))
	later(w, r)
	v := vectors{
		Note: "entries of unibus/1 chains; raw is base64 of the whole entry",
		Bus:  w.Bus().Tail.Bus, BusLog: vectorsOf(w.BusLog), Accounts: map[string][]vector{},
		Room: r.State.ID, RoomLog: vectorsOf(r.Log), Members: map[string]string{},
	}
	for _, a := range w.Bus().Users() {
		v.Accounts[string(a.Handle)] = vectorsOf(w.AccountLogs[a.ID])
	}
	for _, m := range r.State.Members() {
		v.Members[string(w.Bus().Account(m.Account).Handle)] = m.Role.String()
	}
	for _, rec := range r.State.Epoch.Audience {
		v.Audience = append(v.Audience, rec.Endpoint.String())
	}
	return v
}

// later goes on with what a bus of some age sees: links, bots, new keys, a bad
// envelope, an admin removed by two others.
func later(w *chaintest.World, r *chaintest.Room) {
	alice, boss := w.Alice.Device(), w.Founder.Device()
	phone := w.Alice.TakeUp(alice.Link(time.Hour), "phone")
	unused := phone.Owner.Device().Link(time.Minute)
	revoke := account.Revoke{By: account.ByEndpoint, Endpoint: unused.Endpoint()}
	w.MustAccount(w.Alice, w.AccountEntry(w.Alice, alice, account.OpRevoke, revoke.Encode(), alice.Content))
	w.Alice.AddBot("ci", account.Rights{NotAfter: w.Now.Add(90 * 24 * time.Hour),
		Scope: account.NewScope(account.VerbPublish, r.State.ID)})
	w.Alice.AddBot("elsewhere", account.Rights{Scope: account.NewScope(account.VerbRead|account.VerbPublish, bus.RoomID{1})})
	w.Alice.Rotate()
	r.Must(r.Rekey(alice, roomlog.ReasonMoved))
	rec, _ := r.State.Epoch.Recipient(boss.ID())
	bad := roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: r.Start(roomlog.Change{}),
		Complaint: roomlog.Complaint{Epoch: r.State.Epoch.Number, Envelope: sha256.Sum256(chaintest.Envelope(rec))}}
	r.Must(r.Entry(boss, roomlog.OpRekey, bad.Encode()))
	w.Promote(w.Alice)
	next := w.SigningKey()
	w.MustBus(w.BusEntry(boss, buslog.OpOrgRotate, buslog.OrgRotateBody(next.Public()), w.Org, next))
	w.Org = next
	dave := w.User("dave")
	w.Promote(dave)
	w.Pass(bus.AdminAge)
	with := buslog.Cosigner{Account: dave.ID(), Endpoint: dave.Device().ID(), At: dave.Head()}
	w.MustBus(w.BusEntry(boss, buslog.OpRevoke, buslog.Revoke{Handle: "alice", With: &with}.Encode(), dave.Device().Content))
	r.Remove(boss, w.Alice)
}

const file = "testdata/vectors/chains.json"

// TestVectorsWritten holds what we write to the frozen bytes.
func TestVectorsWritten(t *testing.T) {
	got, err := json.MarshalIndent(written(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(got, '\n'), want) {
		t.Fatalf("the entries written differ from %s: the protocol changed", file)
	}
}

// reader is a world built from frozen bytes alone.
type reader struct {
	bus      *buslog.State
	accounts map[bus.AccountID]*account.State
}

func (r *reader) Bus() *buslog.State                      { return r.bus }
func (r *reader) Account(id bus.AccountID) *account.State { return r.accounts[id] }

func parsed(t *testing.T, v vector) *chain.Entry {
	t.Helper()
	e, err := chain.Parse(v.Raw)
	if err != nil {
		t.Fatalf("entry %d: %v", v.Index, err)
	}
	if got := vectorOf(e); got.Hash != v.Hash || got.Prev != v.Prev || !got.Time.Equal(v.Time) || got.Actor != v.Actor ||
		got.Op != v.Op || got.Index != v.Index || got.Signs != v.Signs {
		t.Fatalf("entry %d says %+v, want %+v", v.Index, got, v)
	}
	return e
}

// TestVectorsRead verifies the frozen bytes from the genesis on, knowing
// nothing else, and then refuses each of them with one bit changed.
func TestVectorsRead(t *testing.T) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	r := &reader{bus: buslog.New(), accounts: map[bus.AccountID]*account.State{}}
	r.readBus(t, v)
	if r.bus.Tail.Bus != v.Bus {
		t.Fatalf("bus id: got %s, want %s", r.bus.Tail.Bus, v.Bus)
	}
	room := roomlog.New(v.Bus)
	for _, one := range v.RoomLog {
		broken := bytes.Clone(one.Raw)
		broken[len(broken)-1] ^= 1
		if e, err := chain.Parse(broken); err == nil {
			if _, err := room.Check(e, r); err == nil {
				t.Errorf("room entry %d: a changed signature was taken", one.Index)
			}
		}
		step, err := room.Check(parsed(t, one), r)
		if err != nil {
			t.Fatalf("room entry %d: %v", one.Index, err)
		}
		step()
	}
	if room.ID != v.Room {
		t.Errorf("room id: got %s, want %s", room.ID, v.Room)
	}
	for _, m := range room.Members() {
		if h := string(r.bus.Account(m.Account).Handle); v.Members[h] != m.Role.String() {
			t.Errorf("%s is %s, want %s", h, m.Role, v.Members[h])
		}
	}
	for i, rec := range room.Epoch.Audience {
		if i >= len(v.Audience) || rec.Endpoint.String() != v.Audience[i] {
			t.Errorf("audience %d: got %s", i, rec.Endpoint)
		}
	}
}

// readBus takes the bus log, and each account chain as far as it is needed:
// the entry that admits an account comes before the chain that it begins.
func (r *reader) readBus(t *testing.T, v vectors) {
	for _, one := range v.BusLog {
		step, err := r.bus.Check(parsed(t, one), roomlog.Speakers{Facts: r})
		if err != nil {
			t.Fatalf("bus entry %d: %v", one.Index, err)
		}
		step()
		for _, a := range r.bus.Users() {
			if r.accounts[a.ID] == nil {
				r.accounts[a.ID] = account.New(r.bus.Tail.Bus, a.Key)
				r.readAccount(t, r.accounts[a.ID], v.Accounts[string(a.Handle)])
			}
		}
	}
}

func (r *reader) readAccount(t *testing.T, acc *account.State, entries []vector) {
	for _, one := range entries {
		step, err := acc.Check(parsed(t, one), roomlog.Speakers{Facts: r})
		if err != nil {
			t.Fatalf("account entry %d: %v", one.Index, err)
		}
		step()
	}
}
