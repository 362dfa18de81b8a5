package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// errErased: who has the key no more would get it again by asking the node.
var errErased = bus.Errorf(bus.Integrity, "erased", "the key of that epoch is erased: the room keeps none of its messages any more")

// over reports whether a room keeps no message of an epoch any more.
func (r *room) over(number bus.Epoch, now time.Time) bool {
	ep := r.epochs[number]
	return ep != nil && roomlog.Over(ep.End(r.epochs[number+1]), r.Retention, now)
}

// eraseEvery is how often what is over is looked for.
const eraseEvery = time.Hour

// eraseState is where the profile says when that was last.
const eraseState = "erased"

// erase erases what this client keeps longer than its rooms keep messages, unless
// that was looked for within eraseEvery, by any process, or the node does not agree
// with this device about the time: what one clock alone made erase would be gone
// for ever. What fails holds nobody up: it is tried again the next time.
func (c *Client) erase(ctx context.Context) error {
	now := c.now()
	last, err := c.store.State(ctx, eraseState)
	if err != nil && bus.KindOf(err) != bus.NotFound {
		return err
	}
	ms, _ := strconv.ParseInt(string(last), 10, 64) // what cannot be read was long ago
	if ago := now.Sub(time.UnixMilli(ms)); ago >= 0 && ago < eraseEvery {
		return nil
	}
	if !c.inTime(ctx) {
		return nil
	}
	if err := c.store.PutState(ctx, eraseState, strconv.AppendInt(nil, now.UnixMilli(), 10)); err != nil {
		return err
	}
	_ = errors.Join(c.eraseLeft(ctx), c.eraseFrames(ctx), c.eraseSecrets(ctx), c.eraseKEMs(ctx))
	return nil
}

// inTime reports whether the node agrees with this device's clock, which is all
// that it is asked: its own plays no part in what is over.
func (c *Client) inTime(ctx context.Context) bool {
	if !c.call.InTime() {
		ask := call.Request{Method: http.MethodGet, Target: wire.MyRoomsTarget(c.id.Endpoint())}
		if res, err := c.call.Once(ctx, ask); err == nil {
			_ = res.Body.Close()
		}
	}
	return c.call.InTime()
}

