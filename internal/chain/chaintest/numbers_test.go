package chaintest_test

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
)

// TestNumbers: what stands in entries for ever is what docs/protocol.md says.
// Two builds that count otherwise would agree with themselves and not with
// each other.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for name, ops := range map[string][]chain.Op{
		"bus log": {buslog.OpGenesis, buslog.OpInvite, buslog.OpInviteRevoke, buslog.OpAccept, buslog.OpUser,
			buslog.OpRole, buslog.OpRevoke, buslog.OpNodeAdd, buslog.OpNodeRemove,
			buslog.OpOrgRotate},
		"account": {account.OpAdd, account.OpKEM, account.OpRevoke, account.OpLink, account.OpAccept, account.OpRotate},
		"room log": {roomlog.OpCreate, roomlog.OpRekey, roomlog.OpAdd, roomlog.OpRemove, roomlog.OpAccept,
			roomlog.OpRole, roomlog.OpPolicy, roomlog.OpClose, roomlog.OpLeave},
	} {
		for want, op := range ops {
			if int(op) != want {
				t.Errorf("%s: operation %d has number %d", name, want, op)
			}
		}
	}
	for name, pair := range map[string][2]int{
		"device":        {int(account.KindDevice), 1},
		"recovery":      {int(account.KindRecovery), 2},
		"bot":           {int(account.KindBot), 3},
		"may read":      {int(account.VerbRead), 1},
		"may publish":   {int(account.VerbPublish), 2},
		"by endpoint":   {int(account.ByEndpoint), 1},
		"by account":    {int(account.ByAccount), 2},
		"by admin":      {int(account.ByAdmin), 3},
		"asked":         {int(roomlog.ReasonAsked), 1},
		"age":           {int(roomlog.ReasonAge), 2},
		"frames":        {int(roomlog.ReasonFrames), 3},
		"moved":         {int(roomlog.ReasonMoved), 4},
		"left":          {int(roomlog.ReasonLeft), 5},
		"broken":        {int(roomlog.ReasonBroken), 6},
		"user":          {int(bus.RoleUser), 1},
		"admin":         {int(bus.RoleAdmin), 2},
		"reader":        {int(bus.RoleReader), 1},
		"member":        {int(bus.RoleMember), 2},
		"owner":         {int(bus.RoleOwner), 3},
		"floor enforce": {buslog.FloorEnforce, 1},
		"floor acl":     {buslog.FloorACL, 2},
		"floor tls":     {buslog.FloorTLS, 4},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s has number %d, want %d", name, pair[0], pair[1])
		}
	}
}
