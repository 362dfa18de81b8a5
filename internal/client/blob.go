package client

import (
	"context"
	"encoding/binary"
	"iter"
	"net/http"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// scopeText is a room's id, or "bus".
func scopeText(s seal.Scope) string {
	if s == (seal.Scope{}) {
		return "bus"
	}
	return bus.RoomID(s).String()
}

// Blobs lists the blobs of a room, or of the bus with the zero room, newest
// first, as far back as the node tells: page by page, as they are asked for. It
// ends with the first error.
func (c *Client) Blobs(ctx context.Context, room bus.RoomID) iter.Seq2[wire.Blob, error] {
	return func(yield func(wire.Blob, error) bool) {
		for after, more := "", true; more; {
			var page wire.List[wire.Blob]
			if err := c.call.get(ctx, wire.BlobsTarget(scopeText(seal.Scope(room)), after), &page); err != nil {
				yield(wire.Blob{}, err)
				return
			}
			for _, b := range page.Items {
				if !yield(b, nil) {
					return
				}
			}
			after, more = page.Next, page.Next != "" && len(page.Items) > 0
		}
	}
}

// BlobFacts is what is known of a stored blob without reading all of it.
type BlobFacts struct {
	wire.Blob            // Created, Expires and Uploader are zero when the node no longer lists it
	File      seal.File  // as its owner sealed it
	Room      bus.RoomID // zero: the whole bus
}

// StatBlob reads the beginning of a blob, and what the node tells of it.
func (c *Client) StatBlob(ctx context.Context, ref blob.Ref) (f BlobFacts, err error) {
	fragment := ref.Fragment()
	_, scope, err := seal.ParseFragment(fragment[:])
	if err != nil {
		return f, err
	}
	d, err := c.GetBlob(ctx, ref)
	if err != nil {
		return f, err
	}
	defer d.Close()
	f = BlobFacts{File: d.File, Room: bus.RoomID(scope), Blob: wire.Blob{ID: ref.ID(), Size: d.Stored, Pieces: d.Pieces}}
	for b, err := range c.Blobs(ctx, f.Room) {
		if err != nil {
			return f, err
		}
		if b.ID == ref.ID() {
			f.Created, f.Expires, f.Uploader = b.Created, b.Expires, b.Uploader
			break
		}
	}
	return f, nil
}

// RemoveBlob deletes a blob with all its pieces.
func (c *Client) RemoveBlob(ctx context.Context, id bus.Hash) error {
	return c.call.call(ctx, request{method: http.MethodDelete, target: wire.BlobTarget(id)}, nil)
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
func (c *Client) SendFile(ctx context.Context, room bus.RoomID, src Source) (Ack, error) {
	ref, err := c.PutBlob(ctx, room, src)
	if err != nil {
		return Ack{}, err
	}
	return c.SendOne(ctx, room, FileRecord(bus.File{Name: src.Name, Size: src.Size, Ref: ref.Text()}))
}
