package broker

import (
	"cmp"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// Attack: a stranger, or a member who wants to be somebody else, tries every
// shape of CONNECT. Checked: none is admitted, and none leaves anything behind.
func TestHostileConnect(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice := n.person()
	other := n.dialRaw() // its nonce is not the victim's
	seed := alice.key.Seed()
	type fields = map[string]any
	for name, c := range map[string]struct {
		change func(r *rawLink, f fields)
		ok     bool
	}{
		"honest":             {func(*rawLink, fields) {}, true},
		"std base64":         {func(_ *rawLink, f fields) { f["sig"] = restd(f["sig"]) }, true},
		"unknown key":        {func(r *rawLink, f fields) { sign(f, identity.NewTransportKey(), r.nonce) }, false},
		"no nkey":            {func(_ *rawLink, f fields) { delete(f, "nkey") }, false},
		"no signature":       {func(_ *rawLink, f fields) { delete(f, "sig") }, false},
		"nothing":            {func(_ *rawLink, f fields) { clear(f) }, false},
		"short nkey":         {func(_ *rawLink, f fields) { f["nkey"] = f["nkey"].(string)[:40] }, false},
		"long nkey":          {func(_ *rawLink, f fields) { f["nkey"] = f["nkey"].(string) + "A" }, false},
		"lower-case nkey":    {func(_ *rawLink, f fields) { f["nkey"] = strings.ToLower(f["nkey"].(string)) }, false},
		"account key":        {func(_ *rawLink, f fields) { f["nkey"] = encode(nkeys.PrefixByteAccount, alice) }, false},
		"operator key":       {func(_ *rawLink, f fields) { f["nkey"] = encode(nkeys.PrefixByteOperator, alice) }, false},
		"seed for key":       {func(_ *rawLink, f fields) { f["nkey"] = seedText(seed) }, false},
		"hex for key":        {func(_ *rawLink, f fields) { f["nkey"] = alice.key.Public().String() }, false},
		"garbage signature":  {func(_ *rawLink, f fields) { f["sig"] = "!!!" }, false},
		"short signature":    {func(_ *rawLink, f fields) { f["sig"] = f["sig"].(string)[:40] }, false},
		"another's nonce":    {func(_ *rawLink, f fields) { sign(f, alice.key, other.nonce) }, false},
		"another's key":      {func(_ *rawLink, f fields) { f["nkey"] = identity.NewTransportKey().Public().Nkey() }, false},
		"JWT":                {func(_ *rawLink, f fields) { f["jwt"], f["nkey"] = "eyJ0eXAiOiJKV1QifQ.e30.x", "" }, false},
		"token besides":      {func(_ *rawLink, f fields) { f["auth_token"] = "x" }, false},
		"password besides":   {func(_ *rawLink, f fields) { f["pass"] = "x" }, false},
		"user besides":       {func(_ *rawLink, f fields) { f["user"] = "x" }, false},
		"own user, no pass":  {func(_ *rawLink, f fields) { f["user"], f["pass"] = ownCtl, "" }, false},
		"own user, its pass": {func(_ *rawLink, f fields) { f["user"], f["pass"] = ownCtl, n.gate.own[ownCtl].password }, false},
		"account wish":       {func(_ *rawLink, f fields) { f["account"] = "CTL" }, false},
		"new account":        {func(_ *rawLink, f fields) { f["new_account"] = true }, false},
		"proxy signature":    {func(_ *rawLink, f fields) { f["proxy_sig"] = "x" }, false},
		"no headers":         {func(_ *rawLink, f fields) { f["headers"] = false }, false},
		"no responders off":  {func(_ *rawLink, f fields) { f["no_responders"] = false }, false},
		"protocol from 2099": {func(_ *rawLink, f fields) { f["protocol"] = 99 }, false},
	} {
		r := n.dialRaw()
		f := r.connectFields(alice)
		c.change(r, f)
		if got := r.connect(f); got != c.ok {
			t.Errorf("%s: admitted %v, want %v", name, got, c.ok)
		}
		r.Close()
	}
	n.sweepAll()
	if got := n.Connections(); got != 0 {
		t.Errorf("%d connections left behind", got)
	}
}

func (n *node) sweepAll() {
	for _, ses := range n.sessions.all() {
		waitFor(n.t, func() bool {
			n.sessions.renew(ses, nil)
			ses.mu.Lock()
			defer ses.mu.Unlock()
			return len(ses.conns) == 0
		})
	}
}

func restd(sig any) string {
	raw, _ := base64.RawURLEncoding.DecodeString(sig.(string))
	return base64.StdEncoding.EncodeToString(raw)
}

func sign(f map[string]any, k identity.TransportKey, nonce string) {
	sig, _ := k.SignNonce([]byte(nonce))
	f["nkey"], f["sig"] = k.Public().Nkey(), base64.RawURLEncoding.EncodeToString(sig)
}

func encode(prefix nkeys.PrefixByte, p *person) string {
	id := p.key.Public()
	b, _ := nkeys.Encode(prefix, id[:])
	return string(b)
}

func seedText(seed [32]byte) string {
	b, _ := nkeys.EncodeSeed(nkeys.PrefixByteUser, seed[:])
	return string(b)
}

// Attack: a member connects, opens a room, and then sends a second CONNECT
// with another of his keys on the same connection, to carry grants across.
func TestSecondConnectIsRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob := n.person(), n.person()
	for _, second := range []*person{alice, bob} {
		r := n.dialRaw()
		if !r.connect(r.connectFields(alice)) {
			t.Fatal("not admitted")
		}
		if r.connect(r.connectFields(second)) {
			t.Error("a second CONNECT was taken")
		}
	}
}

