package client

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// Joining is a link that is being taken up: an invite, a device link, or the link
// of a bus for keys that were added or come back. Each step may be repeated: what
// is interrupted goes on with the same link.
type Joining struct {
	link  identity.Link
	keys  identity.OneTime
	guest *call.Caller
	info  identity.ContextInfo
	bus   bus.ID
	now   func() time.Time

	account bus.AccountID // whose device link it is; see OpenDevice
}

// Meet pins the node that a link names before anything is sent, and asks it
// what it is. It trusts what the link's hashes prove and no more.
func Meet(ctx context.Context, link identity.Link, now func() time.Time) (*Joining, error) {
	host, _, err := net.SplitHostPort(link.Addr)
	if err != nil {
		return nil, bus.Errorf(bus.Invalid, "bad_link", "the link names no host and port").WithHint("copy it again, whole")
	}
	j := &Joining{link: link, keys: identity.OneTimeKeys(link.Seed), now: now}
	conf := identity.PinnedByHash(link.CA, host, func(pem []byte) { j.info.CAPEM = pem })
	j.guest = call.New(link.Addr, bus.ID{}, j.keys.Transport, call.Transport(conf), now)
	var s wire.Server
	if err := j.guest.Get(ctx, wire.TargetServer, &s); err != nil {
		return nil, err
	}
	if j.info.Org, err = orgOf(link, s); err != nil {
		return nil, err
	}
	j.bus, j.guest.Bus = s.Bus, s.Bus
	j.info.URL, j.info.NATS = "https://"+link.Addr, natsAddr(host, s.NATS)
	return j, nil
}

// orgOf is the organisation key that a link pins: the one in force or, in a link
// that was made before it was handed on, an earlier one. The bus log proves it.
func orgOf(link identity.Link, s wire.Server) (org identity.VerifyKey, err error) {
	if link.Kind == identity.LinkFounding {
		return s.Org, nil
	}
	for _, o := range append([]identity.VerifyKey{s.Org}, s.Orgs...) {
		if o.Hash() == link.Org {
			return o, nil
		}
	}
	return org, errWrongBus
}

// natsAddr keeps the host that reached the node: a node behind a name or a
// forwarded port knows only its own.
func natsAddr(host, told string) string {
	_, port, err := net.SplitHostPort(told)
	if err != nil {
		return told
	}
	return net.JoinHostPort(host, port)
}

// Info is where the bus is and how to know it.
func (j *Joining) Info() identity.ContextInfo { return j.info }

// Bus is the id that the node claims; the genesis proves it.
func (j *Joining) Bus() bus.ID { return j.bus }

// NewIdentity makes the identity that will take the invite up: keep it before
// Accept, or an interruption loses it together with the invite.
func (j *Joining) NewIdentity(name string) *identity.File {
	id := newIdentity(name, j.now().Truncate(time.Millisecond))
	id.Bus = j.bus
	return id
}

// Accept takes the invite up: it verifies the bus, opens what the invite's
// one-time endpoint was given in each room, puts the identity on the bus, and
// in each room puts it in the guest's place. It sets id.Handle.
func (j *Joining) Accept(ctx context.Context, id *identity.File, store *profile.Store) ([]bus.RoomID, error) {
	c, err := New(Options{Identity: id, Info: j.info, Store: store, Now: j.now})
	if err != nil {
		return nil, err
	}
	defer c.call.HTTP.CloseIdleConnections()
	defer j.guest.HTTP.CloseIdleConnections()
	return j.takeUp(ctx, c)
}

func (j *Joining) takeUp(ctx context.Context, c *Client) (rooms []bus.RoomID, err error) {
	id, own := c.id, c.call
	// Until the bus knows the identity, the invite's key asks for everything.
	c.call, c.world.call = j.guest, j.guest
	inv, err := j.invite(ctx, c)
	if errors.Is(err, bus.ErrUnknownSigner) || errors.Is(err, bus.ErrRevoked) {
		c.call, c.world.call = own, own // taken up before: the identity's own key is known by now
		inv, err = j.invite(ctx, c)
	}
	if err != nil {
		return nil, usedInvite(err)
	}
	id.Handle = inv.Handle
	if inv.Accepted == nil {
		if rooms, err = j.openRooms(ctx, c); err != nil {
			return nil, err
		}
		if err := j.accept(ctx, c); err != nil {
			return nil, err
		}
	} else if *inv.Accepted != id.Account {
		return nil, errUsed
	}
	c.call, c.world.call = own, own
	return j.takePlaces(ctx, c, rooms)
}

var errUsed = bus.Errorf(bus.Conflict, "invite_used", "this invite was used by somebody else").
	WithHint("if that was not you, tell the admin at once; ask for a new one")

// usedInvite says of a key that the bus does not know what it means here.
func usedInvite(err error) error {
	if bus.KindOf(err) == bus.Unauthenticated {
		return bus.Errorf(bus.Conflict, "invite_used", "this invite was used, revoked, or has expired").
			WithHint("ask for a new one").Because(err)
	}
	return err
}

func (j *Joining) invite(ctx context.Context, c *Client) (*buslog.InviteState, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	inv := c.world.bus.Invite(j.link.ID)
	switch {
	case inv == nil || inv.Content != j.keys.Content.Public():
		return nil, bus.Errorf(bus.NotFound, "no_invite", "the bus knows no such invite").WithHint("ask for a new one")
	case inv.Revoked:
		return nil, bus.Errorf(bus.Conflict, "invite_used", "this invite was revoked").WithHint("ask for a new one")
	case inv.Accepted == nil && j.now().After(inv.NotAfter):
		return nil, bus.Errorf(bus.Conflict, "invite_expired", "this invite has expired").WithHint("ask for a new one")
	}
	return inv, nil
}

