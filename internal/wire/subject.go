package wire

import (
	"fmt"
	"strings"

	"unibus/internal/bus"
)

// Shards is the number of streams that hold messages. A room's record keeps
// its shard for ever, so a later number helps new rooms only.
const Shards = 32

// ServerToken is a NATS server id as it may stand in a subject.
type ServerToken string

// PostSubject is where an endpoint posts a frame to the node that holds its
// connection: in.<server>.<room>.<me>.
func PostSubject(server ServerToken, room bus.RoomID, me bus.EndpointID) string {
	return "in." + string(server) + "." + room.String() + "." + me.String()
}

// PostWildcard is what that node listens on.
func PostWildcard(server ServerToken) string { return "in." + string(server) + ".*.*" }

// ParsePost reads a PostSubject.
func ParsePost(subject string) (room bus.RoomID, me bus.EndpointID, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 || parts[0] != "in" {
		return room, me, errSubject
	}
	if room, err = bus.ParseRoomID(parts[2]); err != nil {
		return room, me, errSubject
	}
	if me, err = bus.ParseEndpointID(parts[3]); err != nil {
		return room, me, errSubject
	}
	return room, me, nil
}

// OutSubject carries the live messages of a room: out.<room>.
func OutSubject(room bus.RoomID) string { return "out." + room.String() }

// StoredSubject is a room's subject on its shard stream: rm.<shard>.<room>.
func StoredSubject(shard int, room bus.RoomID) string {
	return fmt.Sprintf("rm.%d.%s", shard, room)
}

// ShardWildcard is everything that shard's stream stores.
func ShardWildcard(shard int) string { return fmt.Sprintf("rm.%d.*", shard) }

// StreamName is the stream of a shard: S0 .. S31.
func StreamName(shard int) string { return fmt.Sprintf("S%d", shard) }

// InboxPrefix is the private reply space of an endpoint, in the form that
// nats.CustomInboxPrefix takes: answers arrive on _INBOX_<me>.<token>.
func InboxPrefix(me bus.EndpointID) string { return "_INBOX_" + me.String() }

// InboxWildcard is what an endpoint may subscribe to for its answers.
func InboxWildcard(me bus.EndpointID) string { return InboxPrefix(me) + ".>" }

// ValidReply reports whether reply is exactly one token of 22 to 32 base64url
// or base62 characters under the inbox of me: a node answers nowhere else.
func ValidReply(reply string, me bus.EndpointID) bool {
	token, ok := strings.CutPrefix(reply, InboxPrefix(me)+".")
	if !ok || len(token) < 22 || len(token) > 32 {
		return false
	}
	return validToken(token)
}

func validToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(s) > 0
}

// OpenSubject asks the node of this connection for the rooms of a view:
// svc.<me>.open.<server>.
func OpenSubject(me bus.EndpointID, server ServerToken) string {
	return "svc." + me.String() + ".open." + string(server)
}

// OpenWildcard is what a node listens on for it.
func OpenWildcard(server ServerToken) string { return "svc.*.open." + string(server) }

// ParseOpen reads an OpenSubject.
func ParseOpen(subject string) (me bus.EndpointID, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 || parts[0] != "svc" || parts[2] != "open" {
		return me, errSubject
	}
	return bus.ParseEndpointID(parts[1])
}

// Notice is a kind of hint that a node pushes to an endpoint.
type Notice string

// Notices are hints to look, never facts.
const (
	NoticeJoined   Notice = "joined"   // you were added to a room
	NoticeLeft     Notice = "left"     // you are no longer in a room
	NoticeLog      Notice = "log"      // a log you depend on has a new entry
	NoticeTail     Notice = "tail"     // last sequence of your open rooms
	NoticeActivity Notice = "activity" // a room you have not open has news
	NoticeRevoked  Notice = "revoked"
	NoticeDraining Notice = "draining" // this node is going away
)

// EventSubject carries one kind of notice to an endpoint: ev.<me>.<notice>.
func EventSubject(me bus.EndpointID, n Notice) string { return "ev." + me.String() + "." + string(n) }

// EventWildcard is what an endpoint may subscribe to for its notices.
func EventWildcard(me bus.EndpointID) string { return "ev." + me.String() + ".>" }

var errSubject = bus.Errorf(bus.Invalid, "bad_subject", "not a subject of this bus")
