package roomlog_test

import (
	"bytes"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// offer gives t to the rules and to the oracle and compares.
func (m *model) offer(t try) bool {
	m.Helper()
	want := m.o.allows(t)
	before := m.o.room.State.Tail
	err := m.o.room.Take(m.entry(t))
	if (err == nil) != want {
		m.Errorf("%s by %s: got %v, want taken %v", roomlog.OpName(t.op), t.by.Handle, err, want)
		return false
	}
	if err != nil {
		m.refused++
		if m.o.room.State.Tail != before {
			m.Error("a refused entry changed the room")
		}
		return false
	}
	m.taken[t.op]++
	m.o.apply(t)
	m.compare()
	return true
}

// entry writes t down and signs it.
func (m *model) entry(t try) *chain.Entry {
	r := m.o.room
	author := chain.Author{Account: t.by.ID(), Endpoint: t.dev.ID(), Seen: m.BusLog[t.seen].Head().Ref()}
	keys := []identity.SigningKey{t.dev.Content}
	if t.take != nil {
		keys = append([]identity.SigningKey{t.take.Keys.Content}, keys...)
	}
	return r.State.New(t.op, m.body(t), author, t.at).Sign(identity.ContextRoom, keys...)
}

func (m *model) body(t try) []byte {
	var st roomlog.Start
	if t.pins != nil {
		st = m.start(t)
	}
	switch t.op {
	case roomlog.OpRekey:
		return roomlog.Rekey{Reason: t.reason, Start: st,
			Complaint: roomlog.Complaint{Epoch: bus.Epoch(t.about)}}.Encode()
	case roomlog.OpAdd:
		add := roomlog.Add{Start: st}
		for w, role := range t.add {
			add.Members = append(add.Members, roomlog.NewMember{Account: w.ID(), Role: role})
		}
		for i, role := range t.invite {
			add.Guests = append(add.Guests, roomlog.NewGuest{Invite: i.ID, Role: role})
		}
		return add.Encode()
	case roomlog.OpRemove:
		rm := roomlog.Remove{Start: st}
		for _, w := range t.drop {
			rm.Members = append(rm.Members, w.ID())
		}
		for _, i := range t.out {
			rm.Guests = append(rm.Guests, i.ID)
		}
		return rm.Encode()
	case roomlog.OpAccept:
		return roomlog.Accept{Invite: t.take.ID, Start: st}.Encode()
	case roomlog.OpRole:
		return crook(t, roomlog.SetRole{Account: t.target.ID(), Role: t.role}.Encode())
	case roomlog.OpPolicy:
		return crook(t, roomlog.SetPolicy{Retention: time.Hour, Name: []byte("n")}.Encode())
	case roomlog.OpLeave:
		var l roomlog.Leave
		if t.target != nil {
			l.Successor = t.target.ID()
		}
		return crook(t, l.Encode())
	}
	return crook(t, nil)
}

func crook(t try, body []byte) []byte {
	if t.crooked {
		return append(body, 0)
	}
	return body
}

// start writes an epoch down by the oracle's lists.
func (m *model) start(t try) roomlog.Start {
	members, guests := m.o.after(t)
	st := roomlog.Start{Epoch: bus.Epoch(m.o.epoch + 1), NotAfter: t.at.Add(bus.EpochLife), Endpoints: uint16(len(m.o.audience(t)))}
	for w := range members {
		st.Members = append(st.Members, roomlog.Pin{Account: w.ID(), At: m.ref(w, t.pins[w])})
	}
	for i := range guests {
		st.Guests = append(st.Guests, i.ID)
	}
	slices.SortFunc(st.Members, func(a, b roomlog.Pin) int { return bytes.Compare(a.Account[:], b.Account[:]) })
	slices.SortFunc(st.Guests, func(a, b bus.InviteID) int { return bytes.Compare(a[:], b[:]) })
	if t.crooked {
		switch m.IntN(5) {
		case 0:
			st.Endpoints++
		case 1:
			st.Endpoints--
		case 2:
			st.Epoch++
		case 3:
			st.Guests = append(st.Guests, bus.InviteID{1})
		case 4:
			st.Members = append(st.Members, roomlog.Pin{})
		}
	}
	return st
}

// compare holds the room to the oracle.
func (m *model) compare() {
	s := m.o.room.State
	if len(s.Members()) != len(m.o.members) || len(s.Guests()) != len(m.o.guests) || len(s.Left) != len(m.o.left) {
		m.Fatalf("%d members, %d guests, %d left; want %d, %d, %d", len(s.Members()), len(s.Guests()), len(s.Left),
			len(m.o.members), len(m.o.guests), len(m.o.left))
	}
	for w, want := range m.o.members {
		got, ok := s.Member(w.ID())
		if !ok || got.Role != want.role || int(got.Since) != want.since || got.Pin != m.ref(w, want.pin) {
			m.Errorf("%s is %+v, want %+v", w.Handle, got, want)
		}
	}
	for i, want := range m.o.guests {
		if got, ok := s.Guest(i.ID); !ok || got.Role != want.role || int(got.Since) != want.since {
			m.Errorf("guest %s is %+v, want %+v", i.Handle, got, want)
		}
	}
	if len(m.o.members) > 0 && s.Owners() == 0 {
		m.Error("nobody owns the room")
	}
	var got []listed
	for _, a := range s.Epoch.Audience {
		l := listed{id: a.Endpoint, serial: int(a.Serial), role: a.Role, over: a.NotAfter,
			sends: a.Verbs.Has(account.VerbPublish)}
		if i := slices.IndexFunc(m.people, func(w *who) bool { return w.ID() == a.Account }); i >= 0 {
			l.owner = m.people[i]
		}
		got = append(got, l)
	}
	if !slices.Equal(got, m.o.listed) || int(s.Epoch.Number) != m.o.epoch {
		m.Errorf("epoch %d is sealed to %v, want epoch %d to %v", s.Epoch.Number, got, m.o.epoch, m.o.listed)
	}
}
