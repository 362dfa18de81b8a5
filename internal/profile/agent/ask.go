package agent

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// errLocked is the answer where no agent holds the passphrase.
var errLocked = bus.Errorf(bus.NotFound, "not_unlocked", "no agent holds the passphrase of this identity").
	WithHint("unlock it for a while: unibus identity unlock")

// waiting is how long an agent that does not answer is waited for.
const waiting = 2 * time.Second

// Ask returns what opens an identity file from the agent on socket; NotFound,
// code not_unlocked, where none runs, none answers, or it holds another one. An
// agent of another user is Unsafe, code agent_foreign.
func Ask(ctx context.Context, socket, identityPath string) (identity.Secret, error) {
	path, err := filepath.Abs(identityPath)
	if err != nil {
		return identity.Secret{}, errPath.Because(err)
	}
	a, err := call(ctx, socket, request{Op: opAsk, Identity: path})
	if err != nil {
		return identity.Secret{}, err
	}
	return identity.NewSecret(a.Passphrase, a.Key), nil
}

// Stop ends the agent on socket and returns when it holds nothing any more.
// Errors as of Ask.
func Stop(ctx context.Context, socket string) error {
	_, err := call(ctx, socket, request{Op: opStop})
	return err
}

// call makes one request. What goes wrong with an agent is no agent; what ends
// ctx is that.
func call(ctx context.Context, socket string, r request) (answer, error) {
	limited, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	a, err := exchange(limited, socket, os.Geteuid(), r)
	switch {
	case err == nil && a.Known:
		return a, nil
	case ctx.Err() != nil:
		return answer{}, context.Cause(ctx)
	case bus.KindOf(err) == bus.Unsafe:
		return answer{}, err
	}
	return answer{}, errLocked.Because(err)
}

// exchange talks to an agent of the given user.
func exchange(ctx context.Context, socket string, user int, r request) (a answer, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if uid, err := peer(conn.(*net.UnixConn)); err != nil || uid != user {
		return a, bus.Errorf(bus.Unsafe, "agent_foreign", "the agent on this machine is another user's").
			WithHint("set XDG_RUNTIME_DIR to a folder of your own").Because(err)
	}
	if err := writeLine(conn, r); err != nil {
		return a, err
	}
	err = readLine(conn, &a)
	return a, err
}
