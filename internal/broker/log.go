package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/time/rate"

	"unibus/internal/bus"
)

// serverLog hands the lines of nats-server to ours. Strangers can cause lines
// (a scan, a bad handshake), so that warnings are few a second; the rest is
// counted. Fatalf does not exit: it keeps the first cause for whoever waits.
type serverLog struct {
	to      *slog.Logger
	few     *rate.Limiter
	dropped atomic.Uint64
	fatal   chan error
}

func newServerLog(to *slog.Logger) *serverLog {
	return &serverLog{to: to, few: rate.NewLimiter(2, 20), fatal: make(chan error, 1)}
}

func (l *serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, handshakeFirst) {
		level = slog.LevelDebug
	}
	l.say(level, format, v)
}
func (l *serverLog) Errorf(format string, v ...any) { l.say(slog.LevelWarn, format, v) }

// handshakeFirst begins the warning that clients without TLS cannot connect:
// that is what was asked for.
const handshakeFirst = "Clients that are not using"

// Fatalf is called when the server cannot go on; the server then only looks alive.
func (l *serverLog) Fatalf(format string, v ...any) {
	err := startError(fmt.Sprintf(format, v...), v)
	select {
	case l.fatal <- err:
	default: // a later cause follows from the first
	}
}

func (l *serverLog) say(level slog.Level, format string, v []any) {
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	if level >= slog.LevelWarn && !l.few.Allow() {
		l.dropped.Add(1)
		return
	}
	l.to.Log(context.Background(), level, "nats: "+strings.TrimSpace(fmt.Sprintf(format, v...)))
}

// startError makes what the server says when it cannot start readable for
// whoever started it. Its own text names paths, so that it is a cause only.
func startError(text string, args []any) error {
	for _, a := range args {
		if err, ok := a.(error); ok && errors.Is(err, syscall.EADDRINUSE) {
			return errPortInUse.Because(err)
		}
	}
	if strings.HasPrefix(text, "Error listening on port") {
		return errListen.Because(errors.New(text))
	}
	return errStore.Because(errors.New(text))
}

var (
	errPortInUse = bus.Errorf(bus.Unavailable, "port_in_use", "the address for NATS is in use by another program").
			WithHint("stop that program, or choose another address with --nats")
	errListen = bus.Errorf(bus.Unavailable, "cannot_listen", "cannot listen on the address for NATS").
			WithHint("choose an address of this machine with --nats")
	errStore = bus.Errorf(bus.Failed, "store_unusable", "the message store cannot be opened").
			WithHint("see the log of the node; nothing was changed")
)
