package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// reader is an endpoint that opens envelopes: this one, or the one-time
// endpoint of an invite while it is taken up.
type reader struct {
	endpoint bus.EndpointID
	kem      func(serial uint32) (identity.KEMKey, bool)
}

// errNoKey: the epoch is before this endpoint's time, or its envelope is gone.
var errNoKey = bus.Errorf(bus.Integrity, "no_key", "this endpoint has no key for that epoch").
	WithHint("another member must make a new room key: unibus room rekey")

// secret returns the secret of an epoch of r: from the profile, else from the
// envelope that the node keeps for this endpoint, checked against the log.
func (w *world) secret(ctx context.Context, r *room, epoch bus.Epoch, me reader) (seal.Secret, error) {
	kept, err := w.store.Secret(ctx, r.ID, epoch)
	if err == nil {
		return seal.SecretFrom(kept)
	}
	if bus.KindOf(err) != bus.NotFound {
		return seal.Secret{}, err
	}
	secret, err := w.openEnvelope(ctx, r, epoch, me)
	if err != nil {
		return seal.Secret{}, err
	}
	return secret, w.store.PutSecret(ctx, r.ID, epoch, secret.Bytes())
}

func (w *world) openEnvelope(ctx context.Context, r *room, epoch bus.Epoch, me reader) (secret seal.Secret, err error) {
	ep := r.epochs[epoch]
	if ep == nil {
		return secret, errNoKey
	}
	own, in := ep.Recipient(me.endpoint)
	if !in {
		return secret, errNoKey
	}
	key, have := me.kem(own.Serial)
	if !have {
		return secret, errOldCopy
	}
	var k wire.Key
	if err := w.call.get(ctx, wire.KeyTarget(r.ID, epoch, me.endpoint), &k); err != nil {
		return secret, noKey(err)
	}
	if err := checkEnvelope(r.ID, ep, me.endpoint, k); err != nil {
		return secret, err
	}
	secret, err = seal.OpenEnvelope(key, k.Sealed, w.binding(r, ep, own))
	if err != nil {
		return secret, err
	}
	return secret, checkConfirm(r, ep, secret)
}

func noKey(err error) error {
	if bus.KindOf(err) == bus.Forbidden || bus.KindOf(err) == bus.NotFound {
		return errNoKey.Because(err)
	}
	return err
}

// checkEnvelope holds the node to the audience: the secret was sealed to
// exactly the endpoints that the log names, and this is the envelope of ours.
func checkEnvelope(id bus.RoomID, ep *roomlog.Epoch, me bus.EndpointID, k wire.Key) error {
	leaves := make([]roomlog.Leaf, len(k.Leaves))
	ours := false
	for i, l := range k.Leaves {
		leaves[i] = roomlog.Leaf(l)
		ours = ours || l.Endpoint == me && l.Envelope == sha256.Sum256(k.Sealed)
	}
	if err := ep.CheckLeaves(id, leaves); err != nil {
		return err
	}
	if !ours {
		return roomlog.ErrAudience
	}
	return nil
}

// checkConfirm finds a wrong secret at once, not at the first message.
func checkConfirm(r *room, ep *roomlog.Epoch, secret seal.Secret) error {
	if !secret.Confirmed(roomlog.ConfirmInput(r.starts[ep.Number]), ep.Confirm) {
		return bus.Errorf(bus.Integrity, "bad_confirm", "the room key is not the one that its author made")
	}
	return nil
}

func (w *world) binding(r *room, ep *roomlog.Epoch, to roomlog.Recipient) seal.Binding {
	return seal.Binding{Bus: w.call.bus, Room: r.ID, Prev: ep.Prev, Epoch: ep.Number,
		Actor: ep.Actor, Recipient: to.Endpoint, Serial: to.Serial}
}

// sealEpoch is what frames of an epoch are sealed and opened with.
func (w *world) sealEpoch(ctx context.Context, r *room, number bus.Epoch, me reader) (ep seal.Epoch, err error) {
	known := r.epochs[number]
	if known == nil {
		return ep, errNoKey
	}
	ep = seal.Epoch{Room: r.ID, Number: number, Entry: known.Entry, Suite: r.Create.Suite}
	if ep.Suite == bus.SuiteClear {
		return ep, nil
	}
	ep.Secret, err = w.secret(ctx, r, number, me)
	return ep, err
}

// name opens the room's name: the newest that opens. An author may have given
// away something else than the key of his epoch; were its name the only one,
// nobody could start another epoch, and he would have ended the room. Where no
// key is here there is no name.
func (w *world) name(ctx context.Context, r *room, me reader) (string, error) {
	if r.Create.Suite == bus.SuiteClear {
		return string(r.Name), nil
	}
	var first error
	for _, n := range slices.Backward(r.names) {
		name, err := w.openName(ctx, r, n, me)
		if err == nil || bus.KindOf(err) != bus.Integrity {
			return name, err
		}
		first = cmp.Or(first, err)
	}
	if errors.Is(first, errNoKey) {
		return "", nil
	}
	return "", first
}

func (w *world) openName(ctx context.Context, r *room, n sealedName, me reader) (string, error) {
	secret, err := w.secret(ctx, r, n.epoch, me)
	if err != nil {
		return "", err
	}
	return secret.OpenName(r.ID, n.epoch, n.sealed)
}