// Attack: commands before CONNECT, those of routes and leaf nodes among them.
func TestCommandsBeforeConnect(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for _, command := range []string{
		"PUB out.x 2\r\nhi\r\n", "HPUB out.x 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", "SUB > 1\r\n", "UNSUB 1\r\n",
		"INFO {\"server_id\":\"x\"}\r\n", "RS+ CTL > \r\n", "LS+ > \r\n", "A+ CTL\r\n",
		"RMSG CTL out.x 2\r\nhi\r\n", "LMSG out.x 2\r\nhi\r\n", "-ERR 'x'\r\n", "+OK\r\n",
		"CONNECT\r\n", "CONNECT {\r\n", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", 8<<10) + "\r\n", "\x00\xff\r\n",
	} {
		r := n.dialRaw()
		r.send("%sPING\r\n", command)
		if r.pong() {
			t.Errorf("%.20q: the connection lives on", command)
		}
	}
	if n.Connections() != 0 || n.Stats().Stored != 0 {
		t.Errorf("something was registered: %+v", n.Stats())
	}
}

// A client that does not speak TLS first, and one that trusts another CA.
func TestOnlyTLS(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice := n.person()
	if _, err := nats.Connect("nats://"+n.Addr(), nats.NoReconnect(), nats.Timeout(200*time.Millisecond), nats.Nkey(alice.key.Public().Nkey(), alice.key.SignNonce)); err == nil {
		t.Error("connected without TLS")
	}
	old := n.client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := tls.Dial("tcp", n.Addr(), old); err == nil {
		t.Error("connected with TLS 1.2")
	}
	_, foreign := testTLS(t)
	_, err := nats.Connect("nats://"+n.Addr(), nats.Secure(foreign), nats.TLSHandshakeFirst(), nats.NoReconnect())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("connected with a foreign CA: %v", err)
	}
}

func TestAdmissionFailsClosed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice := n.person()
	refused := func(what string) {
		t.Helper()
		if l, err := n.try(alice); err == nil {
			l.Close()
			t.Errorf("%s: admitted", what)
		}
	}
	n.change(func() { n.stale = true })
	refused("lease gone")
	n.change(func() { n.stale, n.directory.err = false, errors.New("disk") })
	refused("directory fails")
	n.change(func() { n.directory.err = nil })
	n.gate.open.Store(false)
	refused("stopping")
	n.gate.open.Store(true)
	n.connect(alice)
	n.revoke(alice)
	refused("revoked")
}

// Attack: one endpoint takes every place there is.
func TestConnectionsPerEndpoint(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob := n.person(), n.person()
	links := make([]*link, maxConnections)
	for i := range links {
		links[i] = n.connect(alice)
	}
	if l, err := n.try(alice); err == nil {
		l.Close()
		t.Error("one endpoint may hold any number of connections")
	}
	n.connect(bob)
	links[0].Close()
	waitFor(t, func() bool {
		l, err := n.try(alice)
		if err == nil {
			l.Close()
		}
		return err == nil
	})
}

// Attack: one account lists endpoints until their connections take every place.
func TestConnectionsPerAccount(t *testing.T) {
	t.Parallel()
	s := &sessions{claimed: map[uint64]bus.AccountID{}, held: map[bus.AccountID]int{}}
	mallory, bob := bus.AccountID{1}, bus.AccountID{2}
	for id := range uint64(maxAccountConnections) {
		if !s.claim(id, mallory) {
			t.Fatalf("connection %d is refused", id)
		}
	}
	if s.claim(1000, mallory) {
		t.Error("an account may hold any number of connections")
	}
	if !s.claim(1001, bob) {
		t.Error("others are kept out")
	}
	if s.claim(7, bob) {
		t.Error("a connection changes hands")
	}
	s.release(7)
	s.release(7)
	if !s.claim(1002, mallory) || s.claim(1003, mallory) {
		t.Error("one that ended makes room for one")
	}
	if got := s.connections(); got != maxAccountConnections+1 {
		t.Errorf("%d connections are counted", got)
	}
}

