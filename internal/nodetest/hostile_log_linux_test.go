package nodetest_test

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// key changes what the node gives as the key of a room.
func (s *stage) key(change func(*wire.Key)) func(*url.URL, []byte) []byte {
	return func(at *url.URL, body []byte) []byte {
		if at.Path != wire.RoomTarget(s.room)+"/key" {
			return body
		}
		var k wire.Key
		_ = json.Unmarshal(body, &k)
		change(&k)
		out, _ := json.Marshal(k)
		return out
	}
}

func ghostEndpoint(s *stage) {
	post(s.t, s.b.Admin, s.room, "hello")
	s.learn()
	m := mirrorOf(s.t, s.b)
	key := s.mallory.Identity.Content
	s.tells(entries(wire.RoomLogTarget(s.room, 0), forged(m.add(m.room(s.room), s.mallory.Identity.Account, m.author(s.b.Admin), key, craft{}).entry)))
	for _, home := range s.homes() {
		s.refused(home, "bad_signature", "read", "send", "members", "verify")
	}
	s.tells(entries(wire.RoomLogTarget(s.room, 0), forged(m.add(m.room(s.room), s.mallory.Identity.Account, m.author(s.mallory), key, craft{}).entry)))
	for _, home := range s.homes() {
		s.refused(home, "bad_chain", "read", "send", "members", "verify")
	}
	s.tells(s.device(m, s.bob, key, wire.AccountTarget("bob", 0)))
	for _, home := range s.homes() {
		s.refused(home, "bad_signature", "members", "verify")
	}
	s.tells(s.key(func(k *wire.Key) { k.Leaves = append(k.Leaves, wire.Leaf{Endpoint: s.mallory.Endpoint(), Serial: 1}) }))
	s.refused(s.fresh(), "wrong_envelope", "send")
	s.shows(s.fresh(), "bad_messages", "wrong_envelope", "wrong_envelope")
}

func withheldEndpoint(s *stage) {
	s.owner()
	post(s.t, s.b.Admin, s.room, "hello")
	s.learn()
	s.tells(s.key(func(k *wire.Key) { k.Leaves = k.Leaves[1:] }))
	s.refused(s.fresh(), "wrong_envelope", "send", "verify")
	s.tells(s.key(func(k *wire.Key) {
		k.Leaves = slices.DeleteFunc(k.Leaves, func(l wire.Leaf) bool { return l.Endpoint == s.alice.Endpoint() })
	}))
	s.refused(s.fresh(), "wrong_envelope", "send", "verify")
	m := mirrorOf(s.t, s.b)
	fewer := m.rekey(m.room(s.room), m.author(s.bob), s.bob.Identity.Content, craft{start: func(st *roomlog.Start) { st.Endpoints-- }})
	s.tells(entries(wire.RoomLogTarget(s.room, 0), forged(fewer.entry)))
	for _, home := range s.homes() {
		s.refused(home, "bad_audience", "read", "send", "members", "verify")
	}
}

func forkedChain(s *stage) {
	s.owner()
	m := mirrorOf(s.t, s.b)
	other := m.rekey(m.room(s.room), m.author(s.bob), s.bob.Identity.Content, craft{name: "general"})
	must(s.t, s.b.Admin.Rekey(s.ctx, s.room))
	s.learn()
	s.tells(entries(wire.RoomLogTarget(s.room, 0), func(page *wire.Entries) {
		head := other.entry.Head()
		if len(page.Entries) > 0 {
			page.Entries[len(page.Entries)-1] = other.entry.Encode()
		}
		page.Head = &head
	}))
	for range 2 {
		s.refused(s.knowing, "forked", "read", "send", "members", "verify")
	}
}

// Each command is a process of its own; cmd/testdata/script/room-verify.txtar
// does the same with a node whose data directory was set back.
func rolledBackChain(s *stage) {
	must(s.t, s.b.Admin.Rekey(s.ctx, s.room))
	s.b.Join("carol")
	s.learn()
	for _, target := range []string{wire.RoomLogTarget(s.room, 0), wire.LogTarget(0)} {
		s.tells(entries(target, func(page *wire.Entries) {
			page.Entries = page.Entries[:max(0, len(page.Entries)-1)]
			page.Head.Index--
		}))
		for range 2 {
			s.refused(s.knowing, "withheld", "read", "send", "members", "verify")
		}
	}
}

