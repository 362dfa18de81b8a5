package cmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/seal"
)

// sendLines sends each line of stdin, many to a frame when they come fast, and
// prints their ids in order.
func sendLines(ctx context.Context, env *Env, c *client.Client, id bus.RoomID) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l := c.NewLive(nil)
	p := &linePump{box: l.Post(id, client.Linger), acks: make(chan client.Ack, waitingAcks), slots: make(chan struct{}, waitingAcks)}
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			stop(err)
		}
	})
	err := p.run(ctx, env)
	stop(nil)
	running.Wait()
	return err
}

// waitingAcks is how many lines may be sent and not acknowledged yet.
const waitingAcks = 1 << 16

// linePump moves lines from stdin to an outbox, and acknowledgements from
// there to stdout.
type linePump struct {
	box   *client.Outbox
	acks  chan client.Ack
	slots chan struct{} // one for each line without an acknowledgement
	sent  int           // lines that were acknowledged
}

// run goes on until both directions have ended.
func (p *linePump) run(ctx context.Context, env *Env) error {
	read := make(chan error, 1)
	go func() { read <- p.read(ctx, env.Stdin) }()
	out := bufio.NewWriter(env.Stdout)
	printing := *env
	printing.Stdout = out
	for done := false; !done || len(p.slots) > 0; {
		select {
		case err := <-read:
			if err != nil {
				return errors.Join(err, out.Flush())
			}
			done, read = true, nil
		case a := <-p.acks:
			if err := p.acknowledged(&printing, a); err != nil {
				return errors.Join(err, out.Flush())
			}
			if len(p.acks) > 0 {
				continue
			}
			if err := out.Flush(); err != nil {
				return err
			}
		case <-ctx.Done():
			return errors.Join(p.stopped(context.Cause(ctx)), out.Flush())
		}
	}
	return out.Flush()
}

func (p *linePump) acknowledged(env *Env, a client.Ack) error {
	<-p.slots
	if a.Err != nil {
		return a.Err
	}
	p.sent++
	return printSent(env, a)
}

// stopped says what a person who stops a sending has to know.
func (p *linePump) stopped(cause error) error {
	if len(p.slots) == 0 || bus.KindOf(cause) != bus.Failed {
		return cause
	}
	return bus.Errorf(bus.Interrupted, "interrupted", "%s sent; %d more may have been", plural(p.sent, "line"), len(p.slots)).
		Because(cause)
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
