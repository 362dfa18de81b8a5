package client

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
)

// What one act hands on, in keys: who lets somebody in with a thousand devices
// seals a thousand times, and waits for no more than these. The rest goes with the
// next act. Together they are what one request takes.
const (
	handAtOnce = bus.MaxEnvelopes
	handToOne  = handAtOnce / 2 // to the devices of one user: others came too
)

// handing is how far keys of a room were handed on by this context, as the profile
// keeps it.
type handing struct {
	Through bus.Epoch // whose newcomers were looked at
	Owed    []owed    // what they wait for, the next one first
}

// owed are keys that newcomers of one user wait for: of the epoch Next, which the
// endpoints through After have, and of those before it.
type owed struct {
	Since   bus.Epoch // that let them in
	Account bus.AccountID
	Next    bus.Epoch
	After   bus.EndpointID
}

func (h handing) equal(o handing) bool {
	return h.Through == o.Through && slices.Equal(h.Owed, o.Owed)
}

// cappedFor is how long keys for the devices of a user wait whom the node takes no
// more for: its cap on what one may seal does not pass by itself.
const cappedFor = time.Hour

// handOn gives the keys of earlier epochs to whom an epoch let in that it has not
// looked at yet, as far as that is for this endpoint to do: see heirs. It never
// fails what was done before it: what does not get through waits for the next
// time, also in another process. The world is locked.
func (c *Client) handOn(ctx context.Context, r *room) {
	if r.Epoch == nil || c.loadHanded(ctx, r) != nil {
		return
	}
	before := r.handed
	for ; r.handed.Through < r.Epoch.Number; r.handed.Through++ {
		r.handed.Owed = append(slices.Clone(r.handed.Owed), c.owes(r, r.epochs[r.handed.Through+1])...)
	}
	c.settle(ctx, r)
	if !r.handed.equal(before) {
		_ = c.keepHanded(ctx, r)
	}
}

// loadHanded reads through which epoch keys were handed on by this context. Who
// sees a room for the first time begins with what is to come: a profile that lasts
// as long as one command would hand everything on again with each.
func (c *Client) loadHanded(ctx context.Context, r *room) error {
	if r.handed.Through > 0 || r.Epoch == nil {
		return nil
	}
	kept, err := c.store.State(ctx, handedName(r.ID))
	switch {
	case bus.KindOf(err) == bus.NotFound:
	case err != nil:
		return err
	case json.Unmarshal(kept, &r.handed) == nil && r.handed.Through > 0:
		return nil
	}
	r.handed = handing{Through: r.Epoch.Number}
	return c.keepHanded(ctx, r)
}

func (c *Client) keepHanded(ctx context.Context, r *room) error {
	kept, err := json.Marshal(r.handed)
	if err != nil {
		return err
	}
	return c.store.PutState(ctx, handedName(r.ID), kept)
}

func handedName(id bus.RoomID) string { return "handed/" + id.String() }

// owes lists what the newcomers of an epoch wait for from this endpoint, by user.
func (c *Client) owes(r *room, ep *roomlog.Epoch) (out []owed) {
	if !r.mayKeep(ep.Number-1, c.handTime()) {
		return nil
	}
	for _, heir := range c.heirs(r, ep) {
		one := owed{Since: ep.Number, Account: heir.Account, Next: ep.Number - 1}
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// handTime is now as the node may see it: its clock may be ahead, and it would
// refuse all of a request.
func (c *Client) handTime() time.Time { return c.now().Add(bus.ClockSkew) }

// settle hands on what is owed, to each user and altogether within the bounds. Who
// waits longest is first; who got a part waits behind the others. A refusal of what
// is for one user holds nobody else's back.
func (c *Client) settle(ctx context.Context, r *room) {
	left, spent := handAtOnce, map[bus.AccountID]int{}
	var waiting, part []owed
	for i, o := range r.handed.Owed {
		most := min(left, handToOne-spent[o.Account])
		if most <= 0 || c.now().Sub(r.capped[o.Account]) < cappedFor {
			waiting = append(waiting, o)
			continue
		}
		rest, n, err := c.handTo(ctx, r, o, most)
		if err != nil && (ctx.Err() != nil || call.Retryable(err)) {
			waiting = append(waiting, r.handed.Owed[i:]...)
			break
		}
		left, spent[o.Account] = left-n, spent[o.Account]+n
		switch {
		case bus.KindOf(err) == bus.Limited:
			r.capped[o.Account] = c.now()
			waiting = append(waiting, o)
		case err == nil && rest.Next > 0:
			part = append(part, rest)
		}
	}
	r.handed.Owed = append(waiting, part...)
}

// handTo hands on so many keys of what is owed at most, newest first, and returns
// what is still owed, with no Next for nothing, and how many it sealed.
func (c *Client) handTo(ctx context.Context, r *room, o owed, most int) (rest owed, n int, err error) {
	since, now := r.epochs[o.Since], c.handTime()
	if since == nil { // of a log that the profile has no more
		return rest, 0, nil
	}
	to := slices.DeleteFunc(c.heirs(r, since), func(heir roomlog.Recipient) bool { return heir.Account != o.Account })
	g := giving{c: c, r: r, since: since}
	for ; len(to) > 0 && o.reaches(r, now) && len(g.grants) < most; o.Next-- {
		old := r.epochs[o.Next]
		due := slices.DeleteFunc(slices.Clone(to), func(heir roomlog.Recipient) bool {
			return bytes.Compare(heir.Endpoint[:], o.After[:]) <= 0 || !r.MayInherit(old, heir, c.world)
		})
		fit := min(most-len(g.grants), len(due))
		over := fit < len(due)
		due = due[:fit]
		if err := g.give(ctx, old, due); err != nil {
			return owed{}, len(g.grants), err
		}
		if over {
			rest, rest.After = o, due[len(due)-1].Endpoint
			return rest, len(g.grants), g.send(ctx)
		}
		o.After = bus.EndpointID{}
	}
	if len(to) > 0 && o.reaches(r, now) {
		rest = o
	}
	return rest, len(g.grants), g.send(ctx)
}

// reaches reports whether a node still takes keys of the next epoch.
func (o owed) reaches(r *room, now time.Time) bool {
	return o.Next > 0 && o.Since-o.Next <= bus.MaxGrantEpochs && r.mayKeep(o.Next, now)
}
