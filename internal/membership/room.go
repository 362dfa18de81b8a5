package membership

import (
	"context"
	"maps"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// RoomAccess is what an endpoint that may read a room has there on the data
// plane.
type RoomAccess struct {
	Account bus.AccountID // of the endpoint
	Shard   int
	Persist bool
	Read    bool // live messages; a scope may allow to write alone
	Write   bool
	Until   time.Time  // when the endpoint's time is over; zero: never
	Tip     bus.Prefix // see wire.Tip
}

// RoomFacts says what an endpoint may do in a room on the data plane. Only
// live endpoints in the audience of the epoch in force may do anything; for
// everything else, closed rooms too, it answers bus.ErrNotMember.
func (s *Service) RoomFacts(me bus.EndpointID, id bus.RoomID) (RoomAccess, error) {
	if err := s.sure(); err != nil {
		return RoomAccess{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.view.rooms[id]
	if r == nil {
		return RoomAccess{}, bus.ErrNotMember
	}
	verbs := s.view.access(r, me)
	if verbs == 0 {
		return RoomAccess{}, bus.ErrNotMember
	}
	who := s.view.accounts[s.view.endpoints[me]].Endpoint(me)
	return RoomAccess{Account: s.view.endpoints[me], Shard: r.record.Shard, Persist: r.state.Create.Persist,
		Until: who.Rights.NotAfter, Read: verbs.Has(account.VerbRead), Write: verbs.Has(account.VerbPublish), Tip: s.view.tip(r)}, nil
}

// Readers lists the endpoints that may read an open room on the data plane;
// nobody in doubt.
func (s *Service) Readers(id bus.RoomID) (out []bus.EndpointID) {
	if s.sure() != nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.view.rooms[id]
	if r == nil || r.state.Closed {
		return nil
	}
	for _, a := range s.view.grants([]*room{r}, nil) {
		if s.view.access(r, a.Endpoint).Has(account.VerbRead) {
			out = append(out, a.Endpoint)
		}
	}
	return out
}

// tip digests the heads that r rests on.
func (v *view) tip(r *room) bus.Prefix {
	if t := r.tip.Load(); t != nil && t.version == v.version {
		return t.digest
	}
	var heads []bus.Head
	for _, m := range r.state.Members() {
		heads = append(heads, v.accounts[m.Account].Head())
	}
	t := &tip{version: v.version, digest: wire.Tip(v.log.Head(), r.state.Head(), heads)}
	r.tip.Store(t)
	return t.digest
}

// seat is the place of a signer in a room.
type seat struct {
	*room
	role   string // "owner", "member", "reader", wire.RoleGuest; "none" for nobody's request
	reads  bool   // its messages
	writes bool
}

// seat finds the open room in which by has a place: an endpoint of a member,
// or the guest's one-time key or the account that took its invite up. For a
// foreign and an unknown room the answer is the same.
func (v *view) seat(by Signer, id bus.RoomID) (seat, error) {
	at, err := v.seatOrClosed(by, id)
	if err == nil && at.state.Closed {
		return seat{}, bus.ErrRoomClosed
	}
	return at, err
}

func (v *view) seatOrClosed(by Signer, id bus.RoomID) (seat, error) {
	r := v.rooms[id]
	if r == nil {
		return seat{}, bus.ErrNotMember
	}
	if by.unsigned {
		return seat{room: r, role: "none", reads: true}, nil
	}
	if m, ok := r.state.Member(by.Account); ok && by.Invite == nil {
		return memberSeat(by, r, m)
	}
	if invite, ok := v.invite(by); ok && by.Rights.Scope == nil {
		if _, ok := r.state.Guest(invite); ok {
			return seat{room: r, role: wire.RoleGuest}, nil
		}
	}
	return seat{}, bus.ErrNotMember
}

// memberSeat is the place of a member's endpoint: less than the member's where
// it has a scope, none where its scope does not name the room.
func memberSeat(by Signer, r *room, m roomlog.Member) (seat, error) {
	verbs, role := by.Rights.Verbs(r.state.ID), by.Rights.Role(m.Role, r.state.ID)
	if verbs == 0 {
		return seat{}, bus.ErrNotMember
	}
	return seat{room: r, role: role.String(), reads: verbs.Has(account.VerbRead), writes: role.Writes()}, nil
}

// Readable is Room for somebody who may read its messages: no guest, who is
// told only what he needs to join, and no endpoint that may publish alone.
func (s *Service) Readable(by Signer, id bus.RoomID) (out wire.Room, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		at, err := v.seat(by, id)
		switch {
		case err != nil:
			return err
		case at.role == wire.RoleGuest:
			return bus.ErrNotMember
		case !at.reads:
			return roomlog.ErrScope
		}
		out = v.room(at)
		return nil
	})
	return out, err
}

// Room tells an endpoint of a member, or a guest, of a room. Every question
// about a room answers bus.ErrNotMember for a foreign and an unknown one.
func (s *Service) Room(by Signer, id bus.RoomID) (out wire.Room, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		at, err := v.seat(by, id)
		if err == nil {
			out = v.room(at)
		}
		return err
	})
	return out, err
}

