package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// options of a node that nobody founded yet. Its admin's identity is thrown
// away: for tests of what comes before anybody uses the bus.
func options(t *testing.T) node.Options {
	t.Helper()
	return node.Options{Dir: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", NATS: "127.0.0.1:0",
		Sync: time.Minute, Found: found}
}

func found(_ context.Context, r node.Request) (*node.Founding, error) {
	_, f, err := client.Found(client.FoundOptions{Handle: "admin", Endpoint: "laptop", Node: r.Name,
		NodeKey: r.Key, Hosts: r.Hosts, Now: time.Now})
	return (*node.Founding)(f), err
}

func start(t *testing.T, o node.Options) *node.Node {
	t.Helper()
	n, err := node.Start(nodetest.Context(t), o)
	if err != nil {
		t.Fatalf("start: %v (%v)", err, errors.Unwrap(err))
	}
	t.Cleanup(func() { stop(t, n) })
	return n
}

func stop(t *testing.T, n *node.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// refused demands that a start fails with a code, says say, tells what to do,
// and leaves the directory to others.
func refused(t *testing.T, o node.Options, code, say string) {
	t.Helper()
	n, err := node.Start(nodetest.Context(t), o)
	if err == nil {
		stop(t, n)
		t.Fatalf("the node started, want %s", code)
	}
	var e *bus.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v (%s), want code %s", err, bus.CodeOf(err), code)
	}
	if !strings.Contains(e.Message, say) || e.Hint == "" || strings.Contains(e.Message, "\n") {
		t.Errorf("got %q; hint %q: want one line with %q and a hint", e.Message, e.Hint, say)
	}
}

// Not parallel: it counts goroutines.
func TestStopLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	send(t, alice, b.General, "hello")
	for _, p := range []*nodetest.Person{alice, b.Admin} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	b.Stop()
	b.Stop()
	if b.Status() != "draining" {
		t.Errorf("status after the stop: got %q, want draining", b.Status())
	}
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// Not parallel: it measures. The best of three counts, as others may be using
// the machine.
func TestReadyInTwoSeconds(t *testing.T) {
	const limit = 2 * time.Second * slow
	first, again := time.Hour, time.Hour
	for range 3 {
		began := time.Now()
		b := nodetest.Boot(t)
		first = min(first, time.Since(began))
		b.Stop()
		began = time.Now()
		b.Restart()
		again = min(again, time.Since(began))
		b.Stop()
		if first < limit && again < limit {
			return
		}
	}
	t.Errorf("the first start took %s, the second %s; want less than %s", first, again, limit)
}

func TestFirstStart(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Sync, o.ReadyFile = 0, filepath.Join(t.TempDir(), "ready")
	o.Settle = func(_ context.Context, n *node.Node) error {
		if _, err := os.Stat(o.ReadyFile); err == nil {
			t.Error("the ready file is there before the start was settled")
		}
		return nil
	}
	n := start(t, o)
	if n.Status() != "ok" {
		t.Errorf("status: got %q, want ok", n.Status())
	}
	raw, err := os.ReadFile(o.ReadyFile)
	if err != nil {
		t.Fatal(err)
	}
	var got node.Ready
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	posture := bus.Posture{Enforce: true, ACL: true, TLS: true, Store: "sqlite", Sync: "always"}
	if want := (node.Ready{URL: "https://" + n.Addr(), NATS: n.NATS(), Name: "n1", Posture: posture}); got != want {
		t.Errorf("ready file: got %+v, want %+v", got, want)
	}
	if _, port, err := net.SplitHostPort(n.NATS()); err != nil || port == "0" {
		t.Errorf("NATS address: got %q", n.NATS())
	}
	checkModes(t, o.Dir)
	stop(t, n)
	if _, err := os.Stat(o.ReadyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is still there after the stop: %v", err)
	}
}

// checkModes demands that nobody else can read anything in a data directory.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 && filepath.Dir(path) == dir {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWeakerModeShows(t *testing.T) {
	t.Parallel()
	for _, mode := range []bus.Mode{bus.ModeSoft, bus.ModeOff} {
		o := options(t)
		o.Auth, o.Sync = mode, 200*time.Millisecond
		n := start(t, o)
		if p := n.Posture(); p.Enforce || p.Sync != "200ms" || !p.TLS || !p.ACL {
			t.Errorf("%s: posture %+v", mode, p)
		}
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	blocker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	addr := blocker.Addr().String()
	o := options(t)
	o.Found = func(context.Context, node.Request) (*node.Founding, error) {
		t.Error("a bus is founded although a port is blocked")
		return nil, context.Canceled
	}
	blocked := o
	blocked.Listen = addr
	refused(t, blocked, "port_in_use", "--listen "+addr)
	blocked = o
	blocked.NATS = addr
	refused(t, blocked, "port_in_use", "--nats "+addr)
	blocked = o
	blocked.Listen = "192.0.2.1:8443"
	blocked.Hosts = []string{"192.0.2.1"}
	refused(t, blocked, "cannot_listen", "--listen 192.0.2.1:8443")

	o.Found = found
	start(t, o) // nothing of the failed starts is in the way
}

