package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/seal"
	"unibus/internal/text"
)

// sendLines sends each line of stdin, many to a frame when they come fast, and
// prints their ids in order.
func sendLines(ctx context.Context, env *Env, c *client.Client, id bus.RoomID) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &linePump{node: c.URL(), limit: settings.Timeout,
		acks: make(chan client.Ack, waitingAcks), slots: make(chan struct{}, waitingAcks)}
	l := c.NewLive(func(s bus.StateEvent) { p.online.Store(s.State == bus.StateOnline) })
	p.box = l.Post(id, client.Linger)
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			stop(err)
		}
	})
	err = p.run(ctx, env)
	stop(nil)
	running.Wait()
	return err
}

// waitingAcks is how many lines may be sent and not acknowledged yet.
const waitingAcks = 1 << 16

// linePump moves lines from stdin to an outbox, and acknowledgements from
// there to stdout.
type linePump struct {
	box    *client.Outbox
	node   string
	online atomic.Bool
	limit  time.Duration // without an acknowledgement that is waited for
	acks   chan client.Ack
	slots  chan struct{} // one for each line without an acknowledgement
	sent   int           // lines that were acknowledged
}

// run goes on until both directions have ended. What was read before stdin
// failed is sent all the same.
func (p *linePump) run(ctx context.Context, env *Env) (failed error) {
	read := make(chan error, 1)
	go func() { read <- p.read(ctx, env.Stdin) }()
	out := bufio.NewWriter(env.Stdout)
	printing := *env
	printing.Stdout = out
	check := time.NewTicker(p.limit)
	defer check.Stop()
	for done, idle := false, true; !done || len(p.slots) > 0; {
		select {
		case failed = <-read:
			done, read = true, nil
		case a := <-p.acks:
			if err := p.acknowledged(&printing, a); err != nil {
				return errors.Join(err, out.Flush())
			}
			idle = true // what waits now waits from now on
			if len(p.acks) > 0 {
				continue
			}
			if err := out.Flush(); err != nil {
				return err
			}
		case <-check.C:
			if !idle {
				return errors.Join(p.stopped(p.stalled()), out.Flush())
			}
			idle = len(p.slots) == 0
		case <-ctx.Done():
			return errors.Join(p.stopped(context.Cause(ctx)), out.Flush())
		}
	}
	return errors.Join(failed, out.Flush())
}

func (p *linePump) acknowledged(env *Env, a client.Ack) error {
	<-p.slots
	if a.Err != nil {
		return a.Err
	}
	p.sent++
	return printSent(env, a)
}

// stalled is why nothing was acknowledged for too long.
func (p *linePump) stalled() error {
	if p.online.Load() {
		return errTimeout
	}
	return bus.Errorf(bus.Unavailable, "unreachable", "no node answers at %s in time", text.Line(p.node)).
		WithHint("is it busy? allow more with --timeout")
}

// stopped adds to the cause of an early end what a person has to know of it.
func (p *linePump) stopped(cause error) error {
	if len(p.slots) == 0 {
		return cause
	}
	progress := fmt.Sprintf("%s sent, %d more may have been", plural(p.sent, "line"), len(p.slots))
	if errors.Is(cause, context.Canceled) {
		return bus.Errorf(bus.Interrupted, "interrupted", "%s", progress)
	}
	return fmt.Errorf("%s: %w", progress, cause)
}

func (p *linePump) read(ctx context.Context, in io.Reader) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 64<<10), maxText)
	for scan.Scan() {
		if len(scan.Bytes()) == 0 {
			continue
		}
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		body := append([]byte(nil), scan.Bytes()...)
		r := seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: body}
		if err := p.box.Send(ctx, r, p.acks); err != nil {
			return err
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return errLong
	}
	return scan.Err()
}
