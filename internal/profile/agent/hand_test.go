package agent

import (
	"bytes"
	"io"
	"testing"
)

// lent is a pipe that keeps the memory which it was given, as a debugger would
// find it.
type lent struct {
	bytes.Buffer
	seen [][]byte
}

func (l *lent) Write(p []byte) (int, error) {
	l.seen = append(l.seen, p)
	return l.Buffer.Write(p)
}

func (l *lent) Read(p []byte) (int, error) {
	l.seen = append(l.seen, p)
	return l.Buffer.Read(p)
}

func (l *lent) wantWiped(t *testing.T, who string) {
	t.Helper()
	for _, p := range l.seen {
		if len(bytes.Trim(p, "\x00")) > 0 {
			t.Errorf("%s leaves %d bytes in memory: %.40q", who, len(p), bytes.Trim(p, "\x00"))
		}
	}
	l.seen = nil
}

// TestHand: what a process is started with arrives, and its line stays in the
// memory of neither side.
func TestHand(t *testing.T) {
	t.Parallel()
	var pipe lent
	given := held()
	must(t, Hand(&pipe, given))
	if string(given.Passphrase()) != secret {
		t.Error("what was handed over is gone here")
	}
	pipe.wantWiped(t, "who gives it")
	got, err := Take(&pipe)
	must(t, err)
	if string(got.Passphrase()) != secret || string(got.Key()) != sealKey {
		t.Errorf("got %q and %q", got.Passphrase(), got.Key())
	}
	pipe.wantWiped(t, "who takes it")
	for _, broken := range []string{"", "{}", "\n", "{\"passphrase\":\"c2VjcmV0\"}", "{\"passphrase\":1}\n", "x\n"} {
		pipe.Reset()
		_, _ = io.WriteString(&pipe.Buffer, broken)
		if _, err := Take(&pipe); err == nil {
			t.Errorf("%q was taken", broken)
		}
		pipe.wantWiped(t, "who was given "+broken)
	}
}
