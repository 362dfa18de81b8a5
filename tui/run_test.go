package tui

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// terminal collects what a program writes, and lets one wait for it.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
	return t.text.Write(b)
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func (t *terminal) until(tt *testing.T, words string) {
	tt.Helper()
	t.untilCount(tt, words, 1)
}

// untilCount waits until words were said so many times.
func (t *terminal) untilCount(tt *testing.T, words string, n int) {
	tt.Helper()
	timeout := time.After(20 * time.Second)
	for strings.Count(t.String(), words) < n {
		select {
		case <-t.more:
		case <-timeout:
			tt.Fatalf("never said %q: %q", words, t.String())
		}
	}
}

// program is a screen in a terminal that is a pipe.
func program(t *testing.T, f *fake, env ...string) (keys io.Writer, out *terminal, ended chan error, stop func()) {
	t.Helper()
	in, keys := io.Pipe()
	out = &terminal{more: make(chan struct{}, 1)}
	ended = make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		ended <- Run(ctx, Terminal{In: in, Out: out, Env: append(env, "TERM=xterm-256color"), Width: 80, Height: 24},
			Options{Session: f, Now: time.Now, Zone: time.UTC, Theme: "dark", Home: "/", ReadDir: os.ReadDir})
	}()
	return keys, out, ended, stop
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := staged()
	keys, out, ended, _ := program(t, f)
	out.until(t, "write to #ops")
	f.events <- []Event{{Conn: &Conn{State: Online, Node: "node-7"}}}
	out.until(t, "node-7")
	_, _ = io.WriteString(keys, "hello\x1b[200~pasted\nlines\x1b[201~\r")
	out.until(t, "hellopasted")
	_, _ = io.WriteString(keys, "\x11")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if f.kept.Room != ops {
		t.Errorf("kept %+v", f.kept)
	}
	if !strings.Contains(out.String(), "\x1b[?1049l") {
		t.Error("the terminal is not given back as it was")
	}
}

// NO_COLOR leaves bold, faint and reverse, and nothing else.
func TestNoColor(t *testing.T) {
	t.Parallel()
	f := staged()
	_, out, ended, stop := program(t, f, "NO_COLOR=1")
	out.until(t, "write to #ops")
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if f.kept.Room != ops {
		t.Error("a program that is ended from outside keeps what is to be kept")
	}
	if found := regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9;]*)?m`).FindString(out.String()); found != "" {
		t.Errorf("a colour was written: %q", found)
	}
}
