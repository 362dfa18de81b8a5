package control

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// History reads the stored messages of rooms; on which shard a room is, is the
// implementer's affair. It checks no rights and is safe for concurrent use.
type History interface {
	// Page reads one page, of at most about 4 MiB of frames.
	Page(ctx context.Context, room bus.RoomID, q PageQuery) (Page, error)
	// Last returns the newest sequence of each room, in the order of rooms; 0
	// where nothing is stored, or the room was closed meanwhile.
	Last(ctx context.Context, rooms []bus.RoomID) ([]uint64, error)
}

// PageQuery asks for at most Limit messages, 1 to bus.MaxPageMessages, with
// After < sequence < Before; Before 0 is no bound. Where there are more, Forward
// means the oldest of them, else the newest are meant.
type PageQuery struct {
	After, Before uint64
	Limit         int
	Forward       bool
}

// Page is a part of a room's messages in the order of their sequences. Between
// its first message and End.Through nothing is missing; End.More says that
// there is more on the far side, as the query went.
type Page struct {
	Messages []wire.StoredMessage
	End      wire.PageEnd
}
