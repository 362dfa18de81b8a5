package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/config"
)

// Written down a second time, so that nobody changes a code by accident.
func TestExitCodesNeverChange(t *testing.T) {
	t.Parallel()
	want := map[bus.Kind]int{
		bus.Failed: 1, bus.Invalid: 2, bus.NotFound: 3, bus.Unauthenticated: 4, bus.Forbidden: 5, bus.Conflict: 6,
		bus.Unavailable: 7, bus.Limited: 7, bus.Integrity: 8, bus.TooLarge: 9, bus.Unsafe: 10, bus.Full: 1,
		bus.Partial: 11, bus.Findings: 12, bus.Timeout: 124, bus.Interrupted: 130,
	}
	for kind := range bus.Interrupted + 1 {
		if got := exitCode(kind); got != want[kind] {
			t.Errorf("kind %d: got %d, want %d", kind, got, want[kind])
		}
	}
	if got := exitCode(bus.Interrupted + 1); got != 1 {
		t.Errorf("a kind without a code: got %d, want 1", got)
	}
}

func TestExitTableHasEachKindAndCodeOnce(t *testing.T) {
	t.Parallel()
	codes, kinds := map[int]bool{}, map[bus.Kind]bool{}
	for _, e := range exits() {
		if codes[e.Code] || e.Name == "" || e.Meaning == "" {
			t.Errorf("code %d stands twice or is not explained", e.Code)
		}
		codes[e.Code] = true
		for _, k := range e.kinds {
			if kinds[k] {
				t.Errorf("kind %d has two codes", k)
			}
			kinds[k] = true
		}
	}
	for kind := range bus.Interrupted + 1 {
		if !kinds[kind] {
			t.Errorf("kind %d has no code", kind)
		}
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errStopped)
	ended, end := context.WithCancel(t.Context())
	end()
	refused := bus.Errorf(bus.Conflict, "taken", "room ops: it exists").WithHint("add --if-missing")
	tests := []struct {
		name   string
		ctx    context.Context
		err    error
		code   int
		stderr string
	}{
		{"done", t.Context(), nil, 0, ""},
		{"refused", t.Context(), refused, 6, "unibus: room ops: it exists; add --if-missing\n"},
		{"wrapped", t.Context(), fmt.Errorf("create the room: %w", refused), 6, "unibus: create the room: room ops: it exists; add --if-missing\n"},
		{"something else", t.Context(), errors.New("odd"), 1, "unibus: odd\n"},
		{"several lines", t.Context(), errors.New("odd\nand \x1b[31mmore"), 1, "unibus: odd and more\n"},
		{"reader gone", t.Context(), fmt.Errorf("print: %w", errReaderGone), 0, ""},
		{"network pipe broken", t.Context(), fmt.Errorf("post: %w", syscall.EPIPE), 1, "unibus: post: broken pipe\n"},
		{"too slow", t.Context(), fmt.Errorf("read ops: %w", context.DeadlineExceeded), 124, "unibus: read ops: no answer in time; allow more with --timeout\n"},
		{"stopped", stopped, context.Canceled, 130, ""},
		{"stopped and clean", stopped, nil, 130, ""},
		{"ended, and clean", ended, nil, 0, ""},
		{"ended within", ended, fmt.Errorf("read ops: %w", context.Canceled), 130, ""},
		{"stopped within", stopped, fmt.Errorf("read ops: %w", context.Canceled), 130, ""},
		{"stopped, and told why", stopped, fmt.Errorf("read ops: %w", context.Cause(stopped)), 130, ""},
		{"stopped, and it matters", stopped, bus.Errorf(bus.Interrupted, "interrupted", "3 of 5 sent"), 130, "unibus: 3 of 5 sent\n"},
		{"stopped, but failed before", stopped, refused, 6, "unibus: room ops: it exists; add --if-missing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeEnv("")
			if code := finish(tt.ctx, f.Env, nil, tt.err); code != tt.code || f.stderr.String() != tt.stderr {
				t.Errorf("got %d %q, want %d %q", code, f.stderr.String(), tt.code, tt.stderr)
			}
			if f.stdout.Len() > 0 {
				t.Errorf("got %q on stdout", f.stdout.String())
			}
		})
	}
}

func TestErrorAsJSON(t *testing.T) {
	t.Parallel()
	f := newFakeEnv("").printing(config.JSON)
	err := bus.Errorf(bus.Limited, "rate", "too many requests\x1b[2J").WithHint("wait a second")
	err.RequestID = "r1"
	if code := finish(t.Context(), f.Env, []string{"--json"}, fmt.Errorf("send: %w", err)); code != 7 {
		t.Errorf("got exit code %d, want 7", code)
	}
	want := `{"type":"error","code":"rate","message":"send: too many requests","hint":"wait a second","request_id":"r1","retryable":true}` + "\n"
	if got := f.stderr.String(); got != want || !json.Valid([]byte(got)) {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestErrorsInJSON(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"": false, "send ops hi": false, "--json send": true, "send -o json": true, "send -ojson": true, "send --output=ndjson": true,
		"send --output json": true, "send -o tsv": false, "send ops json": false, "send ops -- --json": false, "send -o": false,
	} {
		if got := newFakeEnv("").errorsInJSON(strings.Fields(line)); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}

// The test sends signals to its own process, so it cannot be parallel.
func TestUntilSignal(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		signal os.Signal
		code   int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 0}} {
		ctx, stop := untilSignal(t.Context())
		if err := self.Signal(tt.signal); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		if code := finish(ctx, newFakeEnv("").Env, nil, nil); code != tt.code {
			t.Errorf("a clean stop by %v: got exit code %d, want %d", tt.signal, code, tt.code)
		}
		stop()
	}
}
