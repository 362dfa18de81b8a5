package wire

import "unibus/internal/bus"

// OpenRequest asks for the rooms of a view on one live connection.
type OpenRequest struct {
	Server ServerToken  `json:"server"`
	Client uint64       `json:"client"` // the connection's id on that server
	Rooms  []bus.RoomID `json:"rooms"`
}

// OpenReply says which of them this connection may use from now on.
type OpenReply struct {
	Granted []OpenRoom    `json:"granted"`
	Refused []RefusedRoom `json:"refused"`
	Error   string        `json:"error,omitempty"` // why the whole request is refused, such as OpenRetry
}

// Reasons why a whole open request is refused.
const (
	OpenRetry      = "retry"      // not now
	OpenConnection = "connection" // not a live connection of this endpoint here
	OpenRooms      = "rooms"      // malformed, or too many rooms
)

// OpenRoom is a granted room.
type OpenRoom struct {
	Room  bus.RoomID `json:"room"`
	Write bool       `json:"write"`
	Last  uint64     `json:"last"` // newest stored sequence, 0 when none
	Tip   bus.Prefix `json:"tip"`  // digest of every chain head the room rests on; see Tip
}

// RefusedRoom is answered alike for a foreign and an unknown room.
type RefusedRoom struct {
	Room bus.RoomID `json:"room"`
	Code string     `json:"code"` // that of bus.ErrNotMember, or OpenRetry
}

// PostReply answers a post: the stored sequence, or why not.
type PostReply struct {
	Seq       uint64 `json:"seq,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Err       string `json:"err,omitempty"`
}

// Reasons why a post was not stored.
const (
	PostFrame = "frame" // not a frame of this room and endpoint
	PostRoom  = "room"  // no grant for this room
	PostRate  = "rate"  // over the user's byte rate
	PostBusy  = "busy"  // too many posts wait
	PostFull  = "full"  // the store or the room's quota is full
	PostRetry = "retry" // not stored for now: send the same bytes again
)

// Tail is the payload of a tail notice.
type Tail struct {
	Rooms []RoomTail `json:"rooms"`
}

// RoomTail is the newest stored sequence of one room.
type RoomTail struct {
	Room bus.RoomID `json:"room"`
	Last uint64     `json:"last"`
}

// Activity is the payload of an activity notice: rooms with messages that came
// since the last one.
type Activity struct {
	Rooms []bus.RoomID `json:"rooms"`
}

// RoomNotice is the payload of the other notices; Room is zero where the
// notice is about the bus.
type RoomNotice struct {
	Room bus.RoomID `json:"room"`
}