func (v *view) room(at seat) wire.Room {
	st := at.state
	return wire.Room{
		ID: st.ID, Subject: wire.OutSubject(st.ID), Epoch: st.Epoch.Number, Role: at.role,
		Members: len(st.Members()), Log: st.Head(), Tip: v.tip(at.room), Created: at.record.Created,
		Policy: wire.Policy{
			Encrypted: st.Create.Suite != bus.SuiteClear, Persist: st.Create.Persist, History: st.Create.History.String(),
			Recovery: st.Create.Recovery, Direct: st.Create.Direct, Retention: int64(st.Retention / time.Second),
		},
	}
}

// Members lists the members by account, then the guests by invite.
func (s *Service) Members(by Signer, id bus.RoomID) (out []wire.Member, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		at, err := v.seat(by, id)
		if err == nil {
			out = v.roster(at.room)
		}
		return err
	})
	return out, err
}

func (v *view) roster(r *room) []wire.Member {
	out := []wire.Member{}
	for _, m := range r.state.Members() {
		out = append(out, wire.Member{User: v.log.Account(m.Account).Handle, Account: m.Account,
			Role: m.Role.String(), Since: m.Time, Head: v.accounts[m.Account].Head()})
	}
	for _, g := range r.state.Guests() {
		out = append(out, wire.Member{User: v.log.Invite(g.Invite).Handle, Role: g.Role.String(),
			Since: g.Time, Invited: true})
	}
	return out
}

// RoomsOf lists the open rooms of the signer's own endpoint by id.
func (s *Service) RoomsOf(by Signer, endpoint bus.EndpointID) (out []wire.Room, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		if by.unsigned {
			by = Signer{Account: v.endpoints[endpoint], Endpoint: endpoint}
		}
		if endpoint != by.Endpoint {
			return errNotYourRooms
		}
		out = v.roomsFor(by)
		return nil
	})
	return out, err
}

var errNotYourRooms = bus.Errorf(bus.Forbidden, "not_yours", "an endpoint may list its own rooms only")

func (v *view) roomsFor(by Signer) []wire.Room {
	rooms := map[bus.RoomID]*room{}
	maps.Copy(rooms, v.members[by.Account])
	if invite, ok := v.invite(by); ok {
		maps.Copy(rooms, v.guests[invite])
	}
	out := []wire.Room{}
	for _, r := range byID(rooms) {
		if at, err := v.seat(by, r.state.ID); err == nil {
			out = append(out, v.room(at))
		}
	}
	return out
}

// RoomEntries returns a page of a room log, also of a closed room, and to who is out
// of it up to the entry that put him out.
func (s *Service) RoomEntries(ctx context.Context, by Signer, id bus.RoomID, from uint32) (wire.Entries, error) {
	var tail chain.Tail
	err := s.ask(by, func(v *view, by Signer) (err error) {
		tail, err = v.upTo(by, id)
		return err
	})
	if err != nil {
		return wire.Entries{}, err
	}
	return s.page(ctx, LogRoom, tail, from)
}

// RoomRecord is the node's record of an open room.
func (s *Service) RoomRecord(id bus.RoomID) (RoomRecord, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.view.rooms[id]
	if r == nil || r.state.Closed {
		return RoomRecord{}, false
	}
	return r.record, true
}

// RoomRetention is a room with what its log says about its messages.
type RoomRetention struct {
	RoomRecord
	Retention time.Duration // how long they are kept
	Clear     bool          // they are not encrypted
}

// RoomRecords lists all rooms by id, closed ones too: what a purge of old
// messages and the refusal of cleartext rooms need.
func (s *Service) RoomRecords() (out []RoomRetention) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range byID(s.view.rooms) {
		out = append(out, RoomRetention{r.record, r.state.Retention, r.state.Create.Suite == bus.SuiteClear})
	}
	return out
}
