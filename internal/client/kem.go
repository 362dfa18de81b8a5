package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// Keys is where an identity is kept; identity.Place is one.
type Keys interface {
	// Update hands the identity as it is kept now to change, and keeps it when
	// change says that it changed it: on disk when Update returns nil. Other
	// processes wait meanwhile.
	Update(change func(*identity.File) (changed bool, err error)) error
}

var (
	// errKeyStays is no reason to stop: the old key opens everything as before,
	// and others seal to it for bus.KEMGrace.
	errKeyStays = bus.Errorf(bus.Unsafe, "kem_key_old", "this device's kem key is over %d days old and cannot be renewed here",
		int(bus.KEMLife/(24*time.Hour))).WithHint("use these keys where their file can be written; after %d days more rooms leave this device out",
		int(bus.KEMGrace/(24*time.Hour)))
	// errOldCopy: somebody else holds a newer copy of the same identity.
	errOldCopy = bus.Errorf(bus.Integrity, "old_keys", "these keys are an older copy: the device's kem key was renewed elsewhere").
			WithHint("take a new copy there: unibus identity export")
)

// kemKeys are this endpoint's kem keys as they were last read. They are read and
// written under the world's lock.
type kemKeys struct {
	keys   Keys // nil: they cannot be changed here
	known  []identity.KEMEntry
	absent uint32 // newest serial that was looked for in vain
	shared bool   // copies of them are in use elsewhere
}

// life is how long a key is used.
func (k *kemKeys) life() time.Duration {
	if k.shared {
		return bus.SharedKEMLife
	}
	return bus.KEMLife
}

func (k *kemKeys) take(f *identity.File) { k.known, k.shared = slices.Clone(f.KEMs), f.Shared }

// find returns the kem key of a serial. One newer than those that are known was
// made by another process of this endpoint: the identity is read again, once.
func (k *kemKeys) find(serial uint32) (identity.KEMKey, bool) {
	key, ok := pickKEM(k.known, serial)
	if ok || k.keys == nil || serial <= k.absent || serial < k.newest() {
		return key, ok
	}
	_ = k.keys.Update(func(f *identity.File) (bool, error) {
		k.take(f)
		return false, nil
	})
	if key, ok = pickKEM(k.known, serial); !ok {
		k.absent = serial
	}
	return key, ok
}

func (k *kemKeys) newest() uint32 { return k.known[len(k.known)-1].Serial }

func pickKEM(kems []identity.KEMEntry, serial uint32) (key identity.KEMKey, ok bool) {
	i := slices.IndexFunc(kems, func(k identity.KEMEntry) bool { return k.Serial == serial })
	if i < 0 {
		return key, false
	}
	return kems[i].Key, true
}

// next keeps a key under serial, and drops those that old names. A key that is
// kept under it already is one that was not published since: then it is that one.
func (k *kemKeys) next(serial uint32, made time.Time, old func(serial uint32) bool) (key identity.KEMKey, err error) {
	if k.keys == nil {
		return key, errKeyStays
	}
	wasShared := k.shared
	err = k.keys.Update(func(f *identity.File) (bool, error) {
		if k.take(f); k.shared && !wasShared {
			return false, errShared
		}
		before := len(f.KEMs)
		f.KEMs = slices.DeleteFunc(slices.Clone(f.KEMs), func(e identity.KEMEntry) bool { return old(e.Serial) })
		changed, found := len(f.KEMs) < before, false
		if key, found = pickKEM(f.KEMs, serial); !found {
			key, changed = identity.NewKEMKey(), true
			f.KEMs = append(f.KEMs, identity.KEMEntry{Serial: serial, Key: key, Made: made.UTC().Truncate(time.Millisecond)})
		}
		k.take(f)
		return changed, nil
	})
	return key, err
}

// drop erases the keys of serials for good; the newest stays whatever is named.
func (k *kemKeys) drop(serials []uint32) error {
	return k.keys.Update(func(f *identity.File) (bool, error) {
		last := f.KEMs[len(f.KEMs)-1].Serial
		before := len(f.KEMs)
		f.KEMs = slices.DeleteFunc(slices.Clone(f.KEMs), func(e identity.KEMEntry) bool {
			return e.Serial != last && slices.Contains(serials, e.Serial)
		})
		k.take(f)
		return len(f.KEMs) < before, nil
	})
}

// errShared: the identity was copied since it was read, and its key lives longer.
var errShared = errors.New("copies of the identity are in use")

