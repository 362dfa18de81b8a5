package client

import (
	"context"
	"strconv"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// DirectRoom returns the room of this user and another, and makes it when
// there is none. With oneself one has a room too: for notes, and for what one's
// own devices tell each other.
func (c *Client) DirectRoom(ctx context.Context, h bus.Handle) (bus.RoomID, error) {
	id, err := c.FindRoomNow(ctx, "@"+string(h))
	if bus.KindOf(err) != bus.NotFound || err == nil {
		return id, err
	}
	if err := c.reachable(ctx, h); err != nil {
		return id, err
	}
	if id, err = c.CreateRoom(ctx, directName(c.id.Handle, h), RoomOptions{Direct: true}); err != nil {
		return id, err
	}
	if h != c.id.Handle {
		_, err = c.AddMembers(ctx, id, bus.RoleOwner, h)
	}
	if err != nil {
		return id, err
	}
	return c.FindRoomNow(ctx, "@"+string(h)) // he may have made one meanwhile
}

// reachable finds out whether somebody can be added to a room, before one is
// made for him.
func (c *Client) reachable(ctx context.Context, h bus.Handle) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return err
	}
	_, err := c.joined(ctx, h)
	return err
}

// directName is the same for both, so that either knows the room by it.
func directName(a, b bus.Handle) string {
	if a > b {
		a, b = b, a
	}
	const most = (bus.MaxRoomName - 1) / 2
	return string(a[:min(len(a), most)]) + "+" + string(b[:min(len(b), most)])
}

// Mark is the newest sequence of a room that was marked as read.
func (c *Client) Mark(ctx context.Context, id bus.RoomID) (uint64, error) {
	return c.store.Cursor(ctx, id, "")
}

// SetMark marks a room as read up to a sequence. It never goes back.
func (c *Client) SetMark(ctx context.Context, id bus.RoomID, seq uint64) error {
	return c.store.SetCursor(ctx, id, "", seq)
}

// cutMarks sets marks back that lie ahead of what is stored in rooms. Such a one was
// told by a stolen device, or by an older version of this one, and all that is
// written up to it would be passed over as read. Where nothing is stored any more, what
// was seen last decides; where nothing was seen either, a mark may be true.
func (c *Client) cutMarks(ctx context.Context, rooms []wire.Room, marks map[bus.RoomID]uint64) error {
	for _, r := range rooms {
		if marks[r.ID] <= r.Last {
			continue
		}
		held, err := c.newestHeld(ctx, r.ID)
		if err != nil {
			return err
		}
		most := max(r.Last, held.Seq)
		if most == 0 || marks[r.ID] <= most {
			continue
		}
		if err := c.store.CutCursor(ctx, r.ID, "", marks[r.ID], most); err != nil {
			return err
		}
	}
	return nil
}

// Resolve finds the record that a message id, <seq> or <seq>.<n>, names.
func (c *Client) Resolve(ctx context.Context, id bus.RoomID, message string) (*seal.Target, error) {
	seqText, numberText, _ := strings.Cut(message, ".")
	seq, err := strconv.ParseUint(seqText, 10, 64)
	number := uint64(0)
	if err == nil && numberText != "" {
		number, err = strconv.ParseUint(numberText, 10, 16)
	}
	if err != nil || seq == 0 {
		return nil, bus.Errorf(bus.Invalid, "bad_message_id", "%.40q is not a message id", message).WithHint("write it as 'unibus read -o ndjson' shows it: 913 or 913.2")
	}
	var found *seal.Target
	_, err = c.page(ctx, wire.MessagesAfter(id, seq-1, 1), func(m wire.StoredMessage) error {
		if m.Seq == seq {
			found = &seal.Target{Frame: frame.Hash(m.Frame).Prefix(), Number: uint16(number)}
		}
		return nil
	})
	if err == nil && found == nil {
		err = bus.Errorf(bus.NotFound, "no_message", "this room has no message %s", message).WithHint("see: unibus read ROOM -o ndjson")
	}
	return found, err
}