func swappedKey(s *stage) {
	post(s.t, s.bob, s.room, "hello")
	s.learn()
	s.tells(entries(wire.LogTarget(0), func(page *wire.Entries) {
		for i, raw := range page.Entries {
			e, err := chain.Parse(raw)
			if a, ok := buslog.ParseAccept(e.Body); err == nil && ok && e.Op == buslog.OpAccept && e.Account == s.bob.Identity.Account {
				a.Key = s.mallory.Identity.Seed.Account().Public()
				e.Body = a.Encode()
				page.Entries[i] = e.Encode()
			}
		}
	}))
	s.refused(s.fresh(), "bad_entry", "read", "send", "members", "verify")
	s.refused(s.knowing, "forked", "verify")
	s.tells(entries(wire.AccountTarget("bob", 0), func(page *wire.Entries) {
		if len(page.Entries) == 0 {
			return
		}
		e, err := chain.Parse(page.Entries[0])
		if a, ok := account.ParseAdd(e.Body); err == nil && ok {
			a.KEM = s.mallory.Identity.KEMs[0].Key.Public()
			e.Body = a.Encode()
			page.Entries[0] = e.Encode()
		}
	}))
	s.refused(s.fresh(), "bad_signature", "read", "send", "members", "verify")
	s.refused(s.knowing, "forked", "verify")
	s.tells(nil)

	store, err := s.knowing.Open(s.ctx, "local", s.alice.Identity.ProfileKey)
	must(s.t, err)
	must(s.t, store.PutPin(s.ctx, "bob", identity.Pin{Account: s.mallory.Identity.Account}))
	must(s.t, store.Close())
	s.refused(s.knowing, "key_changed", "send")
	s.shows(s.knowing, "bad_messages", "bad_messages", "key_changed")
	s.refused(s.strangeNode(), "wrong_pin", "read", "send", "members", "verify")
}

// strangeNode is a home of alice's in which the node's place is taken by somebody
// with a CA of his own.
func (s *stage) strangeNode() profile.Home {
	s.t.Helper()
	ca, err := identity.NewCA("bus", time.Now())
	must(s.t, err)
	key, pub, err := identity.NewNodeKey()
	must(s.t, err)
	cert, err := ca.IssueNode(pub, []string{"127.0.0.1"}, time.Now())
	must(s.t, err)
	conf, err := identity.ServerTLS(cert, key, ca.CertificatePEM())
	must(s.t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	must(s.t, err)
	s.t.Cleanup(func() { l.Close() })
	go answerNothing(l)
	home := s.fresh()
	at, err := home.Context("local")
	must(s.t, err)
	at.URL = "https://" + l.Addr().String()
	must(s.t, home.Save(at))
	return home
}

// answerNothing does the handshake with whoever comes.
func answerNothing(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Read(make([]byte, 1))
		c.Close()
	}
}

func foreignEnvelope(s *stage) {
	s.owner()
	s.learn()
	var his wire.Key
	callerAs(s.t, s.b, s.bob).get(wire.KeyTarget(s.room, 0, s.bob.Endpoint()), &his)
	s.tells(s.key(func(k *wire.Key) { k.Sealed = his.Sealed }))
	s.refused(s.fresh(), "wrong_envelope", "send", "verify")
	s.tells(nil)

	m := mirrorOf(s.t, s.b)
	r := m.room(s.room)
	var another []byte
	m.append(s.bob, r, m.rekey(r, m.author(s.bob), s.bob.Identity.Content, craft{name: "general", seal: func(to roomlog.Recipient, sealed []byte) []byte {
		if to.Endpoint != s.alice.Endpoint() {
			another = sealed
			return sealed
		}
		if another == nil {
			another = make([]byte, len(sealed))
		}
		return another
	}}))
	post(s.t, s.bob, s.room, "not for her")
	for _, home := range s.homes() {
		s.shows(home, "bad_messages", "bad_envelope", "bad_envelope")
	}
	s.repairs()
	r = m.room(s.room)
	confirmed := craft{name: "general", confirm: func(h bus.Hash) bus.Hash { h[0] ^= 1; return h }}
	m.append(s.bob, r, m.add(r, s.mallory.Identity.Account, m.author(s.bob), s.bob.Identity.Content, confirmed))
	s.repairs()

	_, err := s.b.Admin.Kick(s.ctx, s.room, "mallory")
	must(s.t, err)
	m = mirrorOf(s.t, s.b)
	r = m.room(s.room)
	m.append(s.bob, r, m.complaint(r, s.bob, craft{name: "general", seal: instead(s.alice.Endpoint())}))
	for _, home := range s.homes() {
		s.waits(home)
	}
}