// openRooms keeps the secrets of every epoch since the invite, which hold the
// rooms' names too.
func (j *Joining) openRooms(ctx context.Context, c *Client) (ids []bus.RoomID, err error) {
	me := j.reader()
	var list wire.List[wire.Room]
	if err := j.guest.Get(ctx, wire.MyRoomsTarget(me.endpoint), &list); err != nil {
		return nil, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for _, room := range list.Items {
		r, err := c.world.syncRoom(ctx, room.ID)
		if err != nil {
			return nil, err
		}
		if err := keepSecrets(ctx, c, r, me); err != nil {
			return nil, err
		}
		ids = append(ids, room.ID)
	}
	return ids, nil
}

// reader opens what was sealed to the invite's one-time endpoint.
func (j *Joining) reader() reader {
	return reader{endpoint: identity.EndpointOf(j.keys.Content.Public(), j.keys.Transport.Public()),
		kem: func(uint32) (identity.KEMKey, bool) { return j.keys.KEM, true }}
}

// keepSecrets keeps what opens. An epoch whose author gave away something else
// than its key must not keep a newcomer out; its messages are shown as what
// cannot be opened.
func keepSecrets(ctx context.Context, c *Client, r *room, me reader) error {
	if r.Create.Suite == bus.SuiteClear {
		return nil
	}
	for number, ep := range r.epochs {
		if _, in := ep.Recipient(me.endpoint); !in && !c.world.mayInherit(r, number, me) {
			continue
		}
		if _, err := c.world.secret(ctx, r, number, me); err != nil && bus.KindOf(err) != bus.Integrity {
			return err
		}
	}
	return nil
}

// accept puts the identity on the bus in the invite's place.
func (j *Joining) accept(ctx context.Context, c *Client) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	a := c.id.Seed.Account()
	by := chain.Author{Account: c.id.Account, Endpoint: j.reader().endpoint}
	for range maxRaces {
		e := c.world.bus.New(buslog.OpAccept, buslog.Accept{Invite: j.link.ID, Key: a.Public()}.Encode(), by, j.now()).
			Sign(identity.ContextBus, j.keys.Content, a)
		acc := firstEntries(c.id, j.now().Truncate(time.Millisecond))
		err := j.guest.Post(ctx, wire.AcceptTarget(j.link.ID), wire.Accept{Entry: e.Encode(), Account: encode(acc)}, nil)
		if err == nil {
			return nil
		}
		if !errors.Is(err, bus.ErrBehind) {
			return usedInvite(err)
		}
		if err := c.world.syncBus(ctx); err != nil {
			return err
		}
	}
	return errRaces("the bus log")
}

// takePlaces replaces the invite's guest by the account in every room that
// still lists it.
func (j *Joining) takePlaces(ctx context.Context, c *Client, rooms []bus.RoomID) ([]bus.RoomID, error) {
	if rooms == nil {
		refs, err := c.roomRefs(ctx)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			rooms = append(rooms, ref.ID)
		}
	}
	for _, id := range rooms {
		if err := j.takePlace(ctx, c, id); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}

func (j *Joining) takePlace(ctx context.Context, c *Client, id bus.RoomID) error {
	invite := j.link.ID
	_, err := c.startEpoch(ctx, id, func(r *room) (step, error) {
		g, in := r.Guest(invite)
		if !in {
			return step{}, nil // done before, or the owner took the invitation back
		}
		if err := keepSecrets(ctx, c, r, j.reader()); err != nil {
			return step{}, err
		}
		if err := c.world.syncAccount(ctx, c.id.Account, 1); err != nil {
			return step{}, err
		}
		me := roomlog.Member{Account: c.id.Account, Role: g.Role, Since: r.Len, Time: c.now()}
		return step{
			op:     roomlog.OpAccept,
			change: roomlog.Change{Add: []roomlog.Member{me}, Uninvite: []bus.InviteID{invite}},
			body:   func(st roomlog.Start) []byte { return roomlog.Accept{Invite: invite, Start: st}.Encode() },
		}, nil
	}, j.keys.Content)
	if err != nil {
		return err
	}
	return c.rememberName(ctx, id)
}

// Enter puts a key that an admin added to the bus to use: it appends the first
// entries of the account chain, and learns the user's name.
func (j *Joining) Enter(ctx context.Context, id *identity.File, store *profile.Store) error {
	id.Bus = j.bus
	c, err := New(Options{Identity: id, Info: j.info, Store: store, Now: j.now})
	if err != nil {
		return err
	}
	for i, e := range firstEntries(id, j.now().Truncate(time.Millisecond)) {
		err := c.call.Post(ctx, wire.AccountIDTarget(id.Account), wire.Append{Entry: e.Encode()}, nil)
		if i == 0 && bus.KindOf(err) == bus.Unauthenticated {
			return bus.Errorf(bus.Unauthenticated, "not_added", "the bus does not know this key yet").
				WithHint("give the admin your key line: unibus identity show").Because(err)
		}
		if err != nil && !errors.Is(err, bus.ErrBehind) {
			return err
		}
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return err
	}
	id.Handle = c.world.bus.Account(id.Account).Handle
	return nil
}

// EndpointName makes a name for this endpoint out of the machine's.
func EndpointName(host string) string {
	name, _, _ := strings.Cut(strings.ToLower(host), ".")
	if name == "" {
		return "device"
	}
	return name[:min(len(name), bus.MaxEndpointName)]
}