func TestRememberedPortInUse(t *testing.T) {
	t.Parallel()
	o := options(t)
	n := start(t, o)
	addr := n.Addr()
	stop(t, n)
	blocker, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	refused(t, o, "port_in_use", addr)
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, code string
		change     func(*node.Options)
	}{
		{"no directory", "bad_setting", func(o *node.Options) { o.Dir = "" }},
		{"no address", "bad_address", func(o *node.Options) { o.Listen = "8443" }},
		{"every address, no name", "no_host", func(o *node.Options) { o.Listen = "0.0.0.0:0" }},
		{"every address for NATS, no name", "no_host", func(o *node.Options) { o.NATS = ":0" }},
		{"unknown mode", "bad_mode", func(o *node.Options) { o.Auth = "lenient" }},
		{"others, unchecked", "unsafe_auth", func(o *node.Options) { o.Auth, o.NATS, o.Hosts = "off", "0.0.0.0:0", []string{"a.example"} }},
		{"nobody founds", "not_founded", func(o *node.Options) { o.Found = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			tt.change(&o)
			refused(t, o, tt.code, "")
		})
	}
}

func TestFoundingRefused(t *testing.T) {
	t.Parallel()
	other, pub, err := identity.NewNodeKey()
	if err != nil || other == nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, code string
		change     func(r *node.Request, f *node.Founding)
		request    func(r *node.Request)
	}{
		{name: "another bus's id", code: "bad_founding", change: func(_ *node.Request, f *node.Founding) { f.Bus[0]++ }},
		{name: "another organisation key", code: "bad_founding", change: func(_ *node.Request, f *node.Founding) { f.Org[0]++ }},
		{name: "certificate for another key", code: "bad_founding", request: func(r *node.Request) { r.Key = pub }},
		{name: "certificate for another host", code: "cert_hosts", request: func(r *node.Request) { r.Hosts = []string{"elsewhere.example"} }},
		{name: "no account", code: "not_allowed", change: func(_ *node.Request, f *node.Founding) { f.Account, f.More = nil, nil }},
		{name: "no genesis", code: "bad_entry", change: func(_ *node.Request, f *node.Founding) { f.Genesis = nil }},
		{name: "changed genesis", code: "bad_signature", change: func(_ *node.Request, f *node.Founding) { f.Genesis[len(f.Genesis)-1]++ }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Found = func(ctx context.Context, r node.Request) (*node.Founding, error) {
				if tt.request != nil {
					tt.request(&r)
				}
				f, err := found(ctx, r)
				if err == nil && tt.change != nil {
					tt.change(&r, f)
				}
				return f, err
			}
			if _, err := node.Start(nodetest.Context(t), o); bus.CodeOf(err) != tt.code {
				t.Fatalf("got %v (%s), want %s", err, bus.CodeOf(err), tt.code)
			}
			o.Found = found
			start(t, o) // a founding that failed is not in the way of a good one
		})
	}
}

// The founder's identity is kept before the node commits: when the node then
// fails, the next start goes on with the same bus and founds no other.
func TestFoundingIsNotLost(t *testing.T) {
	t.Parallel()
	o := options(t)
	var id bus.ID
	o.Settle = func(_ context.Context, n *node.Node) error {
		id, _ = n.Bus()
		return context.Canceled
	}
	if _, err := node.Start(nodetest.Context(t), o); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the error of the settling", err)
	}
	if err := os.Remove(filepath.Join(o.Dir, "node.json")); err != nil { // as if killed before it was written
		t.Fatal(err)
	}
	o.Settle = nil
	o.Found = func(context.Context, node.Request) (*node.Founding, error) {
		t.Error("founded again")
		return nil, context.Canceled
	}
	if got, ok := start(t, o).Bus(); !ok || got != id {
		t.Errorf("bus: got %v %v, want %v", got, ok, id)
	}
}