// eraseLeft forgets the rooms that this user is out of for so long that they would
// keep nothing of his time. Nobody tells him of another retention than he knew. Where
// nothing shows that he is out, what he has to send there stays.
func (c *Client) eraseLeft(ctx context.Context) error {
	known, err := c.store.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, n := range known {
		if n.Out == nil {
			continue
		}
		oldest, err := c.oldest(ctx, n.Room)
		if err != nil {
			return err
		}
		waiting, err := c.store.Outbox(ctx, n.Room)
		if err != nil {
			return err
		}
		if n.Out.At.Before(oldest) && len(waiting) == 0 {
			if err := c.store.ForgetRoom(ctx, n.Room); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseFrames erases the messages that their rooms keep no more, and those of rooms
// that were left while another process went on reading.
func (c *Client) eraseFrames(ctx context.Context) error {
	rooms, err := c.store.KeptRooms(ctx)
	if err != nil {
		return err
	}
	known, err := c.store.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, id := range rooms {
		if !slices.ContainsFunc(known, func(n profile.RoomName) bool { return n.Room == id }) {
			if err := c.store.ForgetShelf(ctx, id); err != nil {
				return err
			}
			continue
		}
		oldest, err := c.oldest(ctx, id)
		if err != nil {
			return err
		}
		if err := c.store.ForgetFrames(ctx, id, oldest); err != nil {
			return err
		}
	}
	return nil
}

// oldest is since when a room keeps messages, as far as is known here.
func (c *Client) oldest(ctx context.Context, id bus.RoomID) (time.Time, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.loadRoom(ctx, id)
	if err != nil || r.Epoch == nil {
		return time.Time{}, err
	}
	return c.now().Add(-r.Retention), nil
}

// eraseSecrets erases the secrets of epochs that are over. It asks nobody: a room
// whose log this client does not read any more ends here too.
func (c *Client) eraseSecrets(ctx context.Context) error {
	rooms, err := c.store.SecretRooms(ctx)
	if err != nil {
		return err
	}
	for _, id := range rooms {
		if err := c.eraseRoom(ctx, id); err != nil {
			return err
		}
	}
	return c.store.Scrub(ctx, c.now())
}

func (c *Client) eraseRoom(ctx context.Context, id bus.RoomID) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.loadRoom(ctx, id)
	if err != nil || r.Epoch == nil {
		return err
	}
	through := bus.Epoch(0)
	for r.over(through+1, c.now()) {
		through++
	}
	if through == 0 {
		return nil
	}
	if err := c.saveName(ctx, r); err != nil { // it may be sealed with one of them
		return err
	}
	return c.store.ForgetSecrets(ctx, id, through)
}

// saveName remembers a room's name as far as the keys that are kept open one.
func (c *Client) saveName(ctx context.Context, r *room) error {
	for _, n := range slices.Backward(r.names) {
		secret, err := c.world.kept(ctx, r.ID, n.epoch)
		if bus.KindOf(err) == bus.NotFound {
			continue
		} else if err != nil {
			return err
		}
		if name, err := secret.OpenName(r.ID, n.epoch, n.sealed); err == nil && name != "" {
			known, err := c.store.Room(ctx, r.ID)
			if err != nil {
				return err
			}
			return c.store.PutRoom(ctx, profile.RoomName{Room: r.ID, Name: name, Epoch: r.Epoch.Number, Direct: c.partner(r, name), Out: known.Out})
		}
	}
	return nil
}

// keptName is what a room was called when its name was read last.
func (w *world) keptName(ctx context.Context, id bus.RoomID) (string, error) {
	known, err := w.store.Room(ctx, id)
	return known.Name, err
}

// eraseKEMs erases the kem keys that were replaced and have nothing left to open:
// every envelope that was sealed to them is opened, or over. It asks for the
// keys of all rooms, and so is done once for each key.
func (c *Client) eraseKEMs(ctx context.Context) error {
	old, err := c.replacedKEMs(ctx)
	if err != nil || len(old) == 0 {
		return err
	}
	refs, err := c.roomRefs(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		opened, err := c.openAll(ctx, ref.ID, old)
		if err != nil || !opened {
			return err
		}
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.kems.drop(old)
}

// replacedKEMs are the serials of kem keys that were replaced bus.EpochAge ago or
// longer, which gives other processes of this endpoint time to open what they have.
func (c *Client) replacedKEMs(ctx context.Context) (serials []uint32, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if c.kems.keys == nil || len(c.kems.known) < 2 {
		return nil, nil
	}
	if err := c.world.loadBus(ctx); err != nil {
		return nil, err
	}
	if err := c.world.loadAccount(ctx, c.id.Account); err != nil {
		return nil, err
	}
	own, _ := c.ownEndpoint()
	if own == nil {
		return nil, nil
	}
	for _, k := range c.kems.known {
		if at, ok := own.Replaced(k.Serial); ok && c.now().Sub(at) > bus.EpochAge {
			serials = append(serials, k.Serial)
		}
	}
	return serials, nil
}

// openAll keeps the secret of every epoch of a room that was sealed to one of the
// serials of this endpoint's kem key, or handed on to it, and is not over. It
// reports whether nothing is left: what its author sealed wrongly never opens,
// what the node does not give now it may give later.
func (c *Client) openAll(ctx context.Context, id bus.RoomID, serials []uint32) (bool, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil || r.Create.Suite == bus.SuiteClear {
		return err == nil, err
	}
	if err := c.world.takeGrants(ctx, r, c.reader()); err != nil {
		return false, err
	}
	for number, ep := range r.epochs {
		own, in := ep.Recipient(c.id.Endpoint())
		if !in || !slices.Contains(serials, own.Serial) || r.over(number, c.now()) {
			continue
		}
		_, err := c.world.secret(ctx, r, number, c.reader())
		var bad *badKey
		switch {
		case err == nil, errors.As(err, &bad):
		case bus.KindOf(err) == bus.Integrity:
			return false, nil
		default:
			return false, err
		}
	}
	return true, nil
}
