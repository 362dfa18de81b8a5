package client

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// Client speaks for one endpoint on one bus. It is safe for concurrent use.
type Client struct {
	id     *identity.File
	info   identity.ContextInfo
	tls    *tls.Config
	call   *call.Caller
	world  *world
	store  *profile.Store
	now    func() time.Time
	mu     sync.Mutex
	newest map[bus.RoomID]seen           // newest frame seen per room, for Closing
	held   map[bus.RoomID]profile.Newest // newest frame opened per room
	unkept map[bus.RoomID]profile.Newest // of them, those that the profile was not told of

	tallies    map[bus.RoomID]*tally    // guarded by mu
	grievances map[bus.RoomID]grievance // guarded by mu
	kems       kemKeys                  // guarded by world.mu
	warn       func(error)              // guarded by world.mu; nil once it was told

	keep    bool
	calls   func(text string, me bus.Handle) bool
	offline offline
}

// Options is what a client needs to begin.
type Options struct {
	Identity *identity.File
	Info     identity.ContextInfo // where the bus is and its pins
	Store    *profile.Store       // owned by the client from now on
	Now      func() time.Time
	Keys     Keys        // where Identity is kept; nil: it cannot be changed
	Warn     func(error) // told once that the kem key stays old; may be nil

	// Keep has what is read of rooms kept in Store, to be read without the node
	// and searched.
	Keep bool
	// Mentions reports whether a text calls a user, for what is counted of
	// messages that are kept; nil: none does.
	Mentions func(text string, me bus.Handle) bool
}

// New makes a client. It talks to nobody yet.
func New(o Options) (*Client, error) {
	conf, err := identity.PinnedTLS(o.Info.CAPEM)
	if err != nil {
		return nil, err
	}
	node := call.New(o.Info.URL, o.Identity.Bus, o.Identity.Transport, call.Transport(conf), o.Now)
	w := newWorld(node, o.Store, o.Info.Org)
	w.me, w.floors = o.Identity.Account, floors(o.Identity.Bus, o.Info.Seen)
	return &Client{
		id: o.Identity, info: o.Info, tls: conf, call: node, store: o.Store, now: o.Now,
		world: w, newest: map[bus.RoomID]seen{}, held: map[bus.RoomID]profile.Newest{}, unkept: map[bus.RoomID]profile.Newest{}, tallies: map[bus.RoomID]*tally{}, grievances: map[bus.RoomID]grievance{},
		kems: kemKeys{keys: o.Keys, known: o.Identity.KEMs, shared: o.Identity.Shared}, warn: o.Warn,
		keep: o.Keep, calls: o.Mentions,
	}, nil
}

// floors is how far the chains must reach that an export has seen.
func floors(b bus.ID, seen *identity.Seen) map[chain.ID]bus.Head {
	if seen == nil {
		return nil
	}
	out := map[chain.ID]bus.Head{chain.ID(b): seen.Bus}
	for id, h := range seen.Rooms {
		out[chain.ID(id)] = h
	}
	return out
}

// Close ends the client's connections and closes its profile.
func (c *Client) Close() error {
	c.call.HTTP.CloseIdleConnections()
	c.flushTallies()
	_ = c.keepNewest(context.Background())
	return c.store.Close()
}

// Handle is the user that this client speaks for.
func (c *Client) Handle() bus.Handle { return c.id.Handle }

// Endpoint is the endpoint that this client speaks for.
func (c *Client) Endpoint() bus.EndpointID { return c.id.Endpoint() }

// author names this endpoint in entries. Seen is the writer's to fill.
func (c *Client) author() chain.Author {
	return chain.Author{Account: c.id.Account, Endpoint: c.id.Endpoint()}
}

// reader opens this endpoint's envelopes. It is used under the world's lock.
func (c *Client) reader() reader { return reader{endpoint: c.id.Endpoint(), kem: c.kems.find} }

// Server asks the node what it is. Its word is not verified.
func (c *Client) Server(ctx context.Context) (wire.Server, error) {
	var s wire.Server
	return s, c.call.Get(ctx, wire.TargetServer, &s)
}

// Limits lists the caps of this user and what is used of them.
func (c *Client) Limits(ctx context.Context) ([]wire.Limit, error) {
	var list wire.List[wire.Limit]
	return list.Items, c.call.Get(ctx, wire.TargetLimits, &list)
}

// URL is where this client's node is.
func (c *Client) URL() string { return c.info.URL }

// ServerAt asks another node of the same bus what it is.
func (c *Client) ServerAt(ctx context.Context, url string) (wire.Server, error) {
	var s wire.Server
	return s, c.call.At(url).Get(ctx, wire.TargetServer, &s)
}

// HealthAt asks another node of the same bus how it is.
func (c *Client) HealthAt(ctx context.Context, url string) (wire.Health, error) {
	var h wire.Health
	return h, c.call.At(url).Get(ctx, wire.TargetHealth, &h)
}

// IsAdmin reports whether this user is an admin of the bus.
func (c *Client) IsAdmin(ctx context.Context) (bool, error) {
	a, err := c.account(ctx, c.id.Handle)
	if err != nil {
		return false, err
	}
	return a.Active() && a.Role == bus.RoleAdmin, nil
}
