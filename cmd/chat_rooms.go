package cmd

import (
	"context"
	"errors"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// Create implements tui.Session.
func (s *chat) Create(ctx context.Context, name string) (bus.RoomID, error) {
	if s.named(name) {
		return bus.RoomID{}, bus.Errorf(bus.Conflict, "room_exists", "you are in a room of this name").WithHint("go there: /room %s", name)
	}
	id, err := s.c.CreateRoom(ctx, name, client.RoomOptions{})
	if err != nil {
		return id, err
	}
	return id, s.entered(ctx, id)
}

func (s *chat) named(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		if r.info.Name == name && r.info.Gone == "" {
			return true
		}
	}
	return false
}

// entered takes in a room that one is in since now.
func (s *chat) entered(ctx context.Context, id bus.RoomID) error {
	facts, err := s.c.RoomFacts(ctx, id)
	if err != nil {
		return err
	}
	info, err := s.add(ctx, facts)
	if err != nil {
		return err
	}
	s.tell(tui.Event{Room: id, Info: &info})
	s.follows()
	return nil
}

// Direct implements tui.Session.
func (s *chat) Direct(ctx context.Context, with bus.Handle) (bus.RoomID, error) {
	id, err := s.c.DirectRoom(ctx, with)
	if err != nil {
		return id, err
	}
	return id, s.entered(ctx, id)
}

// Look implements tui.Session. Where there are more rooms than a connection takes,
// they are followed anew for one that is not.
func (s *chat) Look(_ context.Context, room bus.RoomID) error {
	s.mu.Lock()
	s.looked = room
	many := len(s.rooms) > bus.MaxOpenRooms
	s.mu.Unlock()
	if many {
		s.follows()
	}
	return nil
}

// Open implements tui.Session.
func (s *chat) Open(ctx context.Context, room bus.RoomID) error {
	s.mu.Lock()
	s.kept.Opened[room] = true
	if r := s.rooms[room]; r != nil {
		r.info.Invited = false
	}
	s.mu.Unlock()
	return s.keep(ctx)
}

// Members implements tui.Session.
func (s *chat) Members(ctx context.Context, room bus.RoomID) ([]tui.Member, error) {
	known, err := s.c.KnownMembers(ctx, room)
	out := make([]tui.Member, len(known))
	for i, m := range known {
		role, _ := bus.ParseRoomRole(m.Role) // it was written by its String
		out[i] = tui.Member{User: m.User, Role: role, Trust: m.Trust, Invited: m.Invited}
	}
	return out, err
}

// Invite implements tui.Session.
func (s *chat) Invite(ctx context.Context, room bus.RoomID, users ...bus.Handle) error {
	_, err := s.c.AddMembers(ctx, room, bus.RoleMember, users...)
	return s.invitedWords(room, err)
}

// invitedWords names the room where somebody is no user yet: else the invite that the
// hint makes is into another one.
func (s *chat) invitedWords(room bus.RoomID, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fault *bus.Error
	r := s.rooms[room]
	if r == nil || r.info.Name == "" || r.info.With != "" || !errors.As(err, &fault) || fault.Code != "no_user" {
		return err
	}
	return fault.WithHint("%s --room %s", fault.Hint, r.info.Name)
}

// Kick implements tui.Session.
func (s *chat) Kick(ctx context.Context, room bus.RoomID, user bus.Handle) error {
	changed, err := s.c.Kick(ctx, room, user)
	if err == nil && !changed {
		err = errNotIn(user)
	}
	return err
}

func errNotIn(user bus.Handle) error {
	return bus.Errorf(bus.NotFound, "no_member", "%s is not in this room", user).WithHint("see: /members")
}

// SetRole implements tui.Session.
func (s *chat) SetRole(ctx context.Context, room bus.RoomID, user bus.Handle, role bus.RoomRole) error {
	if _, err := s.c.SetRoomRole(ctx, room, user, role); err != nil {
		return err
	}
	return s.inform(ctx, room)
}

// Rekey implements tui.Session.
func (s *chat) Rekey(ctx context.Context, room bus.RoomID) error { return s.c.Rekey(ctx, room) }

// Log implements tui.Session.
func (s *chat) Log(ctx context.Context, room bus.RoomID) ([]tui.Change, error) {
	entries, err := s.c.Log(ctx, room)
	var out []tui.Change
	for _, e := range slices.Backward(entries) {
		out = append(out, tui.Change{Time: e.Time, By: e.By, What: e.Op, Epoch: e.Epoch, Who: string(shownEntry(e).who())})
	}
	return out, err
}

// Check implements tui.Session.
func (s *chat) Check(ctx context.Context, room bus.RoomID) ([]tui.Finding, error) {
	found, err := s.c.VerifyRoom(ctx, room)
	var out []tui.Finding
	for _, f := range found {
		out = append(out, tui.Finding{Check: f.Check, OK: f.OK, Detail: f.Detail})
	}
	return out, err
}

// Leave implements tui.Session.
func (s *chat) Leave(ctx context.Context, room bus.RoomID) error {
	s.mu.Lock()
	r := s.rooms[room]
	out := r != nil && r.info.Gone != ""
	s.mu.Unlock()
	if out { // he is out of it already, and is done with what is kept here
		return s.left(room, s.c.Forget(ctx, room))
	}
	err := s.c.Leave(ctx, room, "")
	switch {
	case errors.Is(err, bus.ErrRoomClosed):
		err = s.c.Forget(ctx, room)
	case err == nil && r != nil:
		s.mu.Lock()
		s.kept.Left[room] = max(r.stored, r.info.Last)
		s.mu.Unlock()
		err = s.keep(ctx)
	}
	return s.left(room, err)
}

// Delete implements tui.Session.
func (s *chat) Delete(ctx context.Context, room bus.RoomID) error {
	return s.left(room, s.c.DeleteRoom(ctx, room))
}

// drop forgets what is kept here of a room. s.mu is held.
func (s *chat) drop(room bus.RoomID) {
	delete(s.rooms, room)
	delete(s.kept.Opened, room)
	delete(s.kept.Told, room)
}

// left forgets a room that one is out of now, unless err says that one is not.
func (s *chat) left(room bus.RoomID, err error) error {
	if err != nil {
		return err
	}
	s.forget(room)
	s.follows()
	return nil
}

// forget takes a room off the screen.
func (s *chat) forget(room bus.RoomID) {
	s.mu.Lock()
	s.drop(room)
	s.mu.Unlock()
	s.tell(tui.Event{Room: room, Forgotten: true})
}