// The same through the gate: what an account holds is counted over all of its
// endpoints, and each finds room again when another goes.
func TestAdmitCountsTheAccount(t *testing.T) {
	t.Parallel()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory()
	s := newSessions(d, srv, server.NewAccount("USERS"))
	next := uint64(0)
	admit := func(p *person) bool {
		next++
		party, err := d.Endpoint(p.key.Public())
		return err == nil && s.admit(&caller{id: next}, p.key.Public(), party)
	}
	mallory, bob := d.person(), d.person()
	const each = maxConnections - 1 // no endpoint has too many by itself
	devices := []*person{mallory}
	for held := 0; held < maxAccountConnections; held++ {
		if held/each == len(devices) {
			devices = append(devices, d.device(mallory))
		}
		if !admit(devices[held/each]) {
			t.Fatalf("connection %d is refused", held)
		}
	}
	if last := devices[len(devices)-1]; admit(last) || admit(d.device(mallory)) {
		t.Error("an account holds more connections with more endpoints")
	}
	if !admit(bob) {
		t.Error("others are kept out")
	}
	s.cutAll(s.of(mallory.id))
	for range each {
		if !admit(d.device(mallory)) {
			t.Fatal("a connection that was cut takes its place for ever")
		}
	}
	if admit(d.device(mallory)) {
		t.Error("a cut makes room for more than it ended")
	}
}

func TestOwnIdentitiesReachTheirAccounts(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	m, err := n.pipes.services.Request("$JS.API.STREAM.INFO.S0", nil, 5*time.Second)
	if err != nil || !strings.Contains(string(m.Data), "JetStream not enabled for account") {
		t.Errorf("the account of the users answers for JetStream: %v %v", m, err)
	}
	info, err := n.shards.js.AccountInfo(t.Context())
	if err != nil || info.Streams != wire.Shards {
		t.Errorf("control sees %+v, %v", info, err)
	}
}

// caller is a connection as the gate sees it.
type caller struct {
	server.ClientAuthentication // nil: what a test does not expect to be called
	kind                        int
	opts                        server.ClientOpts
	tls                         *tls.ConnectionState
	addr                        net.Addr
	id                          uint64
	as                          *server.User
}

func (c *caller) Kind() int                                   { return c.kind }
func (c *caller) GetOpts() *server.ClientOpts                 { return &c.opts }
func (c *caller) GetTLSConnectionState() *tls.ConnectionState { return c.tls }
func (c *caller) GetID() uint64                               { return c.id }
func (c *caller) RemoteAddress() net.Addr                     { return c.addr }
func (c *caller) RegisterUser(u *server.User)                 { c.as = u }

// Attack: somebody who learned a password of the node's own, or runs in
// another kind of connection.
func TestOwnIdentitiesInProcessOnly(t *testing.T) {
	t.Parallel()
	pipe, _ := net.Pipe()
	tcp := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	g := &gate{own: map[string]ownIdentity{ownCtl: newOwnIdentity(server.NewAccount("CTL"))}}
	right := server.ClientOpts{Username: ownCtl, Password: g.own[ownCtl].password}
	for name, c := range map[string]struct {
		caller
		ok bool
	}{
		"in process":     {caller{opts: right, addr: pipe.RemoteAddr()}, true},
		"over TCP":       {caller{opts: right, addr: tcp}, false},
		"no address":     {caller{opts: right}, false},
		"over TLS":       {caller{opts: right, addr: pipe.RemoteAddr(), tls: &tls.ConnectionState{}}, false},
		"wrong password": {caller{opts: server.ClientOpts{Username: ownCtl, Password: "x"}, addr: pipe.RemoteAddr()}, false},
		"no password":    {caller{opts: server.ClientOpts{Username: ownCtl}, addr: pipe.RemoteAddr()}, false},
		"unknown user":   {caller{opts: server.ClientOpts{Username: "root"}, addr: pipe.RemoteAddr()}, false},
		"leaf node":      {caller{opts: right, addr: pipe.RemoteAddr(), kind: server.LEAF}, false},
		"router":         {caller{opts: right, addr: pipe.RemoteAddr(), kind: server.ROUTER}, false},
	} {
		c.kind = cmp.Or(c.kind, server.CLIENT)
		if got := g.Check(&c.caller); got != c.ok || (c.as != nil) != c.ok {
			t.Errorf("%s: admitted %v as %v, want %v", name, got, c.as, c.ok)
		}
	}
}

func FuzzProven(f *testing.F) {
	key := identity.TransportKeyFromSeed([32]byte{1})
	nonce := []byte("0123456789a")
	sig, _ := key.SignNonce(nonce)
	f.Add(key.Public().Nkey(), base64.RawURLEncoding.EncodeToString(sig))
	f.Fuzz(func(t *testing.T, nkey, text string) {
		fields, _ := json.Marshal(map[string]any{"nkey": nkey, "sig": text, "headers": true, "no_responders": true})
		o := clientOpts(fields)
		if id, ok := proven(o, nonce); ok && !validPair(id, nonce, o.Sig) {
			t.Errorf("%q %q proved %s", nkey, text, id)
		}
	})
}

func validPair(id identity.TransportID, nonce []byte, text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	return err == nil && ed25519.Verify(id[:], nonce, raw)
}
