package broker

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"

	"unibus/internal/bus"
	"unibus/internal/grant"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// One member cannot take the places of all.
const (
	maxConnections        = 64  // of one endpoint
	maxAccountConnections = 256 // of all endpoints of an account
)

// sessions are the live connections of all endpoints, and what each may use.
//
// The lock of a session orders everything about one endpoint: facts are read
// and granted under it, and a change of facts is applied under it, so that no
// grant can outlive the facts it was read from.
type sessions struct {
	dir    Directory
	srv    *server.Server
	server wire.ServerToken
	users  *server.Account
	kicks  atomic.Uint64

	mu      sync.RWMutex
	by      map[bus.EndpointID]*session // never shrinks: only active endpoints get in
	claimed map[uint64]bus.AccountID    // whose each connection is, by its id on the server
	held    map[bus.AccountID]int       // how many of them are one account's
}

type session struct {
	me    bus.EndpointID
	mu    sync.Mutex
	conns map[uint64]*connection
	// rooms is what any connection has open, for readers without the lock.
	rooms atomic.Pointer[map[bus.RoomID]RoomFacts]
}

// connection is one admitted client. A room stays in open as long as the
// connection lives: whoever loses a right is cut off, so open is also all that
// was ever granted.
type connection struct {
	id     uint64
	handle server.ClientAuthentication // kept from Check: RegisterUser on it changes a live connection
	key    identity.TransportID
	open   map[bus.RoomID]RoomFacts
}

func newSessions(dir Directory, srv *server.Server, users *server.Account) *sessions {
	return &sessions{dir: dir, srv: srv, server: wire.ServerToken(srv.ID()), users: users,
		by: map[bus.EndpointID]*session{}, claimed: map[uint64]bus.AccountID{}, held: map[bus.AccountID]int{}}
}

// alive reports whether a connection still exists.
func (s *sessions) alive(id uint64) bool { return s.srv.GetClient(id) != nil }

// admit takes a proven connection in with the base grant. The facts are read
// again under the lock: a revocation either sees the connection or is seen.
func (s *sessions) admit(h server.ClientAuthentication, key identity.TransportID, me Party) bool {
	ses := s.of(me.Endpoint)
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if now, err := s.dir.Endpoint(key); err != nil || now != me {
		return false
	}
	if len(ses.conns) >= maxConnections {
		s.sweep(ses)
	}
	if len(ses.conns) >= maxConnections || !s.claim(h.GetID(), me.Account) {
		return false
	}
	c := &connection{id: h.GetID(), handle: h, key: key, open: map[bus.RoomID]RoomFacts{}}
	ses.conns[c.id] = c
	s.register(ses.me, c, s.users)
	return true
}

// of returns the session of me, made when there is none.
func (s *sessions) of(me bus.EndpointID) *session {
	if ses := s.find(me); ses != nil {
		return ses
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[me] == nil {
		s.by[me] = &session{me: me, conns: map[uint64]*connection{}}
		s.by[me].rooms.Store(&map[bus.RoomID]RoomFacts{})
	}
	return s.by[me]
}

func (s *sessions) find(me bus.EndpointID) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.by[me]
}

// all returns the sessions there are.
func (s *sessions) all() []*session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.by))
}

// claim gives a connection to its first endpoint: a second CONNECT with
// another key must not carry the first one's grants along. Connections of an
// account that are gone count until the next look at all facts.
func (s *sessions) claim(id uint64, account bus.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.claimed[id]; taken || s.held[account] >= maxAccountConnections {
		return false
	}
	s.claimed[id] = account
	s.held[account]++
	return true
}

// release undoes claim for a connection that is closed.
func (s *sessions) release(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, claimed := s.claimed[id]
	if !claimed {
		return
	}
	delete(s.claimed, id)
	if s.held[account]--; s.held[account] == 0 {
		delete(s.held, account)
	}
}

