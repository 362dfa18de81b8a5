package account

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// TestNewScope: rooms in whatever order, named twice or not, make a scope that
// can be read back.
func TestNewScope(t *testing.T) {
	t.Parallel()
	s := NewScope(VerbRead, bus.RoomID{2}, bus.RoomID{1}, bus.RoomID{2})
	bot := Add{By: ByEndpoint, Kind: KindBot, Content: identity.VerifyKey{1}, Transport: identity.TransportID{2}, Rights: Rights{Scope: s}, Name: "x"}
	if got, ok := ParseAdd(bot.Encode()); !ok || !slices.Equal(got.Rights.Scope.Rooms, []bus.RoomID{{1}, {2}}) {
		t.Errorf("read back as %+v", got.Rights.Scope)
	}
}

// FuzzBody holds every parser to one body for one meaning.
func FuzzBody(f *testing.F) {
	ends := time.UnixMilli(1)
	bot := Rights{NotAfter: ends, Scope: NewScope(VerbPublish, bus.RoomID{2}, bus.RoomID{1})}
	c, x := identity.VerifyKey{1}, identity.TransportID{2}
	f.Add(Add{By: ByEndpoint, Kind: KindBot, Content: c, Transport: x, Rights: bot, Name: "x"}.Encode())
	f.Add(Add{By: ByAccount, Kind: KindRecovery}.Encode())
	f.Add(Link{By: ByAccount, Content: c, Transport: x, Kind: KindBot, Rights: bot, NotAfter: ends}.Encode())
	f.Add(Link{By: ByEndpoint, Content: c, Transport: x, Kind: KindDevice, Rights: Rights{MayAdd: true}, NotAfter: ends}.Encode())
	f.Add(Accept{Content: c, Transport: x, Name: "x"}.Encode())
	f.Add(RotateBody(c))
	f.Add(Add{By: ByAccount, Kind: KindDevice, Content: identity.VerifyKey{1}, Transport: identity.TransportID{2}, Name: "x"}.Encode())
	f.Add(KEM{Serial: 1}.Encode())
	f.Add(Revoke{By: ByAdmin, Endpoint: bus.EndpointID{1}, At: bus.Ref{Index: 1}}.Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, ok := ParseAdd(body); ok && !bytes.Equal(a.Encode(), body) {
			t.Errorf("add: %x", body)
		}
		if l, ok := ParseLink(body); ok && !bytes.Equal(l.Encode(), body) {
			t.Errorf("link: %x", body)
		}
		if a, ok := ParseAccept(body); ok && !bytes.Equal(a.Encode(), body) {
			t.Errorf("accept: %x", body)
		}
		if a, ok := ParseRotate(body); ok && !bytes.Equal(RotateBody(a), body) {
			t.Errorf("rotate: %x", body)
		}
		if k, ok := parseKEM(body); ok && !bytes.Equal(k.Encode(), body) {
			t.Errorf("kem: %x", body)
		}
		if r, ok := parseRevoke(body); ok && !bytes.Equal(r.Encode(), body) {
			t.Errorf("revoke: %x", body)
		}
	})
}
