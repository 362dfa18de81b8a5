package node

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/control"
	"unibus/internal/membership"
)

func TestNames(t *testing.T) {
	t.Parallel()
	home := []string{"127.0.0.1", "::1", "localhost"}
	tests := []struct {
		listen, nats string
		hosts        []string
		names        []string
		linked       []string
		loopback     bool
	}{
		{"127.0.0.1:1", "127.0.0.1:2", nil, home, []string{"127.0.0.1"}, true},
		{"[::1]:1", "127.0.0.1:2", nil, []string{"::1", "127.0.0.1", "localhost"}, []string{"::1", "127.0.0.1"}, true},
		{"localhost:1", "localhost:2", nil, []string{"localhost", "127.0.0.1", "::1"}, []string{"localhost"}, true},
		{"192.0.2.7:1", "192.0.2.7:2", nil, []string{"192.0.2.7"}, []string{"192.0.2.7"}, false},
		{"127.0.0.1:1", "0.0.0.0:2", []string{"Bus.Example"}, append([]string{"bus.example"}, home...), []string{"bus.example"}, false},
		{":1", "[::]:2", []string{"a.example", "b.example"}, append([]string{"a.example", "b.example"}, home...), []string{"a.example", "b.example"}, false},
		{"10.0.0.1:1", "127.0.0.1:2", nil, append([]string{"10.0.0.1"}, home...), []string{"10.0.0.1", "127.0.0.1"}, false},
	}
	for _, tt := range tests {
		o := Options{Listen: tt.listen, NATS: tt.nats, Hosts: tt.hosts}
		if got := o.names(); !slices.Equal(got, tt.names) {
			t.Errorf("%s %s %v: names %v, want %v", tt.listen, tt.nats, tt.hosts, got, tt.names)
		}
		if got := o.linked(); !slices.Equal(got, tt.linked) {
			t.Errorf("%s %s %v: linked %v, want %v", tt.listen, tt.nats, tt.hosts, got, tt.linked)
		}
		if got := o.Loopback(); got != tt.loopback {
			t.Errorf("%s %s: loopback %v, want %v", tt.listen, tt.nats, got, tt.loopback)
		}
	}
}

func TestWithPort(t *testing.T) {
	t.Parallel()
	tests := []struct{ address, remembered, want string }{
		{"127.0.0.1:0", "", "127.0.0.1:0"},
		{"127.0.0.1:0", "4711", "127.0.0.1:4711"},
		{"127.0.0.1:8443", "4711", "127.0.0.1:8443"},
		{"[::1]:0", "4711", "[::1]:4711"},
		{":0", "4711", ":4711"},
	}
	for _, tt := range tests {
		if got := withPort(tt.address, tt.remembered); got != tt.want {
			t.Errorf("withPort(%q, %q) = %q, want %q", tt.address, tt.remembered, got, tt.want)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "node.json")
	if s, found, err := loadState(path); err != nil || found || s.Name != "n1" || s.Enforced {
		t.Errorf("no state: got %+v %v %v", s, found, err)
	}
	want := state{Version: 1, Bus: &bus.ID{1}, Name: "n2", Enforced: true, ListenPort: "1", NATSPort: "2", StoreKey: "ab"}
	if err := want.save(path); err != nil {
		t.Fatal(err)
	}
	if got, found, err := loadState(path); err != nil || !found || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v %v, want %+v", got, found, err, want)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadState(path); atomicfile.UnixModes && bus.CodeOf(err) != "file_mode" {
		t.Errorf("a state that others can read: got %v, want file_mode", err)
	}
}

func TestParseStateIsStrict(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, code string }{
		{`{"version":1,"name":"n1","enforced":true}`, ""},
		{``, "node_state"},
		{`null`, "node_state"},
		{`[]`, "node_state"},
		{`{"version":1,"enforced":true}`, "node_state"},
		{`{"version":0,"name":"n1"}`, "node_state"},
		{`{"version":1,"name":"n1","enforced":true,"auth":"off"}`, "node_state"},
		{`{"version":1,"name":"n1","enforced":true} {}`, "node_state"},
		{`{"version":1,"name":"n1","bus":"short"}`, "node_state"},
		{`{"version":2,"name":"n1"}`, "state_newer"},
		{`{"version":9,"new":[1]}`, "state_newer"},
	}
	for _, tt := range tests {
		_, err := parseState([]byte(tt.raw))
		if code := bus.CodeOf(err); (err == nil) != (tt.code == "") || err != nil && code != tt.code {
			t.Errorf("%s: got %v, want %q", tt.raw, err, tt.code)
		}
	}
}

