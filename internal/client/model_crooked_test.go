package client

import (
	"bytes"
	"crypto/sha256"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// crookedness is what is wrong with an epoch that the rules take.
type crookedness int

const (
	crookedNoise   crookedness = iota // the envelopes hold nothing
	crookedOthers                     // everybody has somebody else's
	crookedConfirm                    // it confirms another secret than they hold
	crookedGhost                      // the root names somebody else in a place
	crookednesses
)

func (made *madeEpoch) spoil(how crookedness) {
	all := made.envelopes
	first := all[0].Sealed
	for i := range all {
		switch {
		case how == crookedNoise, how == crookedOthers && len(all) == 1:
			all[i].Sealed = bytes.Repeat([]byte{1}, len(first))
		case how == crookedOthers && i == len(all)-1:
			all[i].Sealed = first
		case how == crookedOthers:
			all[i].Sealed = all[i+1].Sealed
		}
	}
}

// crooked has a member start an epoch whose envelopes hold something else than
// its key, or are not those of its audience: nobody can read in it, and it
// must not be the end of the room.
func (m *model) crooked(d *device, id bus.RoomID, how crookedness) {
	m.attempt(d, id, intent{op: roomlog.OpRekey, crooked: true, ghost: how == crookedGhost, how: how}, func() error {
		d.world.mu.Lock()
		defer d.world.mu.Unlock()
		r, err := d.world.syncRoom(m.ctx, id)
		if err != nil {
			return err
		}
		reason, _ := r.Due(d.world, m.now)
		start, to, err := r.Draft(d.world, roomlog.Change{}, m.now)
		if err != nil || len(to) == 0 {
			return err
		}
		made := &madeEpoch{secret: seal.NewSecret(), epoch: start.Epoch}
		if err := d.sealTo(made, r, start.Epoch, to); err != nil {
			return err
		}
		secret := made.secret
		if how == crookedConfirm {
			secret = seal.NewSecret()
		}
		made.spoil(how)
		leaves := make([]roomlog.Leaf, len(to))
		for i, rec := range to {
			leaves[i] = roomlog.Leaf{Endpoint: rec.Endpoint, Serial: rec.Serial, Envelope: sha256.Sum256(made.envelopes[i].Sealed)}
		}
		if how == crookedGhost {
			leaves[m.IntN(len(leaves))].Endpoint = bus.EndpointID{0xff}
		}
		start.Root = roomlog.Root(id, leaves)
		by := d.author()
		by.Seen = d.world.bus.Head().Ref()
		body := roomlog.Rekey{Reason: max(reason, roomlog.ReasonAsked), Start: start}
		body.Start.Name, err = secret.SealName(id, start.Epoch, "crooked")
		if err != nil {
			return err
		}
		e := r.Tail.New(roomlog.OpRekey, body.Encode(), by, m.now)
		body.Start.Confirm = secret.Confirm(roomlog.ConfirmInput(e))
		e.Body = body.Encode()
		e.Sign(identity.ContextRoom, d.file.Content)
		err = d.call.Post(m.ctx, wire.RoomAppendTarget(id), wire.Append{Entry: e.Encode(), Envelopes: made.envelopes}, nil)
		if err != nil {
			return err
		}
		m.did("crooked epoch")
		return nil
	})
}
