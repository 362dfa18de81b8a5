package wire

import (
	"strconv"

	"unibus/internal/bus"
)

// Patterns of the routes, in the form of http.ServeMux.
const (
	RouteHealth     = "GET /healthz"
	RouteServer     = "GET /server"
	RouteLog        = "GET /log"
	RouteLogAppend  = "POST /log"
	RouteUsers      = "GET /users"
	RouteUser       = "GET /users/{handle}"
	RouteAccount    = "GET /users/{handle}/endpoints"
	RouteAccountAdd = "POST /users/{handle}/endpoints"
	RouteFound      = "POST /found"
	RouteAccept     = "POST /invites/{invite}/accept"
	RouteLink       = "GET /links/{link}"
	RouteLinkAccept = "POST /links/{link}/accept"
	RouteRoomNew    = "POST /rooms"
	RouteRoom       = "GET /rooms/{room}"
	RouteMembers    = "GET /rooms/{room}/members"
	RouteRoomLog    = "GET /rooms/{room}/log"
	RouteRoomAppend = "POST /rooms/{room}/log"
	RouteStage      = "PUT /rooms/{room}/envelopes/{root}"
	RouteKey        = "GET /rooms/{room}/key"
	RouteGrant      = "PUT /rooms/{room}/grants/{epoch}"
	RouteGrants     = "GET /rooms/{room}/grants"
	RouteMessages   = "GET /rooms/{room}/messages"
	RouteMyRooms    = "GET /members/{endpoint}/rooms"
	RouteBlobs      = "GET /blobs"
	RouteBlobHead   = "HEAD /blobs/{blob}"
	RouteBlobGet    = "GET /blobs/{blob}"
	RouteBlobPut    = "PUT /blobs/{blob}"
	RouteBlobDelete = "DELETE /blobs/{blob}"
	RouteLimits     = "GET /limits"
)

// Targets of the same routes: the raw path and query of a request line. Every
// value in them is made of unreserved characters, so nothing is ever escaped.
const (
	TargetHealth = "/healthz"
	TargetServer = "/server"
	TargetUsers  = "/users"
	TargetRooms  = "/rooms"
	TargetFound  = "/found"
	TargetLimits = "/limits"
)

// LogTarget asks for the bus log from an index on.
func LogTarget(from uint32) string { return "/log?from=" + utoa(from) }

// LogAppendTarget appends to the bus log.
const LogAppendTarget = "/log"

// UserTarget is one user.
func UserTarget(h bus.Handle) string { return "/users/" + string(h) }

// AccountTarget asks for an account chain from an index on.
func AccountTarget(h bus.Handle, from uint32) string {
	return AccountAppendTarget(h) + "?from=" + utoa(from)
}

// AccountAppendTarget appends to an account chain.
func AccountAppendTarget(h bus.Handle) string { return UserTarget(h) + "/endpoints" }

// AccountIDTarget appends to the chain of an account whose handle its owner
// does not know yet. No handle begins with "~".
func AccountIDTarget(id bus.AccountID) string { return "/users/~" + id.String() + "/endpoints" }

// AcceptTarget takes an invite up.
func AcceptTarget(id bus.InviteID) string { return "/invites/" + id.String() + "/accept" }

// LinkTarget asks whose a device link is.
func LinkTarget(id bus.InviteID) string { return "/links/" + id.String() }

// LinkAcceptTarget takes a device link up.
func LinkAcceptTarget(id bus.InviteID) string { return LinkTarget(id) + "/accept" }

// RoomTarget is one room.
func RoomTarget(id bus.RoomID) string { return "/rooms/" + id.String() }

// MembersTarget lists a room's members.
func MembersTarget(id bus.RoomID) string { return RoomTarget(id) + "/members" }

// RoomLogTarget asks for a room log from an index on.
func RoomLogTarget(id bus.RoomID, from uint32) string {
	return RoomAppendTarget(id) + "?from=" + utoa(from)
}

// RoomAppendTarget appends to a room log.
func RoomAppendTarget(id bus.RoomID) string { return RoomTarget(id) + "/log" }

// StageTarget stages envelopes for the entry that will name root.
func StageTarget(id bus.RoomID, root bus.Hash) string {
	return RoomTarget(id) + "/envelopes/" + root.String()
}

// KeyTarget asks for the envelope of an endpoint.
func KeyTarget(id bus.RoomID, epoch bus.Epoch, endpoint bus.EndpointID) string {
	return RoomTarget(id) + "/key?epoch=" + strconv.FormatUint(uint64(epoch), 10) + "&endpoint=" + endpoint.String()
}

// GrantTarget hands keys on to those whom an epoch let in.
func GrantTarget(id bus.RoomID, since bus.Epoch) string {
	return RoomTarget(id) + "/grants/" + strconv.FormatUint(uint64(since), 10)
}

// GrantsTarget asks for what was handed on to an endpoint, of an epoch and those
// behind it.
func GrantsTarget(id bus.RoomID, endpoint bus.EndpointID, from bus.Epoch) string {
	return RoomTarget(id) + "/grants?endpoint=" + endpoint.String() + "&from=" + strconv.FormatUint(uint64(from), 10)
}

// MessagesAfter asks for the first limit messages after a sequence.
func MessagesAfter(id bus.RoomID, after uint64, limit int) string {
	return RoomTarget(id) + "/messages?after=" + strconv.FormatUint(after, 10) + "&limit=" + strconv.Itoa(limit)
}

// MessagesBefore asks for the last limit messages before a sequence, 0 for the newest.
func MessagesBefore(id bus.RoomID, before uint64, limit int) string {
	return RoomTarget(id) + "/messages?before=" + strconv.FormatUint(before, 10) + "&limit=" + strconv.Itoa(limit)
}

// MyRoomsTarget lists the rooms of an endpoint.
func MyRoomsTarget(id bus.EndpointID) string { return "/members/" + id.String() + "/rooms" }

// BlobsTarget lists the blobs of a scope, a room id or "bus": those after
// List.Next of the page before, or the newest with "".
func BlobsTarget(scope, after string) string {
	if after == "" {
		return "/blobs?scope=" + scope
	}
	return "/blobs?scope=" + scope + "&after=" + after
}

// BlobTarget is one piece or manifest.
func BlobTarget(id bus.Hash) string { return "/blobs/" + id.String() }

// What an upload is of its blob, in its query.
const (
	PartPiece    = "piece"    // one of several
	PartWhole    = "whole"    // the one piece of a small blob
	PartManifest = "manifest" // the list of the pieces
)

// BlobPutTarget uploads one part, such as PartPiece, of a blob for a scope: a
// room id, or "bus".
func BlobPutTarget(id bus.Hash, scope, part string) string {
	return BlobTarget(id) + "?scope=" + scope + "&part=" + part
}

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
