// Package transfer moves blobs to and from one node: sealed and cut into pieces,
// some at a time, whatever their size in the same little memory.
//
// What breaks goes on where it was, also in another process. A node that serves
// other bytes than a reference names is found out before any of them is given on.
// Nobody waits for ever for what does not move, see Watch.
package transfer

import (
	"context"
	"iter"
	"net/http"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// Blobs are those of one node. Store remembers uploads that break; Now is for how
// long.
type Blobs struct {
	Call  *call.Caller
	Store *profile.Store
	Now   func() time.Time
}

// scopeText is a room's id, or "bus".
func scopeText(s seal.Scope) string {
	if s == (seal.Scope{}) {
		return "bus"
	}
	return bus.RoomID(s).String()
}

// List lists the blobs of a room, or of the bus with the zero room, newest
// first, as far back as the node tells: page by page, as they are asked for. It
// ends with the first error.
func (b Blobs) List(ctx context.Context, room bus.RoomID) iter.Seq2[wire.Blob, error] {
	return func(yield func(wire.Blob, error) bool) {
		for after, more := "", true; more; {
			var page wire.List[wire.Blob]
			if err := b.Call.Get(ctx, wire.BlobsTarget(scopeText(seal.Scope(room)), after), &page); err != nil {
				yield(wire.Blob{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			after, more = page.Next, page.Next != "" && len(page.Items) > 0
		}
	}
}

// Facts is what is known of a stored blob without reading all of it.
type Facts struct {
	wire.Blob            // Created, Expires and Uploader are zero when the node no longer lists it
	File      seal.File  // as its owner sealed it
	Room      bus.RoomID // zero: the whole bus
}

// Stat reads the beginning of a blob, and what the node tells of it.
func (b Blobs) Stat(ctx context.Context, ref blob.Ref) (f Facts, err error) {
	fragment := ref.Fragment()
	_, scope, err := seal.ParseFragment(fragment[:])
	if err != nil {
		return f, err
	}
	d, err := b.Get(ctx, ref)
	if err != nil {
		return f, err
	}
	defer d.Close()
	f = Facts{File: d.File, Room: bus.RoomID(scope), Blob: wire.Blob{ID: ref.ID(), Size: d.Stored, Pieces: d.Pieces}}
	for item, err := range b.List(ctx, f.Room) {
		if err != nil {
			return f, err
		}
		if item.ID == ref.ID() {
			f.Created, f.Expires, f.Uploader = item.Created, item.Expires, item.Uploader
			break
		}
	}
	return f, nil
}

// Remove deletes a blob with all its pieces.
func (b Blobs) Remove(ctx context.Context, id bus.Hash) error {
	return b.Call.Call(ctx, call.Request{Method: http.MethodDelete, Target: wire.BlobTarget(id)}, nil)
}
