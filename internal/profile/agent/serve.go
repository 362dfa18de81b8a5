package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"unibus/internal/bus"
)

const (
	// patience is how long one client may hold the agent up: clients take turns.
	patience = time.Second
	// look is how often the agent compares the clock with its deadline. A timer
	// alone stands still while the machine sleeps.
	look = time.Minute
	// maxSocket is what every system takes as the path of a socket.
	maxSocket = 103
)

// Options says what an agent holds, where, and for how long.
type Options struct {
	Socket   string
	Entries  []Entry
	Deadline time.Time
	Now      func() time.Time
	Ready    func() // called once clients can ask; may be nil
}

// Serve answers until the deadline, until Stop, or until ctx ends, whose cause
// it then returns. It makes the socket's folder where it is missing. Afterwards
// the entries hold nothing. Errors by code:
//
//	agent_running      Conflict  another agent serves this socket
//	agent_folder       Unsafe    others could reach or exchange the socket
//	agent_path         Failed    the socket cannot be made
//	agent_unsupported  Failed    this system does not say who calls
func Serve(ctx context.Context, o Options) error {
	a := &agent{entries: o.Entries, deadline: o.Deadline.Round(0), now: o.Now, user: os.Geteuid()}
	defer a.thank() // at the very end: who stops an agent may start another one
	defer a.wipe()
	release, err := claim(o.Socket)
	if err != nil {
		return err
	}
	defer release()
	l, err := listen(o.Socket)
	if err != nil {
		return err
	}
	defer l.Close() // removes the socket
	defer context.AfterFunc(ctx, func() { l.Close() })()
	if o.Ready != nil {
		o.Ready()
	}
	return a.serve(ctx, l)
}

// agent belongs to the one goroutine that serves.
type agent struct {
	entries  []Entry
	deadline time.Time // without a monotonic part
	now      func() time.Time
	user     int      // who is answered
	stopper  net.Conn // who asked for the end
}

func (a *agent) wipe() {
	for _, e := range a.entries {
		e.secret.Wipe()
	}
}

func (a *agent) thank() {
	if a.stopper != nil {
		_ = writeLine(a.stopper, answer{Known: true})
		_ = a.stopper.Close()
	}
}

func listen(socket string) (*net.UnixListener, error) {
	if len(socket) > maxSocket {
		return nil, bus.Errorf(bus.Failed, "agent_path", "the path of the agent's socket is longer than %d bytes", maxSocket).
			WithHint("set XDG_RUNTIME_DIR or UNIBUS_HOME to a shorter path")
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errSocket.Because(err) // left by an agent that was killed: the claim is ours
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, errSocket.Because(err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(errSocket.Because(err), l.Close())
	}
	return l, nil
}

var errSocket = bus.Errorf(bus.Failed, "agent_path", "the agent's socket cannot be made").
	WithHint("set XDG_RUNTIME_DIR to a folder of your own")

// private makes the folder of the socket, or refuses one that others can enter.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errSocket.Because(err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return errSocket.Because(err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || owner(info) != os.Geteuid() {
		return bus.Errorf(bus.Unsafe, "agent_folder", "others can enter the folder of the agent's socket").
			WithHint("make it yours alone: chmod 0700 %s", filepath.Base(dir))
	}
	return nil
}

func (a *agent) serve(ctx context.Context, l *net.UnixListener) error {
	for a.stopper == nil {
		left := a.deadline.Sub(a.now().Round(0))
		if left <= 0 {
			return nil
		}
		_ = l.SetDeadline(time.Now().Add(min(left, look)))
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return errSocket.Because(err)
		default:
			a.turn(conn)
		}
	}
	return nil
}

// turn answers one client, if it is of this user and the time is not over.
func (a *agent) turn(conn *net.UnixConn) {
	keep := false
	defer func() {
		if !keep {
			_ = conn.Close()
		}
	}()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var r request
	if uid, err := peer(conn); err != nil || uid != a.user {
		return
	}
	if err := readLine(conn, &r); err != nil || !a.now().Round(0).Before(a.deadline) {
		return
	}
	switch r.Op {
	case opAsk:
		_ = writeLine(conn, a.find(r.Identity))
	case opStop:
		a.stopper, keep = conn, true
	}
}

func (a *agent) find(identity string) answer {
	for _, e := range a.entries {
		if e.identity == identity {
			return answer{Known: true, Passphrase: e.secret.Passphrase(), Key: e.secret.Key()}
		}
	}
	return answer{}
}
