package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// again starts a broker on the directory of n, which was stopped.
func (n *node) again(change ...func(*Options)) (*node, error) {
	o := n.options
	o.Found = false
	for _, f := range change {
		f(&o)
	}
	b, err := Start(n.t.Context(), o)
	if err != nil {
		return nil, err
	}
	next := &node{Broker: b, directory: n.directory, t: n.t, options: o, client: n.client}
	n.t.Cleanup(next.stop)
	return next, nil
}

func (n *node) mustAgain(change ...func(*Options)) *node {
	n.t.Helper()
	next, err := n.again(change...)
	if err != nil {
		n.t.Fatal(err, errors.Unwrap(err))
	}
	return next
}

// A restart keeps messages and goes on with their sequences; the same bytes
// are still known, and the limits are those of today.
func TestRestart(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *Options) { o.Sync, o.MaxStore = 0, 8<<30 })
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	raw := alice.frame(room, 10)
	first := a.post(room, raw)
	n.stop()
	a.waitClosed()
	n = n.mustAgain(func(o *Options) { o.MaxStore = 256 << 20; o.Retention = time.Hour })
	b := n.connect(alice)
	r := b.open(room)
	if len(r.Granted) != 1 || r.Granted[0].Last != first {
		t.Fatalf("open after the restart: %+v, want last %d", r, first)
	}
	live := b.subscribe(wire.OutSubject(room))
	if again, err := b.tryPost(room, raw); err != nil || !again.Duplicate || again.Seq != first {
		t.Errorf("the same bytes after the restart: %+v, %v", again, err)
	}
	if seq := b.post(room, alice.frame(room, 10)); seq != first+1 {
		t.Errorf("sequence %d after %d", seq, first)
	}
	last := "1"
	checkFacts(t, next(t, live), &last)
	info := n.shards.streams[0].CachedInfo()
	if info.Config.MaxAge != time.Hour || info.Config.MaxBytes != n.options.shardBytes() {
		t.Errorf("limits after the restart: %v, %d", info.Config.MaxAge, info.Config.MaxBytes)
	}
	if f := n.Facts(); f != (Facts{TLS: true, ACL: true, Sync: "always"}) {
		t.Errorf("facts %+v", f)
	}
}

