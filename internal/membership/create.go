package membership

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// CreateRoom makes a room of its creation entry, the entry of its first epoch
// and the envelopes, all of the signer's own making. The same creation entry
// again is answered with the room.
func (s *Service) CreateRoom(ctx context.Context, by Signer, n wire.NewRoom) (wire.Room, error) {
	create, err := s.parse(n.Create)
	if err != nil {
		return wire.Room{}, err
	}
	start, err := s.parse(n.Start)
	if err != nil {
		return wire.Room{}, err
	}
	id := bus.RoomID(create.Hash().Prefix())
	if err := s.createRoom(ctx, by, create, start, n.Envelopes); err != nil {
		return wire.Room{}, err
	}
	return s.Room(by, id)
}

func (s *Service) createRoom(ctx context.Context, by Signer, create, start entry, inline []wire.Envelope) error {
	defer s.tell()
	s.order.RLock()
	defer s.order.RUnlock()
	by, err := s.user(by)
	if err != nil {
		return err
	}
	for _, e := range []entry{create, start} {
		if !by.unsigned && (e.Account != by.Account || e.Actor != by.Endpoint) {
			return errNotYours
		}
	}
	if s.hasRoom(bus.RoomID(create.Hash().Prefix())) {
		return nil
	}
	if err := s.allow(create.Account, len(create.raw)+len(start.raw), false); err != nil {
		return err
	}
	release, err := s.reserveRoom(by)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		release()
	}()
	return s.commitRoom(ctx, create, start, inline, release)
}

func (s *Service) hasRoom(id bus.RoomID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.rooms[id] != nil
}

// reserveRoom takes one of the signer's rooms, so that parallel requests do not
// pass the cap together. Release is called with mu held, and may be again.
func (s *Service) reserveRoom(by Signer) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !by.unsigned && s.view.made[by.Account]+s.making[by.Account] >= s.roomCap(by) {
		return nil, errRoomCap
	}
	s.making[by.Account]++
	released := false
	return func() {
		if !released {
			released = true
			s.making[by.Account]--
		}
	}, nil
}

// commitRoom checks both entries on a state of its own and stores them.
func (s *Service) commitRoom(ctx context.Context, create, start entry, inline []wire.Envelope, release func()) error {
	v := s.view
	if v.fresh(create) != nil || v.fresh(start) != nil {
		return bus.ErrBehind
	}
	st := roomlog.New(v.log.Bus)
	if err := take(st, create, v); err != nil {
		return err
	}
	if st.Create.Suite == bus.SuiteClear && !s.opts.ClearRooms {
		return errCleartext
	}
	if err := take(st, start, v); err != nil {
		return err
	}
	keys, err := s.keys(ctx, st, start, inline)
	if err != nil {
		return err
	}
	if err := s.allowSealed(ctx, start, st); err != nil {
		return err
	}
	r := &room{state: st, maker: create.Account,
		record: RoomRecord{ID: st.ID, Shard: s.opts.Shard(), Created: s.opts.Now().UTC().Truncate(time.Millisecond)}}
	b := Batch{Room: &r.record, Keys: keys, Entries: []StoredEntry{
		create.stored(LogRoom, st.Chain), start.stored(LogRoom, st.Chain)}}
	return s.commit(ctx, b, func() Change {
		release()
		v.addRoom(r, int64(len(create.raw)+len(start.raw)))
		v.sealed[r.maker] += sealedBytes(st)
		rooms := []*room{r}
		return Change{Joined: v.grants(rooms, nil), Moved: []bus.RoomID{st.ID}, Notify: v.devicesIn(rooms)}
	})
}

var errCleartext = bus.Errorf(bus.Forbidden, "cleartext_refused", "this node takes encrypted rooms only").
	WithHint("cleartext rooms exist on loopback nodes alone")

// take checks e and takes it into a state that nobody else sees.
func take(st *roomlog.State, e entry, v *view) error {
	step, err := st.Check(e.Entry, v)
	if err == nil {
		step()
	}
	return err
}
