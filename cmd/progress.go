package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"unibus/internal/client/transfer"
	"unibus/internal/seal"
)

const (
	// patience is how long a person waits without being told how far it is.
	patience = 500 * time.Millisecond
	// redraw is how often the line is drawn anew.
	redraw = 100 * time.Millisecond
)

// progress is the line on a terminal that says how far a transfer is. Where
// stderr is none it draws nothing.
type progress struct {
	env   *Env
	mu    sync.Mutex
	start time.Time
	drawn time.Time // zero: nothing stands on the screen
	total int64     // 0: not known
	moved int64
}

// transfer runs f, which moves bytes: it is bounded by --timeout without
// progress, not as a whole.
func (e *Env) transfer(ctx context.Context, f func(context.Context, *progress) error) error {
	settings, err := e.Settings()
	if err != nil {
		return err
	}
	bar := &progress{env: e, start: e.Now()}
	defer bar.clear()
	watched, stop := transfer.Watch(ctx, settings.Timeout, bar.add)
	defer stop()
	err = f(watched, bar)
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(watched), transfer.ErrStalled) {
		return transfer.ErrStalled
	}
	return err
}

// of says how many bytes there are to move.
func (p *progress) of(total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = max(total, 0)
}

// ofSource says so of an upload, where its size is known.
func (p *progress) ofSource(src transfer.Source) {
	if packed := (seal.File{Name: src.Name, Size: src.Size}).PackedSize(); packed > 0 {
		p.of(seal.EncryptedSize(packed))
	}
}

func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved += n
	now := p.env.Now()
	if !p.env.StderrTTY || p.env.Quiet || now.Sub(p.start) < patience || now.Sub(p.drawn) < redraw {
		return
	}
	p.drawn = now
	fmt.Fprintf(p.env.Stderr, "\r%s\x1b[K", p.line(now))
}

// line is like "12 MiB of 1.0 GiB, 45 MiB/s".
func (p *progress) line(now time.Time) string {
	line := humanize.IBytes(uint64(p.moved))
	if p.total > 0 {
		line += " of " + humanize.IBytes(uint64(p.total))
	}
	if took := now.Sub(p.start).Seconds(); took > 0 {
		line += ", " + humanize.IBytes(uint64(float64(p.moved)/took)) + "/s"
	}
	return line
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.drawn.IsZero() {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
	}
}