// repairs demands that alice sends at once, with a key of her own, where an author
// spoiled the one in force.
func (s *stage) repairs() {
	s.t.Helper()
	for _, home := range s.homes() {
		if got, stdout, stderr := s.run(home, "send", s.room.String(), "go on"); got != 0 {
			s.t.Errorf("send: got exit code %d, %s%s", got, stdout, stderr)
		}
	}
}

// waits demands that alice does not send with a key that its author spoiled where
// the node takes no other one yet: he began his epoch with a complaint.
func (s *stage) waits(home profile.Home) {
	s.t.Helper()
	if got, stdout, stderr := s.run(home, s.does("send")...); got != 7 || codeOf(stderr) != "bad_room_key" {
		s.t.Errorf("send: got exit code %d, %s%swant 7 and bad_room_key", got, stdout, stderr)
	}
}

// reusedLink: whoever holds a link that was used is told; and where the node
// takes it a second time, everybody else is.
func reusedLink(s *stage) {
	link := s.b.Invite("carol", s.room)
	s.b.TakeUp(link, "carol")
	s.learn()
	again := profile.At(s.t.TempDir())
	if code, _, stderr := s.run(again, "join", link.String(), "--no-passphrase"); code != 6 || codeOf(stderr) != "invite_used" {
		s.t.Errorf("join once more: got exit code %d, %s", code, stderr)
	}
	m := mirrorOf(s.t, s.b)
	one, a := identity.OneTimeKeys(link.Seed), identity.NewSigningKey()
	by := chain.Author{Account: identity.AccountIDOf(a.Public()), Endpoint: identity.EndpointOf(one.Content.Public(), one.Transport.Public())}
	second := m.log.Tail.New(buslog.OpAccept, buslog.Accept{Invite: link.ID, Key: a.Public()}.Encode(), by, time.Now()).
		Sign(identity.ContextBus, one.Content, a)
	s.tells(entries(wire.LogTarget(0), forged(second)))
	for _, home := range s.homes() {
		s.refused(home, "bad_chain", "read", "send", "members", "verify")
		if _, _, stderr := s.run(home, s.does("read")...); !strings.Contains(stderr, "this invite was used or revoked") {
			s.t.Errorf("got %s", stderr)
		}
	}
}

// secondAcceptance: the guest's place in a room, and a device link, are each
// taken once more, with all the keys that this takes.
func secondAcceptance(s *stage) {
	link := s.b.Invite("carol", s.room)
	carol := s.b.TakeUp(link, "carol")
	s.learn()
	m := mirrorOf(s.t, s.b)
	one := identity.OneTimeKeys(link.Seed)
	body := func(st roomlog.Start) []byte { return roomlog.Accept{Invite: link.ID, Start: st}.Encode() }
	place := m.epoch(m.room(s.room), roomlog.OpAccept, roomlog.Change{}, body, m.author(carol), carol.Identity.Content, craft{}, time.Now()).entry
	s.tells(entries(wire.RoomLogTarget(s.room, 0), forged(place.Sign(identity.ContextRoom, one.Content, carol.Identity.Content))))
	for _, home := range s.homes() {
		s.refused(home, "bad_chain", "read", "send", "members", "verify")
	}
	s.tells(nil)

	device, err := s.bob.LinkDevice(s.ctx, time.Hour)
	must(s.t, err)
	s.learn()
	twice := mirrorOf(s.t, s.b).takeUpTwice(s.bob, device)
	s.tells(entries(wire.AccountTarget("bob", 0), func(page *wire.Entries) {
		for _, e := range twice {
			forged(e)(page)
		}
	}))
	for _, home := range s.homes() {
		s.refused(home, "bad_chain", "verify")
	}
}

// takeUpTwice are two entries by which two devices take one link up.
func (m *mirror) takeUpTwice(p *nodetest.Person, link identity.Link) (all []*chain.Entry) {
	tail, once := m.accounts[p.Identity.Account].Tail, identity.OneTimeKeys(link.Seed)
	for _, name := range []string{"phone", "thief"} {
		c := identity.NewSigningKey()
		a := account.Accept{Link: link.ID, Content: c.Public(), Transport: identity.NewTransportKey().Public(),
			KEM: identity.NewKEMKey().Public(), Name: name}
		by := chain.Author{Account: p.Identity.Account, Endpoint: a.Endpoint(), Seen: m.log.Head().Ref()}
		e := tail.New(account.OpAccept, a.Encode(), by, time.Now()).Sign(identity.ContextAccount, once.Content, c)
		all, tail = append(all, e), tail.After(e)
	}
	return all
}
