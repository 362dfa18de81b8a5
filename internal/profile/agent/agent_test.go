package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// secret is a passphrase with bytes that JSON would change.
const secret = "correct \xff horse\n"

// sealKey is what it led to.
const sealKey = "sixteen bytes \xff\x00"

func held() identity.Secret { return identity.NewSecret([]byte(secret), []byte(sealKey)) }

// running is an agent in this process.
type running struct {
	socket, identity string
	entry            Entry
	cancel           context.CancelCauseFunc
	done             chan error
}

func newSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short, unlike the folder of a test
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "s")
}

func start(t *testing.T, socket string, now func() time.Time) *running {
	t.Helper()
	r := &running{socket: socket, identity: filepath.Join(t.TempDir(), "identity"), done: make(chan error, 1)}
	var err error
	r.entry, err = NewEntry(r.identity, held())
	must(t, err)
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(context.Background())
	t.Cleanup(func() { r.cancel(nil) })
	ready := make(chan struct{})
	go func() {
		r.done <- Serve(ctx, Options{Socket: socket, Entries: []Entry{r.entry}, Deadline: time.Now().Add(time.Hour), Now: now,
			Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-r.done:
		t.Fatalf("the agent ended: %v", err)
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, kind bus.Kind, code string) {
	t.Helper()
	if bus.KindOf(err) != kind || bus.CodeOf(err) != code {
		t.Errorf("got %v (%d %s), want kind %d, code %s", err, bus.KindOf(err), bus.CodeOf(err), kind, code)
	}
}

func (r *running) wantGone(t *testing.T) {
	t.Helper()
	for i, b := range append(r.entry.secret.Passphrase(), r.entry.secret.Key()...) {
		if b != 0 {
			t.Fatalf("byte %d of the passphrase is still in memory", i)
		}
	}
	if _, err := os.Lstat(r.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	_, err := Ask(context.Background(), r.socket, r.identity)
	wantCode(t, err, bus.NotFound, "not_unlocked")
}

func TestAskAndStop(t *testing.T) {
	t.Parallel()
	ctx, socket := context.Background(), newSocket(t)
	_, err := Ask(ctx, socket, "identity")
	wantCode(t, err, bus.NotFound, "not_unlocked")
	wantCode(t, Stop(ctx, socket), bus.NotFound, "not_unlocked")

	r := start(t, socket, time.Now)
	for range 3 {
		got, err := Ask(ctx, socket, filepath.Join(filepath.Dir(r.identity), "x", "..", "identity"))
		if err != nil || string(got.Passphrase()) != secret || string(got.Key()) != sealKey {
			t.Fatalf("got %q, %v", got.Passphrase(), err)
		}
	}
	for _, other := range []string{"identity", r.identity + "2", filepath.Dir(r.identity), ""} {
		got, err := Ask(ctx, socket, other)
		wantCode(t, err, bus.NotFound, "not_unlocked")
		if got.Passphrase() != nil || got.Key() != nil {
			t.Errorf("%q: something is held", other)
		}
	}
	must(t, Stop(ctx, socket))
	r.wantGone(t)
	must(t, <-r.done)

	again := start(t, socket, time.Now) // Stop returned: the place is free
	must(t, Stop(ctx, again.socket))
}

func TestModes(t *testing.T) {
	t.Parallel()
	r := start(t, newSocket(t), time.Now)
	for path, want := range map[string]os.FileMode{filepath.Dir(r.socket): 0o700, r.socket: 0o600, r.socket + ".lock": 0o600} {
		info, err := os.Lstat(path)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s: mode %o, want %o", filepath.Base(path), info.Mode().Perm(), want)
		}
	}
}

func TestFolderOfOthers(t *testing.T) {
	t.Parallel()
	socket := newSocket(t)
	for _, mode := range []os.FileMode{0o710, 0o701, 0o777} {
		must(t, os.MkdirAll(filepath.Dir(socket), 0o700))
		must(t, os.Chmod(filepath.Dir(socket), mode))
		e, err := NewEntry("identity", held())
		must(t, err)
		err = Serve(context.Background(), Options{Socket: socket, Entries: []Entry{e}, Deadline: time.Now().Add(time.Hour), Now: time.Now})
		wantCode(t, err, bus.Unsafe, "agent_folder")
		if e.secret.Passphrase()[0] != 0 {
			t.Error("the passphrase is still in memory")
		}
	}
	must(t, os.Remove(filepath.Dir(socket)))
	must(t, os.Symlink(t.TempDir(), filepath.Dir(socket)))
	err := Serve(context.Background(), Options{Socket: socket, Now: time.Now})
	wantCode(t, err, bus.Unsafe, "agent_folder")
}

func TestOnlyOne(t *testing.T) {
	t.Parallel()
	r := start(t, newSocket(t), time.Now)
	err := Serve(context.Background(), Options{Socket: r.socket, Deadline: time.Now().Add(time.Hour), Now: time.Now})
	wantCode(t, err, bus.Conflict, "agent_running")
	if got, err := Ask(context.Background(), r.socket, r.identity); err != nil || string(got.Passphrase()) != secret || string(got.Key()) != sealKey {
		t.Errorf("the first one answers %q, %v", got.Passphrase(), err)
	}
}

func TestSocketOfTheDead(t *testing.T) {
	t.Parallel()
	socket := newSocket(t)
	must(t, os.MkdirAll(filepath.Dir(socket), 0o700))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	_, err = Ask(context.Background(), socket, "identity")
	wantCode(t, err, bus.NotFound, "not_unlocked")
	r := start(t, socket, time.Now)
	if _, err := Ask(context.Background(), socket, r.identity); err != nil {
		t.Error(err)
	}
}

// The machine may have slept: no timer ran, but the clock moved.
func TestDeadlineByTheClock(t *testing.T) {
	t.Parallel()
	var slept atomic.Int64
	r := start(t, newSocket(t), func() time.Time { return time.Now().Add(time.Duration(slept.Load())) })
	if _, err := Ask(context.Background(), r.socket, r.identity); err != nil {
		t.Fatal(err)
	}
	slept.Store(int64(2 * time.Hour))
	_, err := Ask(context.Background(), r.socket, r.identity)
	wantCode(t, err, bus.NotFound, "not_unlocked")
	must(t, <-r.done)
	r.wantGone(t)
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"over": -time.Second, "soon": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := newSocket(t)
			must(t, Serve(context.Background(), Options{Socket: socket, Deadline: time.Now().Add(left), Now: time.Now}))
			if _, err := os.Lstat(socket); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r, why := start(t, newSocket(t), time.Now), errors.New("the machine shuts down")
	r.cancel(why)
	if err := <-r.done; !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	r.wantGone(t)

	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if _, err := Ask(ctx, r.socket, r.identity); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(newSocket(t), strings.Repeat("x", maxSocket))
	wantCode(t, Serve(context.Background(), Options{Socket: socket, Now: time.Now}), bus.Failed, "agent_path")
}

// What is no question gets no answer, and does not keep others from asking.
func TestNonsense(t *testing.T) {
	t.Parallel()
	r := start(t, newSocket(t), time.Now)
	for _, line := range []string{"", "\n", "x\n", "{}\n", `{"op":"list"}` + "\n", `{"op":"ask"` + "\n", strings.Repeat("x", 2*maxLine)} {
		conn, err := net.Dial("unix", r.socket)
		must(t, err)
		_, _ = conn.Write([]byte(line))
		_ = conn.(*net.UnixConn).CloseWrite()
		var a answer
		if err := readLine(conn, &a); err == nil {
			t.Errorf("%.20q: got %v", line, a)
		}
		_ = conn.Close()
	}
	if got, err := Ask(context.Background(), r.socket, r.identity); err != nil || string(got.Passphrase()) != secret || string(got.Key()) != sealKey {
		t.Errorf("got %q, %v", got.Passphrase(), err)
	}
}

// pair is both ends of one connection, as agent and client hold them.
func pair(t *testing.T) (server, client *net.UnixConn) {
	t.Helper()
	socket := newSocket(t)
	must(t, os.MkdirAll(filepath.Dir(socket), 0o700))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	must(t, err)
	defer l.Close()
	conn, err := net.Dial("unix", socket)
	must(t, err)
	server, err = l.AcceptUnix()
	must(t, err)
	t.Cleanup(func() { _, _ = conn.Close(), server.Close() })
	return server, conn.(*net.UnixConn)
}

func TestOtherUsersGetNothing(t *testing.T) {
	t.Parallel()
	server, client := pair(t)
	if uid, err := peer(server); err != nil || uid != os.Geteuid() {
		t.Fatalf("the kernel says user %d, %v", uid, err)
	}
	e, err := NewEntry("/identity", held())
	must(t, err)
	must(t, writeLine(client, request{Op: opAsk, Identity: "/identity"}))
	a := &agent{entries: []Entry{e}, deadline: time.Now().Add(time.Hour).Round(0), now: time.Now, user: os.Geteuid() + 1}
	a.turn(server)
	var got answer
	if err := readLine(client, &got); err == nil {
		t.Errorf("a stranger got %v", got)
	}

	r := start(t, newSocket(t), time.Now)
	_, err = exchange(context.Background(), r.socket, os.Geteuid()+1, request{Op: opStop})
	wantCode(t, err, bus.Unsafe, "agent_foreign")
}

func TestEntryDoesNotPrint(t *testing.T) {
	t.Parallel()
	e, err := NewEntry("identity", held())
	must(t, err)
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		shown = append(shown, fmt.Sprintf(verb, e), fmt.Sprintf(verb, &e), fmt.Sprintf(verb, []Entry{e}))
	}
	for _, s := range shown {
		if strings.Contains(s, "horse") || strings.Contains(s, fmt.Sprintf("%x", "horse")) {
			t.Errorf("%s shows the passphrase", s)
		}
	}
	_, err = NewEntry("identity", identity.NewSecret(make([]byte, maxPassphrase+1), nil))
	wantCode(t, err, bus.TooLarge, "passphrase_size")
}

func TestLongestPassphrase(t *testing.T) {
	t.Parallel()
	server, client := pair(t)
	long := make([]byte, maxPassphrase)
	must(t, writeLine(server, answer{Known: true, Passphrase: long}))
	var a answer
	if err := readLine(client, &a); err != nil || len(a.Passphrase) != len(long) {
		t.Errorf("got %d bytes, %v", len(a.Passphrase), err)
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	a, err := Socket("/run/user/1000/unibus", "/home/a/contexts/work/identity")
	must(t, err)
	same, err := Socket("/run/user/1000/unibus", "/home/a/contexts/x/../work/identity")
	must(t, err)
	other, err := Socket("/run/user/1000/unibus", "/home/a/contexts/home/identity")
	must(t, err)
	if a != same || a == other || len(filepath.Base(a)) > 24 {
		t.Errorf("got %s, %s, %s", a, same, other)
	}
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte(`{"op":"ask","identity":"/a"}` + "\n"))
	f.Add([]byte(`{"known":true,"passphrase":"AAAA"}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r request
		if readLine(strings.NewReader(string(raw)), &r) == nil && !strings.Contains(string(raw[:min(len(raw), maxLine)]), "\n") {
			t.Errorf("%q was read to its end", raw)
		}
	})
}
