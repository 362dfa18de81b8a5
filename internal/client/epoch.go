package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// step is an entry that starts an epoch, before its start part is known: how
// it changes the members, and its body around a start. It is asked again after
// somebody else was first; a nil body means that there is nothing left to do.
type step struct {
	op       chain.Op
	change   roomlog.Change
	body     func(roomlog.Start) []byte
	nameless bool // an author who cannot name the room makes an epoch without: others keep the name
}

// maxRaces bounds how often an append is tried again after losing the race for
// an index: each loss is somebody else's success.
const maxRaces = 64

// errRaces is the refusal after maxRaces.
func errRaces(what string) error {
	return bus.Errorf(bus.Unavailable, "busy", "others keep changing %s", what).WithHint("try again")
}

// startEpoch appends an entry that starts an epoch of a room, with what plan
// wants done given the room as it is now. The result tells whether anything
// was done.
func (c *Client) startEpoch(ctx context.Context, id bus.RoomID, plan func(*room) (step, error), co ...identity.SigningKey) (bool, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for range maxRaces {
		r, err := c.world.syncRoom(ctx, id)
		if err != nil {
			return false, err
		}
		_ = c.loadHanded(ctx, r) // before there is a new epoch
		st, err := plan(r)
		if err != nil || st.body == nil {
			return false, err
		}
		name, err := c.world.name(ctx, r, c.reader())
		if err == nil && name == "" {
			err = errNoKey // an epoch that its author cannot name would lose the room's name
		}
		if err != nil && !(st.nameless && bus.KindOf(err) == bus.Integrity) {
			return false, err
		}
		if err = c.appendEpoch(ctx, r, st, name, co...); err == nil {
			c.handOn(ctx, r)
		}
		if !errors.Is(err, bus.ErrBehind) {
			return err == nil, err
		}
	}
	return false, errRaces("this room")
}

// appendEpoch seals a fresh secret for exactly those whom the rules name, and
// appends the entry.
func (c *Client) appendEpoch(ctx context.Context, r *room, st step, name string, co ...identity.SigningKey) error {
	closing, err := c.closing(ctx, r.ID)
	if err != nil {
		return err
	}
	made, err := c.makeEpoch(r, st, name, closing, co...)
	if err != nil {
		return err
	}
	envelopes := made.envelopes
	if len(envelopes) > inlineEnvelopes {
		if err := c.stage(ctx, r.ID, made.root, envelopes); err != nil {
			return err
		}
		envelopes = nil
	}
	var done wire.Appended
	err = c.call.Post(ctx, wire.RoomAppendTarget(r.ID), wire.Append{Entry: made.entry.Encode(), Envelopes: envelopes}, &done)
	if err != nil && !c.stored(ctx, r, made.entry, err) {
		return err
	}
	return c.keepEpoch(ctx, r, made)
}

// inlineEnvelopes is how many envelopes travel with their entry: more would
// not fit bus.MaxJSONBody.
const inlineEnvelopes = 256

// stored finds out whether an append took effect whose answer got lost.
func (c *Client) stored(ctx context.Context, r *room, e *chain.Entry, cause error) bool {
	if !errors.Is(cause, bus.ErrBehind) && !call.Retryable(cause) {
		return false
	}
	var page wire.Entries
	if err := c.call.Get(ctx, wire.RoomLogTarget(r.ID, e.Index), &page); err != nil || len(page.Entries) == 0 {
		return false
	}
	return string(page.Entries[0]) == string(e.Encode())
}

func (c *Client) stage(ctx context.Context, room bus.RoomID, root bus.Hash, envelopes []wire.Envelope) error {
	for len(envelopes) > 0 {
		n := min(len(envelopes), bus.MaxEnvelopes)
		var body []byte
		for _, e := range envelopes[:n] {
			body = wire.AppendEnvelope(body, e)
		}
		r := call.Request{Method: "PUT", Target: wire.StageTarget(room, root), Kind: wire.MediaEnvelopes, Body: body}
		if err := c.call.Call(ctx, r, nil); err != nil {
			return err
		}
		envelopes = envelopes[n:]
	}
	return nil
}

// madeEpoch is an epoch that its author has made and nobody has stored yet.
type madeEpoch struct {
	entry     *chain.Entry
	secret    seal.Secret
	root      bus.Hash
	envelopes []wire.Envelope
	epoch     bus.Epoch
}

