package nodetest_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// operator runs the node, and lies: a server with the node's certificate that
// answers as the node does, but for what it changes. It listens on another
// address of this machine, under the node's port, since requests are signed for
// one of the node's names.
type operator struct {
	b     *nodetest.Bus
	addr  string
	mu    sync.Mutex
	lie   func(at *url.URL, body []byte) []byte
	story []wire.StoredMessage // that was told of a room last
	away  string               // where all requests are sent on to; "" for nowhere
}

func operate(t *testing.T) *operator {
	t.Helper()
	const other = "127.0.0.2"
	b := boot(t, func(o *node.Options) { o.Hosts = []string{"127.0.0.1", other} })
	_, port, err := net.SplitHostPort(strings.TrimPrefix(b.URL(), "https://"))
	must(t, err)
	o := &operator{b: b, addr: net.JoinHostPort(other, port)}
	l, err := tls.Listen("tcp", o.addr, nodeTLS(t, b, other))
	must(t, err)
	server := &http.Server{Handler: o}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return o
}

// ServeHTTP passes a request on as it came, and its answer as the operator
// likes it.
func (o *operator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if to := o.sendsAway(); to != "" {
		http.Redirect(w, r, to+r.RequestURI, http.StatusTemporaryRedirect)
		return
	}
	pinned, err := identity.PinnedTLS(o.b.Admin.Info.CAPEM)
	if err != nil {
		panic(err)
	}
	onward := http.Transport{TLSClientConfig: pinned, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, o.b.URL()+r.RequestURI, r.Body)
	if err != nil {
		panic(err)
	}
	req.Header, req.Host, req.ContentLength = r.Header, r.Host, r.ContentLength
	res, err := onward.RoundTrip(req)
	if err != nil {
		http.Error(w, "gone", http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	o.mu.Lock()
	if o.lie != nil && res.StatusCode == http.StatusOK {
		body = o.lie(r.URL, body)
	}
	o.mu.Unlock()
	if r.Method == http.MethodGet { // as the node does: readers of blobs ask for it
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(body)
}

// tells makes the operator lie.
func (o *operator) tells(lie func(at *url.URL, body []byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lie = lie
}

func (o *operator) sendsAway(to ...string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(to) > 0 {
		o.away = to[0]
	}
	return o.away
}

// client is p who asks the operator: with what he knows already, or with an
// empty memory.
func (o *operator) client(t *testing.T, p *nodetest.Person, knows bool) *client.Client {
	t.Helper()
	lost := *p
	lost.Info.URL = "https://" + o.addr
	if !knows {
		lost.Home = profile.At(t.TempDir())
		must(t, lost.Home.Create(profile.Context{Name: "local", URL: lost.Info.URL, NATS: lost.Info.NATS, CAPEM: lost.Info.CAPEM,
			Bus: p.Identity.Bus, Org: p.Info.Org, Handle: p.Name}, p.Identity, nil))
	}
	return lost.Again()
}

// entries changes the pages of one chain.
func entries(target string, change func(*wire.Entries)) func(*url.URL, []byte) []byte {
	want, _, _ := strings.Cut(target, "?")
	return func(at *url.URL, body []byte) []byte {
		if at.Path != want {
			return body
		}
		var page wire.Entries
		if json.Unmarshal(body, &page) != nil || page.Head == nil {
			return body
		}
		change(&page)
		out, _ := json.Marshal(page)
		return out
	}
}

// forged shows one more entry than there is.
func forged(e *chain.Entry) func(*wire.Entries) {
	return func(page *wire.Entries) {
		page.Entries = append(page.Entries, e.Encode())
		head := e.Head()
		page.Head = &head
	}
}

// Who hears a lie: clients with a memory ask only for what is new, and those
// without cannot tell that there was more.
const (
	knowing = 1 << iota
	fresh
)

// lie is something untrue that the operator says.
type lie struct {
	tell func(at *url.URL, body []byte) []byte
	to   int // whom it can reach
}

// lies are those about who is in a room, on the bus, and behind an account.
func (o *operator) lies(m *mirror, alice, mallory *nodetest.Person) map[string]lie {
	b := o.b
	r, key := m.room(b.General), mallory.Identity.Content
	roomLog, busLog, herLog := wire.RoomLogTarget(b.General, 0), wire.LogTarget(0), wire.AccountTarget("alice", 0)
	promote := m.log.Tail.New(buslog.OpRole, buslog.Role{Handle: "mallory", Role: bus.RoleAdmin}.Encode(), m.busAuthor(mallory), time.Now()).
		Sign(identity.ContextBus, key)
	ghostUser := m.log.Tail.New(buslog.OpUser, buslog.User{Handle: "ghost", Key: identity.NewSigningKey().Public()}.Encode(), m.busAuthor(b.Admin), time.Now()).
		Sign(identity.ContextBus, key)
	drop := func(page *wire.Entries) {
		page.Entries = page.Entries[:max(0, len(page.Entries)-1)]
		page.Head.Index--
	}
	return map[string]lie{
		"a ghost in the admin's name":   {entries(roomLog, forged(m.add(r, mallory.Identity.Account, m.author(b.Admin), key, craft{}).entry)), knowing | fresh},
		"a ghost in her own name":       {entries(roomLog, forged(m.add(r, mallory.Identity.Account, m.author(mallory), key, craft{}).entry)), knowing | fresh},
		"alice has left":                {entries(roomLog, forged(leaveAs(r.Tail, alice, key))), knowing | fresh},
		"an admin more":                 {entries(busLog, forged(promote)), knowing | fresh},
		"a user more":                   {entries(busLog, forged(ghostUser)), knowing | fresh},
		"a device more":                 {o.device(m, alice, key, herLog), knowing | fresh},
		"a room log that is shorter":    {entries(roomLog, drop), knowing},
		"a bus log that is shorter":     {entries(busLog, drop), knowing},
		"an empty room log":             {entries(roomLog, func(p *wire.Entries) { p.Entries, p.Head = nil, nil }), knowing},
		"a room log with another head":  {entries(roomLog, func(p *wire.Entries) { p.Head.Hash[0] ^= 1 }), knowing},
		"a flipped bit in the room log": {entries(roomLog, flipped), fresh},
		"a flipped bit in the bus log":  {entries(busLog, flipped), fresh},
		"a flipped bit in an account":   {entries(herLog, flipped), fresh},
		"the bus log of another bus":    {entries(busLog, func(p *wire.Entries) { *p = otherBus(m.t) }), fresh},
	}
}

// Attack: the operator of the node shows a room log, the bus log or an account
// with an entry more, with one less, or with another in its place: a ghost in
// the room, a ghost device, an admin of his own. Checked: clients with and
// without a memory refuse it as an error of integrity, and seal to nobody who is
// not in the true log.
func TestAttackLyingOperator(t *testing.T) {
	t.Parallel()
	o := operate(t)
	b := o.b
	ctx := nodetest.Context(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	before := stateOf(t, b)
	for name, l := range o.lies(mirrorOf(t, b), alice, mallory) {
		for _, knows := range []bool{true, false} {
			if l.to&map[bool]int{true: knowing, false: fresh}[knows] == 0 {
				continue
			}
			o.tells(l.tell)
			c := o.client(t, alice, knows)
			if _, err := c.Members(ctx, b.General); bus.KindOf(err) != bus.Integrity {
				t.Errorf("%s, with a memory %v: members: got %v (%s), want an error of integrity", name, knows, err, bus.CodeOf(err))
			}
			if err := c.Rekey(ctx, b.General); err == nil {
				t.Errorf("%s, with a memory %v: she makes a new key", name, knows)
			}
			o.tells(nil)
		}
	}
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%s\nto\n%s", before, after)
	}
	for _, knows := range []bool{true, false} {
		if members, err := o.client(t, alice, knows).Members(ctx, b.General); err != nil || len(members) != 2 {
			t.Errorf("with the truth: got %v, %v", members, err)
		}
	}
}

// busAuthor is p as the author of an entry of the bus log.
func (m *mirror) busAuthor(p *nodetest.Person) chain.Author {
	return chain.Author{Account: p.Identity.Account, Endpoint: p.Endpoint(), Seen: m.accounts[p.Identity.Account].Head().Ref()}
}

// leaveAs is an entry by which p leaves, signed with a key that is not his.
func leaveAs(tail chain.Tail, p *nodetest.Person, key identity.SigningKey) *chain.Entry {
	e := leaveEntry(p, bus.RoomID(tail.Chain))
	e.Index, e.Prev = tail.Len, tail.Hash
	return e.Sign(identity.ContextRoom, key)
}

func flipped(page *wire.Entries) {
	if n := len(page.Entries); n > 0 {
		page.Entries[n-1][len(page.Entries[n-1])/2] ^= 1
	}
}

// otherBus is the bus log of a bus that the operator founded.
func otherBus(t *testing.T) (page wire.Entries) {
	t.Helper()
	_, pub, err := identity.NewNodeKey()
	must(t, err)
	_, f, err := client.Found(client.FoundOptions{Handle: "admin", Endpoint: "laptop", Node: "n1", NodeKey: pub,
		Hosts: []string{"127.0.0.1"}, Now: time.Now})
	must(t, err)
	page.Entries = append([][]byte{f.Genesis}, f.More...)
	last, err := chain.Parse(page.Entries[len(page.Entries)-1])
	must(t, err)
	head := last.Head()
	page.Head = &head
	return page
}

// device shows a device in p's account that p never added, and says to all
// who ask that the account has moved.
func (o *operator) device(m *mirror, p *nodetest.Person, key identity.SigningKey, target string) func(*url.URL, []byte) []byte {
	acc := m.accounts[p.Identity.Account]
	add := account.Add{By: account.ByAccount, Key: acc.Key, Kind: account.KindDevice, Content: identity.NewSigningKey().Public(),
		Transport: identity.NewTransportKey().Public(), KEM: identity.NewKEMKey().Public(), Name: "ghost"}
	e := acc.Tail.New(account.OpAdd, add.Encode(), m.author(p), time.Now()).Sign(identity.ContextAccount, key, key)
	show := entries(target, forged(e))
	return func(at *url.URL, body []byte) []byte {
		if at.Path != wire.MembersTarget(o.b.General) {
			return show(at, body)
		}
		var list wire.List[wire.Member]
		_ = json.Unmarshal(body, &list)
		for i := range list.Items {
			if list.Items[i].Account == p.Identity.Account {
				list.Items[i].Head = e.Head()
			}
		}
		out, _ := json.Marshal(list)
		return out
	}
}

// Attack: the operator sends a client's requests on, to a server that he does
// not run, or to one without TLS. Checked: the client goes nowhere.
func TestAttackRedirect(t *testing.T) {
	t.Parallel()
	o := operate(t)
	ctx := nodetest.Context(t)
	alice := o.b.Alice(o.b.General)
	asked := make(chan string, 10)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI
		_, _ = w.Write([]byte(`{"items":[]}`))
	}))
	t.Cleanup(elsewhere.Close)
	c := o.client(t, alice, true)
	for _, to := range []string{elsewhere.URL, o.b.URL()} {
		o.sendsAway(to)
		if users, err := c.Users(ctx); err == nil {
			t.Errorf("%s: alice lists %v", to, users)
		}
		if _, err := c.Blobs().Put(ctx, o.b.General, transfer.Source{Data: strings.NewReader("secret"), Size: 6}); err == nil {
			t.Errorf("%s: alice stores a blob", to)
		}
	}
	if len(asked) > 0 {
		t.Errorf("a server without TLS was asked %q", <-asked)
	}
}
