package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// errStopped is the cause of a context that SIGINT ended; whoever returns it
// says that the context was canceled.
var errStopped = fmt.Errorf("interrupted: %w", context.Canceled)

// interrupted reports whether a person stopped the command. A service that is
// told to end by SIGTERM and does so has not failed.
func interrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errStopped) }

// untilHangup returns a context that ends when the terminal is gone, unless that
// is to be ignored: what is being written there is to be kept.
func untilHangup(parent context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(parent)
	}
	return signal.NotifyContext(parent, syscall.SIGHUP)
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. The
// second kills the process: a clean stop that hangs must not hold anybody.
//
// A write to a pipe that nobody reads becomes an error instead of a signal,
// so that what is open is still closed in order.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		select {
		case s := <-stop:
			signal.Stop(stop)
			if s == os.Interrupt {
				cancel(errStopped)
			}
			cancel(context.Canceled)
		case <-ctx.Done():
			signal.Stop(stop)
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
