package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/profile"
	"unibus/internal/seal"
)

// Queued is a record that waits in the profile to be sent.
type Queued struct {
	Record seal.Record // of a file that is not on the bus yet: without its reference
	Made   time.Time
	File   *Attached // that is to be uploaded first; nil: the record is whole
}

// Queue keeps a record that is to be sent to a room, behind those that wait
// there already. It is on disk when it returns. The same ID again keeps its turn.
// TooLarge, code too_large, where it does not fit a frame.
func (c *Client) Queue(ctx context.Context, room bus.RoomID, r seal.Record) error {
	raw, err := seal.EncodeRecords([]seal.Record{r})
	if err != nil {
		return err
	}
	return c.store.PutOutbox(ctx, profile.OutboxRecord{ID: r.ID, Room: room, Made: c.now(), Record: raw})
}

// Queued lists what waits to be sent to a room, oldest first.
func (c *Client) Queued(ctx context.Context, room bus.RoomID) ([]Queued, error) {
	kept, err := c.store.Outbox(ctx, room)
	if err != nil {
		return nil, err
	}
	out := make([]Queued, len(kept))
	for i, k := range kept {
		if out[i], err = queued(k); err != nil {
			return nil, errQueued.Because(err)
		}
	}
	return out, nil
}

func queued(k profile.OutboxRecord) (q Queued, err error) {
	if k.File {
		return queuedFile(k)
	}
	records, err := seal.ParseRecords(k.Record)
	if err == nil && len(records) != 1 {
		err = errors.New("not one record")
	}
	if err != nil {
		return q, err
	}
	return Queued{Record: records[0], Made: k.Made}, nil
}

// errQueued: it is sealed, so that this or another version wrote it.
var errQueued = bus.Errorf(bus.Failed, "bad_outbox", "what waits to be sent cannot be read").WithHint("was a newer unibus used here? use that one")

// Preview is what a record will be as a message, as far as that is known before it
// is sent.
func Preview(r seal.Record) bus.Message {
	m := bus.Message{Kind: kindName(r.Kind), ID: r.ID}
	if r.Kind == seal.KindFile {
		m.File = parseFile(r.Body)
		return m
	}
	m.Text = string(r.Body)
	if r.Ref != nil {
		m.ReplyTo = &bus.RecordRef{Frame: r.Ref.Frame, Number: int(r.Ref.Number)}
	}
	return m
}

// Unqueue forgets a record that was sent, or is not to be sent any more.
func (c *Client) Unqueue(ctx context.Context, id bus.RecordID) error {
	return c.store.DeleteOutbox(ctx, id)
}

// Remember keeps a value under a name, sealed, for Recall.
func (c *Client) Remember(ctx context.Context, name string, value []byte) error {
	return c.store.PutState(ctx, name, value)
}

// Recall returns what was remembered last; nil where nothing was.
func (c *Client) Recall(ctx context.Context, name string) ([]byte, error) {
	value, err := c.store.State(ctx, name)
	if bus.KindOf(err) == bus.NotFound {
		return nil, nil
	}
	return value, err
}
