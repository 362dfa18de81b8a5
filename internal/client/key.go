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
// envelope that the node keeps for this endpoint, or from what was handed on to
// it, checked against the log.
func (w *world) secret(ctx context.Context, r *room, epoch bus.Epoch, me reader) (seal.Secret, error) {
	secret, err := w.kept(ctx, r.ID, epoch)
	if bus.KindOf(err) != bus.NotFound {
		return secret, err
	}
	if w.mayInherit(r, epoch, me) {
		return w.inherited(ctx, r, epoch, me)
	}
	if secret, err = w.openEnvelope(ctx, r, epoch, me); err != nil {
		return seal.Secret{}, err
	}
	return secret, w.store.PutSecret(ctx, r.ID, epoch, secret.Bytes())
}

// kept is a secret in the profile; NotFound where it is not there.
func (w *world) kept(ctx context.Context, id bus.RoomID, epoch bus.Epoch) (seal.Secret, error) {
	raw, err := w.store.Secret(ctx, id, epoch)
	if err != nil {
		return seal.Secret{}, err
	}
	return seal.SecretFrom(raw)
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
	if r.epochs[epoch+1] != nil && r.over(epoch, w.call.Now()) {
		return secret, errErased // the one in force holds the room's name
	}
	if w.local { // nor does it matter which keys there were to open it with
		return secret, errNoKey
	}
	key, have := me.kem(own.Serial)
	if !have {
		return secret, errOldCopy
	}
	if key.Public() != *own.KEM {
		return secret, errOldCopy // its author sealed to another key than this one
	}
	var k wire.Key
	if err := w.call.Get(ctx, wire.KeyTarget(r.ID, epoch, me.endpoint), &k); err != nil {
		return secret, noKey(err)
	}
	leaf, err := given(r.ID, ep, own, k)
	if err != nil {
		return secret, err
	}
	if secret, err = w.openGiven(r, ep, own, key, k); err != nil {
		err = w.badKey(ep, leaf, err)
	}
	return secret, err
}

// openGiven opens what an epoch's author sealed to this endpoint, and holds it to
// what he signed. That it does not hold is his doing.
func (w *world) openGiven(r *room, ep *roomlog.Epoch, own roomlog.Recipient, key identity.KEMKey, k wire.Key) (secret seal.Secret, err error) {
	if err := ep.CheckLeaves(r.ID, leavesIn(k)); err != nil {
		return secret, err
	}
	if secret, err = seal.OpenEnvelope(key, k.Sealed, w.binding(r, ep, own)); err != nil {
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

// errOtherEnvelope accuses the node and nobody else: the author of an epoch signed
// the root over all its envelopes, and this is none of them.
var errOtherEnvelope = bus.Errorf(bus.Integrity, "wrong_envelope", "the node gives another envelope than the room's log names").
	WithHint("do not send; ask an admin what happened to the node")

// given holds the node to the envelope that the author of an epoch made for this
// endpoint: the leaves must be those under the root that he signed, and the
// envelope the one of our leaf. What is wrong with it then is its author's doing.
func given(id bus.RoomID, ep *roomlog.Epoch, own roomlog.Recipient, k wire.Key) (leaf bus.Hash, err error) {
	leaves := leavesIn(k)
	if roomlog.Root(id, leaves) != ep.Root {
		return leaf, errOtherEnvelope
	}
	i := slices.IndexFunc(leaves, func(l roomlog.Leaf) bool { return l.Endpoint == own.Endpoint })
	if i < 0 {
		return leaf, nil // he left this endpoint out
	}
	if leaf = leaves[i].Envelope; leaf != sha256.Sum256(k.Sealed) {
		return leaf, errOtherEnvelope
	}
	return leaf, nil
}

func leavesIn(k wire.Key) []roomlog.Leaf {
	leaves := make([]roomlog.Leaf, len(k.Leaves))
	for i, l := range k.Leaves {
		leaves[i] = roomlog.Leaf(l)
	}
	return leaves
}

// checkConfirm finds a wrong secret at once, not at the first message.
func checkConfirm(r *room, ep *roomlog.Epoch, secret seal.Secret) error {
	if !secret.Confirmed(roomlog.ConfirmInput(r.starts[ep.Number]), ep.Confirm) {
		return bus.Errorf(bus.Integrity, "bad_confirm", "the room key is not the one that its author made")
	}
	return nil
}

func (w *world) binding(r *room, ep *roomlog.Epoch, to roomlog.Recipient) seal.Binding {
	return seal.Binding{Bus: w.call.Bus, Room: r.ID, Prev: ep.Prev, Epoch: ep.Number,
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

// name opens the room's name: the newest that opens, else the one that was read
// last. An author may have given away something else than the key of his epoch, or
// have named nothing; were that the end of the name, nobody could start another
// epoch, and he would have ended the room. Where no key is here there is no name.
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
	if name, err := w.keptName(ctx, r.ID); err != nil || name != "" {
		return name, err
	}
	if errors.Is(first, errNoKey) || errors.Is(first, errErased) {
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