// What is read is what would be written: nothing in a state is lost.
func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"n1","enforced":true,"listen_port":"1","link_ends":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"version":1,"bus":"aaaaaaaaaaaaaaaaaaaaaaaaaa","name":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseState(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseState(again); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: got %+v %v, want %+v", raw, got, err, s)
		}
	})
}

// crowded is a crowd of so many places, and what it let in.
func crowded(t *testing.T, limit int) (c *crowd, dial func() net.Conn, accepted chan net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, accepted = limited(inner, limit), make(chan net.Conn)
	t.Cleanup(func() { c.Close() })
	go func() {
		defer close(accepted)
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	return c, func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}, accepted
}

// hungUp waits until the other side closes a connection.
func hungUp(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that should have given way can be read from")
	}
}

// While all are served nobody else is let in, and a place is given back once.
func TestCrowd(t *testing.T) {
	t.Parallel()
	c, dial, accepted := crowded(t, 1)
	dial()
	first := <-accepted
	c.note(first, http.StateActive)
	hungUp(t, dial())
	for range 2 {
		first.Close()
	}
	dial()
	second := <-accepted
	c.note(second, http.StateActive)
	hungUp(t, dial())
	second.Close()
	c.Close()
	if _, open := <-accepted; open {
		t.Error("a closed listener accepts")
	}
}

// Attack: silent connections take every place. Checked: the one that is silent
// longest gives way, and who is served stays.
func TestCrowdMakesRoom(t *testing.T) {
	t.Parallel()
	c, dial, accepted := crowded(t, 3)
	honest := dial()
	served := <-accepted
	var silent []net.Conn
	for range 2 {
		silent = append(silent, dial())
		<-accepted
	}
	c.note(served, http.StateActive)
	for i := range 10 { // each takes the place of the oldest
		silent = append(silent, dial())
		<-accepted
		hungUp(t, silent[i])
	}
	if _, err := served.Write([]byte("x")); err != nil {
		t.Errorf("who is served had to give way: %v", err)
	}
	if _, err := honest.Read(make([]byte, 1)); err != nil {
		t.Errorf("who is served was hung up on: %v", err)
	}
	c.note(served, http.StateIdle)
	for range 3 {
		dial()
		<-accepted
	}
	hungUp(t, honest)
	if c.open != 3 || c.waiting.Len() != 3 {
		t.Errorf("%d open, %d waiting, want 3 and 3", c.open, c.waiting.Len())
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "127.9.9.9:1": true,
		"192.0.2.1:1": false, "0.0.0.0:1": false, "[::]:1": false, "": false} {
		if err := local(address); (err == nil) != want {
			t.Errorf("local(%q) = %v, want %v", address, err, want)
		}
	}
}

func TestWriteFileLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sub")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Replace(path, []byte("x")); err == nil { // a directory is in the way
		t.Error("a file was written over a directory")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	if _, err := readFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v", err)
	}
}

func TestHistoryBeforeTheStoreIsRead(t *testing.T) {
	t.Parallel()
	h := history{&Node{}}
	if _, err := h.Page(t.Context(), bus.RoomID{}, control.PageQuery{Limit: 1}); bus.CodeOf(err) != "starting" || bus.KindOf(err) != bus.Unavailable {
		t.Errorf("page: got %v, want starting", err)
	}
	if _, err := h.Last(t.Context(), []bus.RoomID{{}}); bus.CodeOf(err) != "starting" {
		t.Errorf("last: got %v, want starting", err)
	}
}

// A change of the facts may come before there are connections.
func TestChangeBeforeTheDataPlane(t *testing.T) {
	t.Parallel()
	n, err := newNode(Options{Dir: "x", Listen: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	n.changed(membership.Change{Cut: []bus.EndpointID{{}}, Closed: []membership.RoomRecord{{}}})
	n.changed(membership.Change{Closed: []membership.RoomRecord{{}}})
	if len(n.sweep.wake) != 1 || n.cuts.Load() != 0 {
		t.Errorf("%d wakes, %d cuts; want 1 and 0", len(n.sweep.wake), n.cuts.Load())
	}
}
