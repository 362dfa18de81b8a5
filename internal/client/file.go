package client

import (
	"context"
	"encoding/binary"

	"unibus/internal/bus"
	"unibus/internal/client/transfer"
	"unibus/internal/seal"
)

// Blobs moves blobs to and from this client's node.
func (c *Client) Blobs() transfer.Blobs {
	return transfer.Blobs{Call: c.call, Store: c.store, Now: c.now}
}

// FileRecord is the body of a record of kind file:
//
//	size 8 | name 1+n | reference
//
// Size is all ones when it is not known.
func FileRecord(f bus.File) seal.Record {
	body := binary.BigEndian.AppendUint64(nil, uint64(f.Size))
	body = append(append(body, byte(len(f.Name))), f.Name...)
	return seal.Record{Kind: seal.KindFile, ID: NewRecordID(""), Body: append(body, f.Ref...)}
}

// parseFile reads what FileRecord wrote; nil for anything else.
func parseFile(body []byte) *bus.File {
	if len(body) < 9 || len(body) < 9+int(body[8]) {
		return nil
	}
	name := 9 + int(body[8])
	return &bus.File{Size: int64(binary.BigEndian.Uint64(body)), Name: string(body[9:name]), Ref: string(body[name:])}
}

// SendFile stores a file for a room and posts it there.
func (c *Client) SendFile(ctx context.Context, room bus.RoomID, src transfer.Source) (Ack, error) {
	ref, err := c.Blobs().Put(ctx, room, src)
	if err != nil {
		return Ack{}, err
	}
	return c.SendOne(ctx, room, FileRecord(bus.File{Name: src.Name, Size: src.Size, Ref: ref.Text()}))
}