// register puts the whole grant of c in force on its live connection. The
// account is given once, at admission: NATS would count the connection again.
func (s *sessions) register(me bus.EndpointID, c *connection, account *server.Account) {
	rooms := make([]grant.Room, 0, len(c.open))
	for id, f := range c.open {
		rooms = append(rooms, f.grant(id))
	}
	set := grant.With(me, s.server, rooms...)
	c.handle.RegisterUser(&server.User{Account: account, Permissions: permissions(set)})
}

func permissions(set grant.Set) *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: set.Publish},
		Subscribe: &server.SubjectPermission{Allow: set.Subscribe},
	}
}

// renew reads every fact about ses again. Connections that lost a right, or
// that ever held a room of removed, are cut off; gained rights reach the rest
// at once.
func (s *sessions) renew(ses *session, removed []bus.RoomID) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	s.sweep(ses)
	var lost []*connection
	for _, c := range ses.conns {
		if holds(c, removed) || !s.refresh(ses.me, c) {
			lost = append(lost, c)
		}
	}
	s.cut(ses, lost)
}

func holds(c *connection, rooms []bus.RoomID) bool {
	return slices.ContainsFunc(rooms, func(r bus.RoomID) bool { _, ok := c.open[r]; return ok })
}

// refresh brings the rooms of c up to date and reports whether all of its
// rights still stand. An error of the Directory is a lost right.
func (s *sessions) refresh(me bus.EndpointID, c *connection) bool {
	if now, err := s.dir.Endpoint(c.key); err != nil || now.Endpoint != me {
		return false
	}
	more := false
	for room, had := range c.open {
		has, err := s.dir.Room(me, room)
		if err != nil || had.Write && !has.Write {
			return false
		}
		more = more || has.Write && !had.Write
		c.open[room] = has
	}
	if more {
		s.register(me, c, nil)
	}
	return true
}

// cutAll ends every connection of ses.
func (s *sessions) cutAll(ses *session) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	s.cut(ses, slices.Collect(maps.Values(ses.conns)))
}

// cut takes all rooms from the given connections and closes them. The rights
// go first: what a dying connection still sends must not pass.
func (s *sessions) cut(ses *session, conns []*connection) {
	for _, c := range conns {
		delete(ses.conns, c.id)
	}
	ses.publish()
	for _, c := range conns {
		set := grant.Base(ses.me, s.server)
		c.handle.RegisterUser(&server.User{Permissions: permissions(set)})
		// An error means that the connection is gone already.
		_ = s.srv.DisconnectClientByID(c.id)
		s.release(c.id)
		s.kicks.Add(1)
	}
}

// sweep forgets connections that are gone: NATS tells nobody. The caller publishes.
func (s *sessions) sweep(ses *session) {
	for id := range ses.conns {
		if !s.alive(id) {
			delete(ses.conns, id)
			s.release(id)
		}
	}
}

// publish lets readers without the lock see what is open now.
func (ses *session) publish() {
	rooms := map[bus.RoomID]RoomFacts{}
	for _, c := range ses.conns {
		maps.Copy(rooms, c.open)
	}
	ses.rooms.Store(&rooms)
}

// room returns the live grant of me for room.
func (s *sessions) room(me bus.EndpointID, room bus.RoomID) (f RoomFacts, ok bool) {
	ses := s.find(me)
	if ses == nil {
		return f, false
	}
	f, ok = (*ses.rooms.Load())[room]
	return f, ok
}

// connections counts the clients that are connected.
func (s *sessions) connections() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.claimed)
}

// connected reports whether me has a connection here.
func (s *sessions) connected(me bus.EndpointID) bool {
	ses := s.find(me)
	if ses == nil {
		return false
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	return len(ses.conns) > 0
}

// Renew reads the facts about me again and applies them to its connections: a
// gain reaches them at once, a loss cuts them off, and so does any room of
// removed that they ever had open. When it returns, a removed room is silent.
func (b *Broker) Renew(me bus.EndpointID, removed []bus.RoomID) {
	if ses := b.sessions.find(me); ses != nil {
		b.sessions.renew(ses, removed)
	}
}

// Cut ends every connection of me, which was revoked.
func (b *Broker) Cut(me bus.EndpointID) {
	if ses := b.sessions.find(me); ses != nil {
		b.sessions.cutAll(ses)
	}
}