// renewKey gives this endpoint a new kem key once the one that others seal to is
// over its life. It asks the node nothing while what is known of the own
// account chain says that this is not so. Where the key cannot be kept, or the node
// refuses it, it says so once, and goes on.
func (c *Client) renewKey(ctx context.Context) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.loadBus(ctx); err != nil {
		return err
	}
	if err := c.world.syncAccount(ctx, c.id.Account, 0); err != nil || !c.keyOver() {
		return err
	}
	err := c.publishKey(ctx)
	if err == nil || ctx.Err() != nil || call.Retryable(err) || bus.KindOf(err) == bus.Integrity || bus.KindOf(err) == bus.Unauthenticated {
		return err
	}
	c.warnOnce(errKeyStays.Because(err))
	return nil
}

// keyOver reports whether the own account chain, as far as it is known, says
// that this endpoint's kem key is over its life. One whose time ends keeps its
// key until then.
func (c *Client) keyOver() bool {
	e, at := c.ownEndpoint()
	if e == nil || !e.Live(at, c.now()) || !e.Rights.NotAfter.IsZero() {
		return false
	}
	_, _, made, ok := e.KEM(at)
	return ok && c.now().Sub(made) > c.kems.life()
}

func (c *Client) ownEndpoint() (e *account.Endpoint, at uint32) {
	acc := c.world.accounts[c.id.Account]
	if acc == nil || acc.Len == 0 {
		return nil, 0
	}
	return acc.Endpoint(c.id.Endpoint()), acc.Len - 1
}

// publishKey appends a new kem key to the own account chain, unless another
// process did meanwhile. The key is on disk before anybody may seal to it.
func (c *Client) publishKey(ctx context.Context) error {
	retention, err := c.longestRetention(ctx)
	if err != nil {
		return err
	}
	for range maxRaces {
		if err := c.syncOwnNow(ctx); err != nil || !c.keyOver() {
			return err
		}
		e, at := c.ownEndpoint()
		_, serial, _, _ := e.KEM(at)
		key, err := c.kems.next(serial+1, c.now(), func(old uint32) bool {
			replaced, ok := e.Replaced(old)
			return ok && c.call.InTime() && c.now().Sub(replaced) > bus.EpochLife+retention
		})
		if errors.Is(err, errShared) {
			continue // it is not over any more, or else renewed for all that
		}
		if err != nil {
			return errKeyStays.Because(err)
		}
		body := account.KEM{Serial: serial + 1, Key: key.Public()}.Encode()
		entry := c.world.accounts[c.id.Account].New(account.OpKEM, body, c.author(), c.now()).Sign(identity.ContextAccount, c.id.Content)
		err = c.call.Post(ctx, wire.AccountAppendTarget(c.id.Handle), wire.Append{Entry: entry.Encode()}, nil)
		if err != nil && !errors.Is(err, bus.ErrBehind) {
			return err
		}
	}
	return errRaces("this account")
}

// syncOwnNow reads the own account chain on as far as the node goes.
func (c *Client) syncOwnNow(ctx context.Context) error {
	if err := c.world.syncBus(ctx); err != nil {
		return err
	}
	return c.world.syncNow(ctx, c.id.Account)
}

// maxRetention bounds what the node may say of a room: more is as good as for
// ever, and must not overflow.
const maxRetention = 100 * 365 * 24 * time.Hour

// longestRetention is for how long any room of this endpoint keeps messages. The
// node's word can keep an old key longer than needed; none makes it shorter than
// what rooms have by default, or what the logs say that were verified here.
func (c *Client) longestRetention(ctx context.Context) (time.Duration, error) {
	refs, err := c.roomRefs(ctx)
	longest := bus.DefaultRetention
	for _, r := range c.world.rooms {
		longest = max(longest, min(r.Retention, maxRetention))
	}
	for _, ref := range refs {
		longest = max(longest, toldRetention(ref.Policy.Retention))
	}
	return longest, err
}

// toldRetention is what the node says, in seconds, as a time.
func toldRetention(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxRetention/time.Second))) * time.Second
}

// warnOnce tells a person what nothing ends for. The world is locked.
func (c *Client) warnOnce(err error) {
	if c.warn != nil {
		c.warn(err)
	}
	c.warn = nil
}

// renewEvery is how often a connection that lasts looks after the kem key.
const renewEvery = time.Hour

// tidyKeys renews the kem key when it is over its life, and erases the keys that
// open nothing any more.
func (c *Client) tidyKeys(ctx context.Context) error {
	if err := c.renewKey(ctx); err != nil {
		return err
	}
	return c.erase(ctx)
}

// keepKey looks after the keys while a life lasts.
func (l *Live) keepKey(ctx context.Context) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := l.c.tidyKeys(ctx); err != nil {
				return err
			}
		}
	}
}
