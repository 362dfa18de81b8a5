package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/config"
	"unibus/internal/text"
)

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