func (c *Client) makeEpoch(r *room, st step, name string, closing roomlog.Closing, co ...identity.SigningKey) (*madeEpoch, error) {
	now := c.now().Truncate(time.Millisecond)
	start, to, err := r.Draft(c.world, st.change, now)
	if err != nil {
		return nil, err
	}
	made := &madeEpoch{secret: seal.NewSecret(), epoch: start.Epoch}
	if err := c.sealTo(made, r, start.Epoch, to); err != nil {
		return nil, err
	}
	start.Root, start.Closing = made.root, closing
	if start.Name, err = c.sealName(made.secret, r, start.Epoch, name); err != nil {
		return nil, err
	}
	by := c.author()
	by.Seen = c.world.bus.Head().Ref()
	made.entry = r.Tail.New(st.op, st.body(start), by, now)
	if r.Create.Suite != bus.SuiteClear {
		start.Confirm = made.secret.Confirm(roomlog.ConfirmInput(made.entry))
		made.entry.Body = st.body(start)
	}
	made.entry.Sign(identity.ContextRoom, append(co, c.id.Content)...)
	return made, nil
}

// closing names the newest frame of the epoch that ends, so that what comes
// behind it is seen to be late. Who is only about to take his place has seen
// none, nor has who may publish alone.
func (c *Client) closing(ctx context.Context, id bus.RoomID) (roomlog.Closing, error) {
	newest, err := c.look(ctx, id)
	if errors.Is(err, bus.ErrNotMember) || bus.CodeOf(err) == errOutOfScope.Code {
		return roomlog.Closing{}, nil
	}
	return roomlog.Closing{Seq: newest.seq, Frame: newest.hash}, err
}

// sealTo seals the secret to each recipient and computes the audience root.
func (c *Client) sealTo(made *madeEpoch, r *room, epoch bus.Epoch, to []roomlog.Recipient) error {
	leaves := make([]roomlog.Leaf, len(to))
	for i, rec := range to {
		leaves[i] = roomlog.Leaf{Endpoint: rec.Endpoint, Serial: rec.Serial}
		if r.Create.Suite == bus.SuiteClear {
			continue
		}
		sealed, err := made.secret.Envelope(*rec.KEM, seal.Binding{Bus: c.call.Bus, Room: r.ID, Prev: r.Hash,
			Epoch: epoch, Actor: c.id.Endpoint(), Recipient: rec.Endpoint, Serial: rec.Serial})
		if err != nil {
			return err
		}
		leaves[i].Envelope = sha256.Sum256(sealed)
		made.envelopes = append(made.envelopes, wire.Envelope{Endpoint: rec.Endpoint, Serial: rec.Serial, Sealed: sealed})
	}
	made.root = roomlog.Root(r.ID, leaves)
	return nil
}

// sealName seals the room's name. None is no name: readers keep to the newest that
// opens.
func (c *Client) sealName(secret seal.Secret, r *room, epoch bus.Epoch, name string) ([]byte, error) {
	if r.Create.Suite == bus.SuiteClear || name == "" {
		return []byte(name), nil
	}
	return secret.SealName(r.ID, epoch, name)
}

// keepEpoch takes an epoch that the node stored into what this client knows.
func (c *Client) keepEpoch(ctx context.Context, r *room, made *madeEpoch) error {
	step, err := r.Check(made.entry, c.world)
	if err != nil {
		return err
	}
	r.take(made.entry, step)
	raw := [][]byte{made.entry.Encode()}
	if err := c.world.store.Append(ctx, profile.LogRoom, chain.ID(r.ID), made.entry.Index, raw); err != nil {
		return err
	}
	if r.Create.Suite == bus.SuiteClear {
		return nil
	}
	return c.world.store.PutSecret(ctx, r.ID, made.epoch, made.secret.Bytes())
}

// appendPlain appends an entry that starts no epoch. A nil body means that
// nothing is left to do.
func (c *Client) appendPlain(ctx context.Context, id bus.RoomID, op chain.Op, body func(*room) ([]byte, error)) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for range maxRaces {
		r, err := c.world.syncRoom(ctx, id)
		if err != nil {
			return err
		}
		b, err := body(r)
		if err != nil || b == nil {
			return err
		}
		by := c.author()
		by.Seen = c.world.bus.Head().Ref()
		e := r.Tail.New(op, b, by, c.now()).Sign(identity.ContextRoom, c.id.Content)
		var done wire.Appended
		err = c.call.Post(ctx, wire.RoomAppendTarget(id), wire.Append{Entry: e.Encode()}, &done)
		if err == nil || c.stored(ctx, r, e, err) {
			return nil
		}
		if !errors.Is(err, bus.ErrBehind) {
			return err
		}
	}
	return errRaces("this room")
}
