package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"unibus/internal/bus"
	"unibus/internal/config"
	"unibus/internal/text"
)

// exit is one way for a command to end.
type exit struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	kinds   []bus.Kind
}

// exits is the contract with scripts: a code never gets another meaning, and
// the number of a code that is no longer used stays empty.
func exits() []exit {
	return []exit{
		{0, "ok", "done", nil},
		{1, "failed", "anything that has no code of its own", []bus.Kind{bus.Failed, bus.Full}},
		{2, "usage", "the command was not understood; nothing was done", []bus.Kind{bus.Invalid}},
		{3, "not_found", "no such thing, or not for you to know", []bus.Kind{bus.NotFound}},
		{4, "unauthenticated", "nobody the bus knows: unknown, revoked or expired", []bus.Kind{bus.Unauthenticated}},
		{5, "forbidden", "you may not", []bus.Kind{bus.Forbidden}},
		{6, "conflict", "it exists already, or somebody else was first", []bus.Kind{bus.Conflict}},
		{7, "unavailable", "the bus cannot be reached or is too busy; try again", []bus.Kind{bus.Unavailable, bus.Limited}},
		{8, "integrity", "a hash, a signature or a key does not hold", []bus.Kind{bus.Integrity}},
		{9, "too_large", "over a size limit", []bus.Kind{bus.TooLarge}},
		{10, "unsafe", "less safe than is required; refused", []bus.Kind{bus.Unsafe}},
		{11, "partial", "some of it was done", []bus.Kind{bus.Partial}},
		{12, "findings", "done, and what was looked for was found", []bus.Kind{bus.Findings}},
		{124, "timeout", "no progress within --timeout", []bus.Kind{bus.Timeout}},
		{130, "interrupted", "stopped by a signal", []bus.Kind{bus.Interrupted}},
	}
}

// exitCode returns the code of a kind; one that the table does not hold failed.
func exitCode(kind bus.Kind) int {
	for _, e := range exits() {
		for _, k := range e.kinds {
			if k == kind {
				return e.Code
			}
		}
	}
	return 1
}

// finish reports err, if it is worth a line, and returns the exit code.
func finish(ctx context.Context, env *Env, args []string, err error) int {
	switch {
	case errors.Is(err, errReaderGone):
		return 0
	case interrupted(ctx) && err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitCode(bus.Interrupted)
	case err == nil:
		return 0
	}
	failure := describe(err)
	if env.errorsInJSON(args) {
		_ = writeJSON(env.Stderr, "error", failure) // nobody is left to tell
	} else {
		fmt.Fprintf(env.Stderr, "unibus: %s\n", failure)
	}
	return exitCode(failure.kind)
}

// failure is an error as scripts read it.
type failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Hint      string `json:"hint"`
	RequestID string `json:"request_id"`
	Retryable bool   `json:"retryable"`
	kind      bus.Kind
}

// String is the failure as one line for a person.
func (f failure) String() string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + "; " + f.Hint
}

// describe sorts err. Whatever wraps a bus.Error goes into the message.
func describe(err error) failure {
	f := failure{Code: bus.CodeOf(err), Message: string(text.Line(err.Error())), kind: bus.KindOf(err)}
	var e *bus.Error
	switch {
	case errors.As(err, &e):
		f.Hint, f.RequestID, f.Retryable = string(text.Line(e.Hint)), string(text.Line(e.RequestID)), e.Retryable
		if f.Hint != "" {
			f.Message = strings.TrimSuffix(f.Message, "; "+f.Hint)
		}
	case errors.Is(err, context.DeadlineExceeded):
		f.kind, f.Code, f.Retryable = bus.Timeout, "timeout", true
		f.Message = strings.ReplaceAll(f.Message, context.DeadlineExceeded.Error(), "no answer in time")
		f.Hint = "allow more with --timeout"
	case errors.Is(err, context.Canceled):
		f.kind, f.Code = bus.Interrupted, "interrupted"
	}
	return f
}

// errorsInJSON also works where the settings or the arguments are what is wrong.
func (e *Env) errorsInJSON(args []string) bool {
	if e.flags != nil {
		if s, _ := e.Settings(); s.Output != "" {
			return s.Output == config.JSON || s.Output == config.NDJSON
		}
	}
	for i, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json", "-ojson", "-o=json", "--output=json", "-ondjson", "-o=ndjson", "--output=ndjson":
			return true
		case "json", "ndjson":
			if i > 0 && (args[i-1] == "-o" || args[i-1] == "--output") {
				return true
			}
		}
	}
	return false
}

// errStopped is the cause of a context that SIGINT ended; whoever returns it
// says that the context was canceled.
var errStopped = fmt.Errorf("interrupted: %w", context.Canceled)

// interrupted reports whether a person stopped the command. A service that is
// told to end by SIGTERM and does so has not failed.
func interrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errStopped) }

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
