package nodetest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/client"
	"unibus/internal/membership"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// database is the membership database of a node that does not run, in the
// hands of whoever has its disk.
type database struct {
	t     *testing.T
	path  string
	whole []byte
}

func databaseOf(t *testing.T, b *nodetest.Bus) *database {
	t.Helper()
	d := &database{t: t, path: filepath.Join(b.Options.Dir, "membership", "membership.db")}
	beside, err := filepath.Glob(d.path + "-*")
	if must(t, err); len(beside) > 0 {
		t.Errorf("a node that was stopped still holds its database: %q", beside)
	}
	d.whole, err = os.ReadFile(d.path)
	must(t, err)
	return d
}

// restore puts the database back as it was.
func (d *database) restore() {
	d.t.Helper()
	for _, more := range []string{"-wal", "-shm"} {
		must(d.t, os.RemoveAll(d.path+more))
	}
	must(d.t, os.WriteFile(d.path, d.whole, 0o600))
}

// edit runs SQL on the database.
func (d *database) edit(do func(*rows)) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.path+"?_pragma=journal_mode(DELETE)") // nothing stays beside the file
	must(d.t, err)
	db.SetMaxOpenConns(1)
	do(&rows{d.t, db})
	must(d.t, db.Close())
}

// rows edits tables, and fails the test where nothing was there to edit.
type rows struct {
	t *testing.T
	*sql.DB
}

func (r *rows) exec(query string, args ...any) {
	r.t.Helper()
	done, err := r.Exec(query, args...)
	must(r.t, err)
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		r.t.Errorf("%s: changed nothing (%v)", query, err)
	}
}

// last is the newest entry of a chain.
func (r *rows) last(log membership.Log, id chain.ID) (e *chain.Entry) {
	r.t.Helper()
	var raw []byte
	must(r.t, r.QueryRow("SELECT raw FROM entries WHERE log = ? AND chain = ? ORDER BY idx DESC LIMIT 1", log, id[:]).Scan(&raw))
	e, err := chain.Parse(raw)
	must(r.t, err)
	return e
}

// put appends an entry to a chain, and moves the head that is kept apart.
func (r *rows) put(log membership.Log, id chain.ID, e *chain.Entry) {
	r.t.Helper()
	r.exec("INSERT INTO entries (log, chain, idx, raw) VALUES (?, ?, ?, ?)", log, id[:], e.Index, e.Encode())
	r.head(log, id, e)
}

func (r *rows) head(log membership.Log, id chain.ID, e *chain.Entry) {
	r.t.Helper()
	hash := e.Hash()
	r.exec("UPDATE heads SET idx = ?, hash = ? WHERE log = ? AND chain = ?", e.Index, hash[:], log, id[:])
}

// cut takes the newest entry of a chain away, and moves the head back.
func (r *rows) cut(log membership.Log, id chain.ID) {
	r.t.Helper()
	r.exec("DELETE FROM entries WHERE log = ? AND chain = ? AND idx = ?", log, id[:], r.last(log, id).Index)
	r.head(log, id, r.last(log, id))
}

// flip changes one bit of a column in one row.
func (r *rows) flip(table, column, where string, args ...any) {
	r.t.Helper()
	var id int64
	var value []byte
	key := map[bool]string{true: "rowid", false: "0"}[table == "entries" || table == "envelopes"]
	must(r.t, r.QueryRow("SELECT "+key+", "+column+" FROM "+table+" WHERE "+where, args...).Scan(&id, &value))
	value[len(value)/2] ^= 4
	r.exec("UPDATE "+table+" SET "+column+" = ? WHERE "+where, append([]any{value}, args...)...)
}

// startOn starts a node and stops it again.
func startOn(t *testing.T, o node.Options) error {
	t.Helper()
	o.Found = func(context.Context, node.Request) (*node.Founding, error) { return nil, errors.New("founded again") }
	n, err := node.Start(nodetest.Context(t), o)
	if err == nil {
		must(t, n.Stop(nodetest.Context(t)))
	}
	return err
}

