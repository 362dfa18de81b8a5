package wire

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"unibus/internal/bus"
)

// TestTargets: each target of a client meets the one route that it is for.
func TestTargets(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for _, pattern := range []string{
		RouteHealth, RouteServer, RouteLog, RouteLogAppend, RouteUsers, RouteUser, RouteAccount, RouteAccountAdd, RouteFound,
		RouteAccept, RouteRoomNew, RouteRoom, RouteMembers, RouteRoomLog, RouteRoomAppend, RouteStage, RouteKey, RouteGrant, RouteGrants, RouteMessages,
		RouteMyRooms, RouteBlobs, RouteBlobHead, RouteBlobGet, RouteBlobPut, RouteBlobDelete, RouteLimits,
	} {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	for _, c := range []struct{ method, target, want string }{
		{"GET", TargetHealth, RouteHealth}, {"GET", TargetServer, RouteServer}, {"GET", TargetUsers, RouteUsers},
		{"POST", TargetRooms, RouteRoomNew}, {"POST", TargetFound, RouteFound}, {"GET", TargetLimits, RouteLimits},
		{"GET", LogTarget(7), RouteLog}, {"POST", LogAppendTarget, RouteLogAppend}, {"GET", UserTarget("a.b_c-d"), RouteUser},
		{"GET", AccountTarget("bob", 7), RouteAccount}, {"POST", AccountAppendTarget("bob"), RouteAccountAdd},
		{"POST", AccountIDTarget(bus.AccountID{1}), RouteAccountAdd}, {"POST", AcceptTarget(bus.InviteID{1}), RouteAccept},
		{"GET", RoomTarget(room), RouteRoom}, {"GET", MembersTarget(room), RouteMembers}, {"GET", RoomLogTarget(room, 7), RouteRoomLog},
		{"POST", RoomAppendTarget(room), RouteRoomAppend}, {"PUT", StageTarget(room, bus.Hash{1}), RouteStage},
		{"PUT", GrantTarget(room, 7), RouteGrant}, {"GET", GrantsTarget(room, me, 7), RouteGrants},
		{"GET", KeyTarget(room, 7, me), RouteKey}, {"GET", MessagesAfter(room, 7, 9), RouteMessages},
		{"GET", MessagesBefore(room, 7, 9), RouteMessages}, {"GET", MyRoomsTarget(me), RouteMyRooms},
		{"GET", BlobsTarget("bus", ""), RouteBlobs}, {"GET", BlobsTarget("bus", "x"), RouteBlobs}, {"HEAD", BlobTarget(bus.Hash{1}), RouteBlobHead},
		{"GET", BlobTarget(bus.Hash{1}), RouteBlobGet}, {"PUT", BlobPutTarget(bus.Hash{1}, room.String(), PartPiece), RouteBlobPut},
		{"DELETE", BlobTarget(bus.Hash{1}), RouteBlobDelete},
	} {
		if _, got := mux.Handler(httptest.NewRequest(c.method, c.target, nil)); got != c.want {
			t.Errorf("%s %s meets %q, want %q", c.method, c.target, got, c.want)
		}
	}
}

// TestTip: any head that a room rests on changes it.
func TestTip(t *testing.T) {
	t.Parallel()
	a, b, c := bus.Head{Index: 1, Hash: bus.Hash{1}}, bus.Head{Index: 1, Hash: bus.Hash{2}}, bus.Head{Index: 2, Hash: bus.Hash{1}}
	seen := map[bus.Prefix]int{}
	for i, tip := range []bus.Prefix{
		Tip(a, a, nil), Tip(b, a, nil), Tip(a, b, nil), Tip(a, c, nil), Tip(a, a, []bus.Head{a}), Tip(a, a, []bus.Head{a, b}), Tip(a, a, []bus.Head{b, a}),
	} {
		if other, twice := seen[tip]; twice {
			t.Errorf("tips %d and %d are the same", other, i)
		}
		seen[tip] = i
	}
}
