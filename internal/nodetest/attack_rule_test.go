package nodetest_test

import (
	"net/http"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
)

// refuses demands that the node takes no entry of a list from p.
func refuses(t *testing.T, b *nodetest.Bus, p *nodetest.Person, offers map[string]offer) {
	t.Helper()
	c, before := callerAs(t, b, p), stateOf(t, b)
	for what, o := range offers {
		if got := c.ask(http.MethodPost, o.target, toJSON(t, o.body)); got.status < 400 || got.status >= 500 {
			t.Errorf("%s, %s: got %d %s", p.Name, what, got.status, got.body)
		}
	}
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%s\nto\n%s", before, after)
	}
}

// offer is a request that would append something.
type offer struct {
	target string
	body   any
}

// Attack: a user without the role writes what only an admin may: in his own
// name, and in the admin's with a signature of his own. Checked: the node takes
// none of it.
func TestAttackNotAnAdmin(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	open := b.Invite("carol", b.General)
	m, key := mirrorOf(t, b), mallory.Identity.Content
	one := identity.OneTimeKeys([32]byte{1})
	bodies := map[string]struct {
		op   chain.Op
		body []byte
	}{
		"an invite": {buslog.OpInvite, buslog.Invite{ID: bus.InviteID{1}, Handle: "eve", Content: one.Content.Public(),
			Transport: one.Transport.Public(), KEM: one.KEM.Public(), NotAfter: time.Now().Add(time.Hour).Truncate(time.Millisecond)}.Encode()},
		"the end of an invite":   {buslog.OpInviteRevoke, open.ID[:]},
		"a user":                 {buslog.OpUser, buslog.User{Handle: "eve", Key: identity.NewSigningKey().Public()}.Encode()},
		"herself as admin":       {buslog.OpRole, buslog.Role{Handle: "mallory", Role: bus.RoleAdmin}.Encode()},
		"the admin as user":      {buslog.OpRole, buslog.Role{Handle: "admin", Role: bus.RoleUser}.Encode()},
		"the end of the admin":   {buslog.OpRevoke, buslog.Revoke{Handle: "admin"}.Encode()},
		"the end of alice":       {buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode()},
		"a node":                 {buslog.OpNodeAdd, buslog.Node{Name: "n2", SPKI: bus.Hash{1}}.Encode()},
		"the end of the node":    {buslog.OpNodeRemove, buslog.NameBody("n1")},
		"an invite's acceptance": {buslog.OpAccept, buslog.Accept{Invite: open.ID, Key: mallory.Identity.Seed.Account().Public()}.Encode()},
		"another genesis":        {buslog.OpGenesis, buslog.Genesis{Org: key.Public(), Handle: "mallory", Key: mallory.Identity.Seed.Account().Public()}.Encode()},
		"nothing known":          {200, nil},
	}
	offers := map[string]offer{}
	for what, e := range bodies {
		for name, by := range map[string]*nodetest.Person{"": mallory, " in the admin's name": b.Admin} {
			signed := m.log.Tail.New(e.op, e.body, m.busAuthor(by), time.Now()).Sign(identity.ContextBus, key)
			offers[what+name] = offer{wire.LogAppendTarget, wire.Append{Entry: signed.Encode()}}
		}
	}
	for what, o := range m.stolen(alice, mallory) {
		offers[what] = o
	}
	refuses(t, b, mallory, offers)
}

// stolen are entries of a victim's account chain that a thief writes.
func (m *mirror) stolen(victim, thief *nodetest.Person) map[string]offer {
	acc, key, a := m.accounts[victim.Identity.Account], thief.Identity.Content, thief.Identity.Seed.Account()
	at := wire.AccountAppendTarget(victim.Name)
	add := account.Add{By: account.ByAccount, Key: a.Public(), Kind: account.KindDevice, Content: key.Public(), Transport: thief.Identity.Transport.Public(),
		KEM: thief.Identity.KEMs[0].Key.Public(), Name: "mine"}
	hers := add
	hers.Key = acc.Key
	revoke := func(by account.Signer, at bus.Ref) []byte {
		return account.Revoke{By: by, Endpoint: victim.Endpoint(), At: at}.Encode()
	}
	kem := account.KEM{Serial: 2, Key: identity.NewKEMKey().Public()}.Encode()
	entry := func(op chain.Op, body []byte, by chain.Author, keys ...identity.SigningKey) offer {
		return offer{at, wire.Append{Entry: acc.Tail.New(op, body, by, time.Now()).Sign(identity.ContextAccount, keys...).Encode()}}
	}
	own, her := m.author(thief), m.author(victim)
	return map[string]offer{
		"a device of hers in another's account":    entry(account.OpAdd, add.Encode(), own, a, key),
		"a device in the name of another":          entry(account.OpAdd, hers.Encode(), her, a, key),
		"another's kem key":                        entry(account.OpKEM, kem, her, key),
		"another's kem key in her own name":        entry(account.OpKEM, kem, own, key),
		"the end of another's device":              entry(account.OpRevoke, revoke(account.ByEndpoint, bus.Ref{}), own, key),
		"the end of another's device, as hers":     entry(account.OpRevoke, revoke(account.ByEndpoint, bus.Ref{}), her, key),
		"the end of another's device, by A":        entry(account.OpRevoke, revoke(account.ByAccount, bus.Ref{}), her, a),
		"the end of another's device, as admin":    entry(account.OpRevoke, revoke(account.ByAdmin, m.accounts[thief.Identity.Account].Head().Ref()), own, key),
		"a device that another's transport key is": m.squat(thief, victim),
	}
}