// edits are what somebody does to the database by hand. All but the first two
// also happen to disks.
func edits(m *mirror, b *nodetest.Bus, alice, mallory *nodetest.Person) map[string]func(*rows) {
	m.t.Helper()
	r, log, room, his := m.room(b.General), chain.ID(m.log.Bus), chain.ID(b.General), chain.ID(alice.Identity.Account)
	key := mallory.Identity.Content
	ghost := m.add(r, mallory.Identity.Account, m.author(b.Admin), key, craft{name: "general"})
	self := m.add(r, mallory.Identity.Account, m.author(mallory), key, craft{name: "general"})
	grab := leaveEntry(mallory, b.General)
	where := "log = ? AND chain = ? AND idx = ?"
	return map[string]func(*rows){
		"a ghost in the admin's name": func(r *rows) { r.put(membership.LogRoom, room, ghost.entry) },
		"a ghost in her own name":     func(r *rows) { r.put(membership.LogRoom, room, self.entry) },
		"an entry, and the head as it was": func(r *rows) {
			r.exec("INSERT INTO entries (log, chain, idx, raw) VALUES (3, ?, ?, ?)", room[:], ghost.entry.Index, ghost.entry.Encode())
		},
		"an entry of nothing": func(r *rows) {
			r.exec("INSERT INTO entries (log, chain, idx, raw) VALUES (3, ?, 1000, x'00')", room[:])
		},
		"an entry in another's place": func(r *rows) { r.exec("UPDATE entries SET raw = ? WHERE "+where, grab.Encode(), 3, room[:], 2) },
		"two entries changed over": func(r *rows) {
			for _, move := range []string{"1000 WHERE idx = 2", "2 WHERE idx = 3", "3 WHERE idx = 1000"} {
				r.exec("UPDATE entries SET idx = "+move+" AND log = 3 AND chain = ?", room[:])
			}
		},
		"a hole": func(r *rows) { r.exec("DELETE FROM entries WHERE "+where, 3, room[:], 2) },
		"a tail cut off": func(r *rows) {
			r.exec("DELETE FROM entries WHERE log = 1 AND idx = (SELECT max(idx) FROM entries WHERE log = 1)")
		},
		"a head moved back": func(r *rows) {
			e := r.last(membership.LogBus, log)
			r.cut(membership.LogBus, log)
			r.exec("INSERT INTO entries (log, chain, idx, raw) VALUES (1, ?, ?, ?)", log[:], e.Index, e.Encode())
		},
		"a head lost":             func(r *rows) { r.exec("DELETE FROM heads WHERE log = 2 AND chain = ?", his[:]) },
		"a bit of the genesis":    func(r *rows) { r.flip("entries", "raw", where, 1, log[:], 0) },
		"a bit of the revocation": func(r *rows) { r.flip("entries", "raw", where, 1, log[:], r.last(membership.LogBus, log).Index) },
		"a bit of an account":     func(r *rows) { r.flip("entries", "raw", where, 2, his[:], 0) },
		"a bit of a room":         func(r *rows) { r.flip("entries", "raw", where, 3, room[:], 1) },
		"a bit of a head":         func(r *rows) { r.flip("heads", "hash", "log = 3 AND chain = ?", room[:]) },
		"a room's record lost":    func(r *rows) { r.exec("DELETE FROM rooms WHERE id = ?", room[:]) },
		"a room's shard":          func(r *rows) { r.exec("UPDATE rooms SET shard = (shard + 1) % 32 WHERE id = ?", room[:]) },
		"a room closed":           func(r *rows) { r.exec("UPDATE rooms SET closed = 1 WHERE id = ?", room[:]) },
		"a whole account": func(r *rows) {
			r.exec("DELETE FROM entries WHERE log = 2 AND chain = ?", his[:])
			r.exec("DELETE FROM heads WHERE chain = ?", his[:])
		},
		"everything":                         func(r *rows) { r.exec("DELETE FROM entries"); r.exec("DELETE FROM heads"); r.exec("DELETE FROM rooms") },
		"an account that the rooms rest on":  func(r *rows) { r.cut(membership.LogAccount, his) },
		"the bus log that the rooms rest on": func(r *rows) { r.cut(membership.LogBus, log); r.cut(membership.LogBus, log) },
	}
}

// damages are what happens to a file.
func damages() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"half a file":     func(raw []byte) []byte { return raw[:len(raw)/2] },
		"a page less":     func(raw []byte) []byte { return raw[:len(raw)-4096] },
		"no file":         func([]byte) []byte { return nil },
		"a page of zeros": func(raw []byte) []byte { copy(raw[4096*3:], make([]byte, 4096)); return raw },
	}
}

// Attack: whoever has the node's disk edits its database by hand, to put a
// ghost into a room, to make himself an admin, to bring back whom the admin
// revoked. Checked: the node finds every edit that breaks a chain and does not
// start; with its database back as it was it does.
func TestAttackEditedStore(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	b.Join("gone", b.General)
	_, err := b.Admin.RevokeUser(nodetest.Context(t), "gone")
	must(t, err)
	byHand := edits(mirrorOf(t, b), b, alice, mallory)
	b.Stop()
	d := databaseOf(t, b)
	refused := func(what string) {
		t.Helper()
		if err := startOn(t, b.Options); bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: the node says %v (%s), want an error of integrity", what, err, bus.CodeOf(err))
		}
		d.restore()
	}
	for what, edit := range byHand {
		d.edit(edit)
		refused(what)
	}
	for what, damage := range damages() {
		must(t, os.WriteFile(d.path, damage(bytes.Clone(d.whole)), 0o600))
		refused(what)
	}
	b.Restart()
	post(t, alice, b.General, "all is well")
}

// Attack: the newest entries of a chain are cut off so that what is left holds:
// a removal, a revocation that no room rests on. Checked: a client that saw
// more says so, and does not send.
func TestAttackRolledBackStore(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice := b.Alice(b.General)
	_, err := b.Admin.SetRoomRole(ctx, b.General, "alice", bus.RoleOwner)
	must(t, err)
	b.Mallory()
	_, err = b.Admin.RevokeUser(ctx, "mallory")
	must(t, err)
	post(t, alice, b.General, "hello")
	members, err := alice.Members(ctx, b.General)
	must(t, err)
	b.Stop()
	d := databaseOf(t, b)
	for name, edit := range map[string]func(*rows){
		"a role taken back":       func(r *rows) { r.cut(membership.LogRoom, chain.ID(b.General)) },
		"a revocation taken back": func(r *rows) { r.cut(membership.LogBus, chain.ID(alice.Identity.Bus)) },
	} {
		d.edit(edit)
		b.Restart()
		for who, c := range map[string]*client.Client{"the same client": alice.Client, "the next one": alice.Again()} {
			if _, err := c.Members(ctx, b.General); bus.CodeOf(err) != "withheld" {
				t.Errorf("%s, %s reads: got %v, want withheld", name, who, err)
			}
			if _, err := c.SendOne(ctx, b.General, textRecord("secret")); bus.KindOf(err) != bus.Integrity {
				t.Errorf("%s, %s sends: got %v, want an error of integrity", name, who, err)
			}
		}
		b.Stop()
		d.restore()
	}
	b.Restart()
	if again, err := alice.Again().Members(ctx, b.General); err != nil || len(again) != len(members) {
		t.Errorf("with the store back: got %v, %v", again, err)
	}
}