// Attack, or accident: the store lost a stream, all of them, or its key.
// Checked: the node does not start, makes nothing, and starts again unharmed
// when the right thing is back.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room := n.person(), newRoom()
	seq := n.storeRaw(0, room, p.frame(room, 10))
	n.stop()
	streams := filepath.Join(n.options.Dir, "jetstream", "CTL", "streams")
	refused := func(what string, change ...func(*Options)) {
		t.Helper()
		next, err := n.again(change...)
		if err == nil {
			next.stop()
		}
		if bus.KindOf(err) != bus.Integrity || bus.CodeOf(err) != "store_damaged" {
			t.Errorf("%s: %v", what, err)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	aside := filepath.Join(t.TempDir(), "aside")
	move(filepath.Join(streams, "S0"), aside)
	refused("a missing stream")
	if _, err := os.Stat(filepath.Join(streams, "S0")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the missing stream was made anew: %v", err)
	}
	move(aside, filepath.Join(streams, "S0"))
	refused("another key", func(o *Options) { o.StoreKey = []byte("another key of 32 bytes .......") })
	refused("an empty store", func(o *Options) { o.Dir = t.TempDir() })
	if _, err := n.again(func(o *Options) { o.Found = true }); bus.CodeOf(err) != "store_not_empty" {
		t.Errorf("founded a second time: %v", err)
	}
	next := n.mustAgain()
	if got, err := next.Last(t.Context(), 0, room); err != nil || got != seq {
		t.Errorf("afterwards last %d, %v; want %d", got, err, seq)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cert, _ := testTLS(t)
	for code, change := range map[string]func(*Options){
		"port_in_use":   func(o *Options) { o.Listen = taken.Addr().String() },
		"cannot_listen": func(o *Options) { o.Listen = "192.0.2.1:4222" },
		"bad_listen":    func(o *Options) { o.Listen = "127.0.0.1" },
		"no_tls":        func(o *Options) { o.TLS = nil },
		"bad_options":   func(o *Options) { o.Directory = nil },
		"store_dir":     func(o *Options) { o.Dir = filepath.Join(file, "store") },
		"store_unusable": func(o *Options) {
			if err := os.WriteFile(filepath.Join(o.Dir, "jetstream"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		o := Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", TLS: cert, Directory: newDirectory(), Found: true,
			Log: slog.New(slog.DiscardHandler)}
		change(&o)
		b, err := Start(t.Context(), o)
		if err == nil {
			_ = b.Stop(context.Background())
		}
		if bus.CodeOf(err) != code {
			t.Errorf("%s: got %s, %v", code, bus.CodeOf(err), err)
		}
		if err != nil && strings.Contains(err.Error(), o.Dir) && o.Dir != "" {
			t.Errorf("%s: the message names a path: %v", code, err)
		}
	}
}

// Whatever else a server could run with is refused.
func TestAssertions(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	if err := assertSafe(n.srv, n.nats, n.accounts); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*server.Varz, *server.Options){
		"websocket":     func(v *server.Varz, _ *server.Options) { v.Websocket.Port = 1 },
		"websocket set": func(_ *server.Varz, o *server.Options) { o.Websocket.Port = -1 },
		"mqtt":          func(v *server.Varz, _ *server.Options) { v.MQTT.Port = 1 },
		"leaf":          func(v *server.Varz, _ *server.Options) { v.LeafNode.Port = 1 },
		"leaf remote":   func(_ *server.Varz, o *server.Options) { o.LeafNode.Remotes = []*server.RemoteLeafOpts{{}} },
		"gateway":       func(v *server.Varz, _ *server.Options) { v.Gateway.Port = 1 },
		"monitoring":    func(v *server.Varz, _ *server.Options) { v.HTTPPort = 1 },
		"profiling":     func(_ *server.Varz, o *server.Options) { o.ProfPort = 1 },
		"no auth user":  func(_ *server.Varz, o *server.Options) { o.NoAuthUser = "x" },
		"no auth":       func(v *server.Varz, _ *server.Options) { v.AuthRequired = false },
		"no gate":       func(_ *server.Varz, o *server.Options) { o.CustomClientAuthentication = nil },
		"no nonce":      func(_ *server.Varz, o *server.Options) { o.AlwaysEnableNonce = false },
		"no TLS":        func(v *server.Varz, _ *server.Options) { v.TLSRequired = false },
		"cleartext too": func(_ *server.Varz, o *server.Options) { o.AllowNonTLS = true },
		"connections":   func(v *server.Varz, _ *server.Options) { v.MaxConn = 0 },
		"subscriptions": func(v *server.Varz, _ *server.Options) { v.MaxSubs = 0 },
		"payload":       func(v *server.Varz, _ *server.Options) { v.MaxPayload = 64 << 20 },
		"time-out":      func(v *server.Varz, _ *server.Options) { v.AuthTimeout = 600 },
		"system":        func(v *server.Varz, _ *server.Options) { v.SystemAccount = "BUS" },
	} {
		v, err := n.srv.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		o := *n.nats
		change(v, &o)
		wrong := 0
		for _, w := range unsafe(v, &o) {
			if w {
				wrong++
			}
		}
		if wrong != 1 {
			t.Errorf("%s: %d assertions failed, want 1", name, wrong)
		}
	}
	a := n.accounts
	a.users = n.accounts.ctl
	if err := assertSafe(n.srv, n.nats, a); bus.KindOf(err) != bus.Unsafe {
		t.Errorf("users with JetStream: %v", err)
	}
}

// The store holds neither a frame nor a room's id in clear, and is not
// readable by others.
func TestStoreAtRest(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, room := n.person(), newRoom()
	raw := p.frame(room, 200)
	n.storeRaw(0, room, raw)
	n.stop()
	err := filepath.WalkDir(n.options.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), string(raw[98:130])) || strings.Contains(string(data), room.String()) {
			t.Errorf("%s holds a message in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(n.options.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestServerLog(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	l := newServerLog(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for range 500 {
		l.Errorf("a scan by %s", "somebody\n")
	}
	if got := strings.Count(lines.String(), "\n"); got == 0 || got > 30 || l.dropped.Load() < 470 {
		t.Errorf("%d lines, %d dropped", got, l.dropped.Load())
	}
	l.Fatalf("Can't start JetStream: %v", errors.New("disk"))
	l.Fatalf("and something else")
	if err := <-l.fatal; bus.CodeOf(err) != "store_unusable" || !strings.Contains(errors.Unwrap(err).Error(), "disk") {
		t.Errorf("first cause %v", err)
	}
}