// squat lists the transport key of a victim in the thief's own account.
func (m *mirror) squat(thief, victim *nodetest.Person) offer {
	acc, a, c := m.accounts[thief.Identity.Account], thief.Identity.Seed.Account(), identity.NewSigningKey()
	add := account.Add{By: account.ByAccount, Key: a.Public(), Kind: account.KindDevice, Content: c.Public(), Transport: victim.Identity.Transport.Public(),
		KEM: identity.NewKEMKey().Public(), Name: "squat"}
	e := acc.Tail.New(account.OpAdd, add.Encode(), m.author(thief), time.Now()).Sign(identity.ContextAccount, a, c)
	return offer{wire.AccountAppendTarget(thief.Name), wire.Append{Entry: e.Encode()}}
}

// Attack: a member, and a reader, write what only an owner of the room may; and
// a user makes a room in the name of another. Checked: the node takes none of
// it.
func TestAttackNotAnOwner(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice, bob, carol, mallory := b.Alice(b.General), b.Bob(b.General), b.Join("carol", b.General), b.Mallory()
	_, err := b.Admin.SetRoomRole(ctx, b.General, "carol", bus.RoleReader)
	must(t, err)
	m := mirrorOf(t, b)
	for _, p := range []*nodetest.Person{bob, carol} {
		offers := map[string]offer{}
		for name, by := range map[string]chain.Author{"": m.author(p), " in the admin's name": m.author(b.Admin)} {
			for what, o := range m.usurped(b.General, by, p, alice, mallory) {
				offers[what+name] = o
			}
		}
		refuses(t, b, p, offers)
	}
	create := roomlog.Create{Suite: bus.SuiteSealed, Persist: true, History: bus.HistoryJoin, Retention: bus.DefaultRetention,
		Owner: m.accounts[b.Admin.Identity.Account].Head().Ref()}
	r := roomlog.New(m.c.bus)
	first := r.Tail.New(roomlog.OpCreate, create.Encode(), m.author(b.Admin), time.Now()).Sign(identity.ContextRoom, mallory.Identity.Content)
	refuses(t, b, mallory, map[string]offer{"a room of the admin's": {wire.TargetRooms, wire.NewRoom{Create: first.Encode(), Start: first.Encode()}}})
	spy := tap(t, carol)
	if got := spy.open(b.General); len(got.Granted) != 1 || got.Granted[0].Write {
		t.Errorf("a reader opens the room: got %+v", got)
	}
	must(t, spy.PublishRequest(wire.PostSubject(spy.server, b.General, carol.Endpoint()), inbox(carol), frames(t, b, carol, b.General)("hello")))
	spy.flush()
	spy.refused(1)
}

// usurped is everything that only an owner may do in a room, signed by p.
func (m *mirror) usurped(room bus.RoomID, by chain.Author, p, inside, outside *nodetest.Person) map[string]offer {
	r, key, now := m.room(room), p.Identity.Content, time.Now().Truncate(time.Millisecond)
	plain := func(op chain.Op, body []byte) offer {
		return offer{wire.RoomAppendTarget(room), wire.Append{Entry: r.Tail.New(op, body, by, now).Sign(identity.ContextRoom, key).Encode()}}
	}
	epoch := func(e made) offer {
		return offer{wire.RoomAppendTarget(room), wire.Append{Entry: e.entry.Encode(), Envelopes: e.envelopes}}
	}
	out := []bus.AccountID{inside.Identity.Account}
	return map[string]offer{
		"himself as owner":  plain(roomlog.OpRole, roomlog.SetRole{Account: p.Identity.Account, Role: bus.RoleOwner}.Encode()),
		"another as reader": plain(roomlog.OpRole, roomlog.SetRole{Account: inside.Identity.Account, Role: bus.RoleReader}.Encode()),
		"another policy":    plain(roomlog.OpPolicy, roomlog.SetPolicy{Retention: time.Second}.Encode()),
		"the end":           plain(roomlog.OpClose, nil),
		"a member more":     epoch(m.add(r, outside.Identity.Account, by, key, craft{})),
		"a member less": epoch(m.epoch(r, roomlog.OpRemove, roomlog.Change{Drop: out},
			func(st roomlog.Start) []byte { return roomlog.Remove{Members: out, Start: st}.Encode() }, by, key, craft{}, now)),
		"a new key": epoch(m.rekey(r, by, key, craft{})),
		"a new key before its time": epoch(m.epoch(r, roomlog.OpRekey, roomlog.Change{},
			func(st roomlog.Start) []byte { return roomlog.Rekey{Reason: roomlog.ReasonFrames, Start: st}.Encode() }, by, key, craft{}, now)),
	}
}
