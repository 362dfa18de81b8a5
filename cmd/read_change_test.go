package cmd

import (
	"fmt"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/config"
)

// A new key that somebody needed says whose did not open, and to whom.
func TestEpochLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		bad        bus.Handle
		line, json string
	}{
		{"", "-- alice made a new room key, number 8 --\n",
			`{"type":"epoch","room":"ops","epoch":8,"by":"alice","op":"rekey","time":"2026-11-21T12:00:00Z"}` + "\n"},
		{"bob", "-- alice made a new room key, number 8, since that of bob did not open for alice --\n",
			`{"type":"epoch","room":"ops","epoch":8,"by":"alice","op":"rekey","time":"2026-11-21T12:00:00Z","bad_key_by":"bob"}` + "\n"},
	} {
		for format, want := range map[config.Format]string{config.Text: tt.line, config.NDJSON: tt.json} {
			f := newFakeEnv("").printing(format)
			e := bus.EpochEvent{Epoch: 8, By: "alice", Op: "rekey", Time: at, BadKeyBy: tt.bad}
			if err := newEventPrinter(f.Env, "ops").print(bus.Event{Epoch: &e}); err != nil {
				t.Fatal(err)
			}
			if got := f.stdout.String(); got != want {
				t.Errorf("%s: got %q, want %q", format, got, want)
			}
		}
	}
}

// A room that is read no more says why, in words that nobody else's stand in.
func TestFaultLine(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.Format]string{
		config.Text:   "-- this room is not read any more: the node shows another history --\n",
		config.NDJSON: `{"type":"fault","room":"ops","code":"forked","message":"the node shows another history"}` + "\n",
	} {
		f := newFakeEnv("").printing(format)
		e := bus.FaultEvent{Err: fmt.Errorf("read: %w", bus.Errorf(bus.Integrity, "forked", "the node shows another history").WithHint("ask"))}
		if err := newEventPrinter(f.Env, "ops").print(bus.Event{Fault: &e}); err != nil {
			t.Fatal(err)
		}
		if got := f.stdout.String(); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}
