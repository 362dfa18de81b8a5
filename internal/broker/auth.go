package broker

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"

	"unibus/internal/identity"
)

// gate admits connections: endpoints of the Directory by a signature over the
// nonce of this very connection, and the node's own by a password, in process.
type gate struct {
	dir      Directory
	sessions *sessions
	guard    *guard
	own      map[string]ownIdentity // by user name; fixed before the server starts
	open     atomic.Bool            // clients are let in: the services listen
	refused  atomic.Uint64
}

// ownIdentity is how the node's own connections enter one account. The
// password is fresh at every start and never leaves the process.
type ownIdentity struct {
	password string
	account  *server.Account
}

func newOwnIdentity(a *server.Account) ownIdentity {
	return ownIdentity{password: rand.Text() + rand.Text(), account: a}
}

// Check is called by the server for each CONNECT, a second one included.
func (g *gate) Check(c server.ClientAuthentication) bool {
	ok := c.Kind() == server.CLIENT && g.admit(c)
	if !ok {
		g.refused.Add(1)
	}
	return ok
}

func (g *gate) admit(c server.ClientAuthentication) bool {
	if c.GetOpts().Username != "" {
		return g.admitOwn(c)
	}
	if !g.open.Load() || c.GetTLSConnectionState() == nil || !g.dir.Fresh() {
		return false
	}
	t, ok := proven(c.GetOpts(), c.GetNonce())
	if !ok {
		return false
	}
	me, err := g.dir.Endpoint(t)
	return err == nil && !g.guard.barred(me.Endpoint) && g.sessions.admit(c, t, me)
}

// admitOwn lets nobody in over a network, whatever they know.
func (g *gate) admitOwn(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	addr := c.RemoteAddress()
	if c.GetTLSConnectionState() != nil || addr == nil || addr.Network() != "pipe" {
		return false
	}
	own, ok := g.own[o.Username]
	if !ok || subtle.ConstantTimeCompare([]byte(own.password), []byte(o.Password)) != 1 {
		return false
	}
	c.RegisterUser(&server.User{Account: own.account})
	return true
}

// proven returns the key that signed the nonce. Anything else that could name
// somebody must be absent, so that there is one way in and no mixture.
func proven(o *server.ClientOpts, nonce []byte) (t identity.TransportID, ok bool) {
	if o.JWT != "" || o.Token != "" || o.Password != "" || o.ProxySig != "" || o.Account != "" || o.AccountNew {
		return t, false
	}
	if !o.Headers || !o.NoResponders || len(nonce) == 0 {
		return t, false // not a client of this bus: it could not read its answers
	}
	t, err := identity.TransportIDFromNkey(o.Nkey)
	if err != nil {
		return t, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(o.Sig)
	if err != nil {
		sig, err = base64.StdEncoding.DecodeString(o.Sig)
	}
	return t, err == nil && t.Verify(nonce, sig)
}
