package wire

import (
	"strings"
	"testing"

	"unibus/internal/bus"
)

var (
	me   = bus.EndpointID{0: 1, 15: 2}
	room = bus.RoomID{0: 3, 15: 4}
)

// TestSubjects: the names that both sides build, as the protocol has them.
func TestSubjects(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		PostSubject("SRV", room, me):                "in.SRV." + room.String() + "." + me.String(),
		PostWildcard("SRV"):                         "in.SRV.*.*",
		OutSubject(room):                            "out." + room.String(),
		StoredSubject(31, room):                     "rm.31." + room.String(),
		ShardWildcard(7):                            "rm.7.*",
		StreamName(0):                               "S0",
		InboxWildcard(me):                           "_INBOX_" + me.String() + ".>",
		OpenSubject(me, "SRV"):                      "svc." + me.String() + ".open.SRV",
		OpenWildcard("SRV"):                         "svc.*.open.SRV",
		EventSubject(me, NoticeRevoked):             "ev." + me.String() + ".revoked",
		EventWildcard(me):                           "ev." + me.String() + ".>",
		BlobPutTarget(bus.Hash{}, "bus", PartWhole): "/blobs/" + bus.Hash{}.String() + "?scope=bus&part=whole",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzSubject: what parses is what the other side built, to the byte: a node
// acts for the endpoint and the room in it.
func FuzzSubject(f *testing.F) {
	f.Add(PostSubject("SRV", room, me))
	f.Add(OpenSubject(me, "SRV"))
	f.Add("in.*.>")
	f.Fuzz(func(t *testing.T, s string) {
		server := func(i int) ServerToken {
			if parts := strings.Split(s, "."); i < len(parts) {
				return ServerToken(parts[i])
			}
			return ""
		}
		if room, me, err := ParsePost(s); err == nil && PostSubject(server(1), room, me) != s {
			t.Errorf("post: %q reads as %v, %v", s, room, me)
		}
		if me, err := ParseOpen(s); err == nil && OpenSubject(me, server(3)) != s {
			t.Errorf("open: %q reads as %v", s, me)
		}
	})
}

// TestValidReply: NATS lets a publisher name any reply, and a node's answer
// there would be a message in the node's name.
func TestValidReply(t *testing.T) {
	t.Parallel()
	inbox, token := InboxPrefix(me)+".", strings.Repeat("aZ0_-x", 4)[:22]
	for _, good := range []string{inbox + token, inbox + strings.Repeat("9", 32)} {
		if !ValidReply(good, me) {
			t.Errorf("%s is refused", good)
		}
	}
	other := InboxPrefix(bus.EndpointID{9}) + "."
	for _, bad := range []string{
		"", inbox, inbox + token[:21], inbox + strings.Repeat("9", 33), other + token, token, "_INBOX." + token,
		inbox + token + ".x", inbox + token[:21] + ".", inbox + token[:21] + "*", inbox + token[:21] + ">",
		inbox + token[:21] + " ", inbox + token[:20] + "é", OutSubject(room), PostSubject("SRV", room, me),
		EventSubject(me, NoticeTail), "$JS.API.STREAM.DELETE.S0", "$SYS.REQ." + token, strings.ToUpper(inbox) + token,
	} {
		if ValidReply(bad, me) {
			t.Errorf("%q passes", bad)
		}
	}
}
