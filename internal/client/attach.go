package client

import (
	"context"
	"encoding/json"

	"unibus/internal/bus"
	"unibus/internal/client/transfer"
	"unibus/internal/profile"
	"unibus/internal/seal"
)

// Attached is a file of this machine that waits in the profile to be uploaded
// and then sent. Its content stays where it is until then.
type Attached struct {
	Path  string `json:"path"`  // absolute, behind all links
	Name  string `json:"name"`  // as the room is told
	Size  int64  `json:"size"`  // bytes
	Mark  string `json:"mark"`  // as of a transfer.Source: an upload goes on under it
	Stamp string `json:"stamp"` // what nobody else can forge, of systems that have it: another one is another file
	Held  bool   `json:"held"`  // it is sent only once the person says so
}

// QueueFile keeps a file that is to be sent to a room under an ID, behind what
// waits there already. It is on disk when it returns; the file is not read.
func (c *Client) QueueFile(ctx context.Context, room bus.RoomID, id bus.RecordID, a Attached) error {
	k, err := a.outbox(profile.OutboxRecord{ID: id, Room: room, Made: c.now()})
	if err != nil {
		return err
	}
	return c.store.PutOutbox(ctx, k)
}

// RequeueFile keeps what is known now of a file that waits: q.File. False: it
// does not wait any more.
func (c *Client) RequeueFile(ctx context.Context, room bus.RoomID, q Queued) (found bool, err error) {
	k, err := q.File.outbox(profile.OutboxRecord{ID: q.Record.ID, Room: room, Made: q.Made})
	if err != nil {
		return false, err
	}
	return c.store.ReplaceFile(ctx, k)
}

// UploadQueued stores the file of q, which src is, and puts the record that
// brings it in its place: from then on that waits to be sent, under the same ID.
// False: it does not wait any more. Cut short, it goes on where it was. Conflict, code
// file_changed, where the file is not what an earlier run sent some of.
func (c *Client) UploadQueued(ctx context.Context, room bus.RoomID, q Queued, src transfer.Source) (found bool, err error) {
	ref, forget, err := c.Blobs().PutAgain(ctx, room, src)
	if err != nil {
		return false, err
	}
	r := FileRecord(bus.File{Name: src.Name, Size: src.Size, Ref: ref.Text()})
	r.ID = q.Record.ID
	raw, err := seal.EncodeRecords([]seal.Record{r})
	if err != nil {
		return false, err
	}
	found, err = c.store.ReplaceFile(ctx, profile.OutboxRecord{ID: r.ID, Room: room, Made: q.Made, Record: raw})
	if err != nil {
		return false, err
	}
	return found, forget(ctx) // only now: until then the same blob is made again
}

func (a Attached) outbox(k profile.OutboxRecord) (profile.OutboxRecord, error) {
	raw, err := json.Marshal(a)
	k.File, k.Record = true, raw
	return k, err
}

func queuedFile(k profile.OutboxRecord) (q Queued, err error) {
	var a Attached
	if err := json.Unmarshal(k.Record, &a); err != nil {
		return q, err
	}
	r := FileRecord(bus.File{Name: a.Name, Size: a.Size})
	r.ID = k.ID
	return Queued{Record: r, Made: k.Made, File: &a}, nil
}
