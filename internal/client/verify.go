package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Finding is what came of one check of the node's story.
type Finding struct {
	Check  string // "bus log", "accounts", "room log", "keys", "messages"
	OK     bool
	Detail string
	Err    error // why it does not hold
}

// VerifyBus asks the node for the bus log and for the chain of every account
// from their first entries on, and holds them against what was verified and
// kept here.
func (c *Client) VerifyBus(ctx context.Context) ([]Finding, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	var all []bus.AccountID
	for _, a := range c.world.bus.Users() {
		all = append(all, a.ID)
	}
	return c.findings(c.world.recheckBus(ctx), c.world.recheckAccounts(ctx, all))
}

// VerifyRoom does so for what a room rests on: the bus log, the accounts of its
// members and its own log; then for the keys that this endpoint was given, and
// for every message that is stored.
func (c *Client) VerifyRoom(ctx context.Context, id bus.RoomID) ([]Finding, error) {
	logs, err := c.verifyLogs(ctx, id)
	if err != nil {
		return nil, err
	}
	messages, err := c.recheckMessages(ctx, id)
	return append(logs, messages), err
}

func (c *Client) verifyLogs(ctx context.Context, id bus.RoomID) ([]Finding, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	var members []bus.AccountID
	for _, m := range r.Members() {
		members = append(members, m.Account)
	}
	return c.findings(c.world.recheckBus(ctx), c.world.recheckAccounts(ctx, members),
		c.world.recheckRoom(ctx, r), c.world.recheckKeys(ctx, r, c.reader()))
}

// findings keeps what could not be checked apart from what does not hold.
func (c *Client) findings(all ...Finding) ([]Finding, error) {
	for _, f := range all {
		if f.Err != nil && bus.KindOf(f.Err) != bus.Integrity {
			return nil, f.Err
		}
	}
	return all, nil
}

func found(check string, err error, format string, args ...any) Finding {
	f := Finding{Check: check, OK: err == nil, Detail: fmt.Sprintf(format, args...), Err: err}
	if err != nil {
		f.Detail = err.Error()
	}
	return f
}

// recheck reads a chain from its first entry on and compares it with the
// entries that were verified, byte by byte.
func (w *world) recheck(ctx context.Context, f follow) (n int, err error) {
	kept, err := w.store.Entries(ctx, f.log, f.chain)
	for err == nil && n < len(kept) {
		var page wire.Entries
		if err = w.call.Get(ctx, f.target(uint32(n)), &page); err == nil && len(page.Entries) == 0 {
			err = errWithheld
		}
		for _, raw := range page.Entries {
			if n < len(kept) && !bytes.Equal(raw, kept[n]) {
				return n, errForked
			}
			n++
		}
	}
	return n, err
}

func (w *world) recheckBus(ctx context.Context) Finding {
	n, err := w.recheck(ctx, w.busFollow())
	return found("bus log", err, "entries: %d, users: %d", n, len(w.bus.Users()))
}

func (w *world) recheckAccounts(ctx context.Context, ids []bus.AccountID) Finding {
	entries := 0
	for _, id := range ids {
		err := w.syncNow(ctx, id)
		if err == nil {
			var n int
			n, err = w.recheck(ctx, w.accountFollow(w.accounts[id], w.handle(id)))
			entries += n
		}
		if err != nil {
			return found("accounts", fmt.Errorf("%s: %w", w.handle(id), err), "")
		}
	}
	return found("accounts", nil, "users: %d, entries: %d", len(ids), entries)
}

func (w *world) recheckRoom(ctx context.Context, r *room) Finding {
	n, err := w.recheck(ctx, w.roomFollow(r.ID, r))
	return found("room log", err, "entries: %d, key %d, members: %d", n, r.Epoch.Number, len(r.Members()))
}

// recheckKeys opens every envelope that the node keeps for this endpoint and that
// is not over: sealed to exactly those whom the log names, by its author.
func (w *world) recheckKeys(ctx context.Context, r *room, me reader) Finding {
	if r.Create.Suite == bus.SuiteClear {
		return found("keys", nil, "none: this room is not encrypted")
	}
	opened, gone := 0, 0
	for number := bus.Epoch(1); number <= r.Epoch.Number; number++ {
		if _, in := r.epochs[number].Recipient(me.endpoint); !in {
			continue
		}
		err := w.recheckKey(ctx, r, number, me)
		switch {
		case errors.Is(err, errNoKey), errors.Is(err, errErased):
			gone++
		case err != nil:
			return found("keys", fmt.Errorf("key %d: %w", number, err), "")
		default:
			opened++
		}
	}
	return found("keys", nil, "%d open, %d no longer kept", opened, gone)
}

// recheckKey opens the envelope of one epoch. Where the kem key that it was sealed
// to is erased by now, the secret that came out of it is held against the log.
func (w *world) recheckKey(ctx context.Context, r *room, number bus.Epoch, me reader) error {
	_, err := w.openEnvelope(ctx, r, number, me)
	if !errors.Is(err, errOldCopy) {
		return err
	}
	secret, lost := w.kept(ctx, r.ID, number)
	switch {
	case bus.KindOf(lost) == bus.NotFound:
		return err
	case lost != nil:
		return lost
	}
	return checkConfirm(r, r.epochs[number], secret)
}

// recheckMessages reads all that is stored and counts what does not hold.
func (c *Client) recheckMessages(ctx context.Context, id bus.RoomID) (Finding, error) {
	if err := c.beginRead(ctx, id); bus.KindOf(err) == bus.Integrity {
		return found("messages", err, ""), nil
	} else if err != nil {
		return Finding{}, err
	}
	var n Verdict
	f := c.newFollower(id, 0, func(e bus.Event) error {
		n.Count(e)
		return nil
	})
	f.skipLog()
	err := c.history(ctx, f, ReadOptions{Whole: true})
	switch {
	case bus.KindOf(err) == bus.Integrity:
		return found("messages", err, ""), nil
	case err != nil:
		return Finding{}, err
	}
	if err = n.Err(); err == nil && n.Behind > 0 {
		err = bus.Errorf(bus.Integrity, "reordered_messages", "%d of %d stand behind later ones of their sender", n.Behind, n.Good)
	}
	words := fmt.Sprintf("%d, none missing", n.Good)
	if f.open.repeats > 0 {
		words += fmt.Sprintf(", %d stored twice", f.open.repeats)
	}
	return found("messages", err, "%s", words), nil
}
