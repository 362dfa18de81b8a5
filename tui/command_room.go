package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// Commands about rooms and people.

// owns reports whether this person owns the room on the screen, and says who does where
// not. Where the last owner was revoked another one acts as owner: the bus decides.
func (m *Model) owns(what text.Safe) bool {
	r := m.current
	if r.Role == bus.RoleOwner {
		return true
	}
	var owners []string
	for _, member := range r.members {
		if member.Role == bus.RoleOwner && slices.Contains(m.people, member.User) { // not revoked
			owners = append(owners, string(line(member.User)))
		}
	}
	if len(owners) == 0 {
		return true
	}
	m.say("only an owner of " + r.title() + " can " + what + ": ask " + text.Safe(strings.Join(owners[:min(len(owners), 3)], " or ")))
	return false
}

func cmdCreate(m *Model, args []string) tea.Cmd {
	name, from := strings.TrimPrefix(args[0], "#"), m.where()
	return m.call(func(ctx context.Context) then {
		id, err := m.o.Session.Create(ctx, name)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("create #"+string(text.Line(name)), err)
			}
			r := m.info(Room{ID: id, Name: name, Role: bus.RoleOwner, Members: 1, Epoch: 1})
			m.sort()
			if cmd := m.arrive(from, r); m.current == r {
				return tea.Batch(cmd, m.say("made; /invite USER adds people"))
			}
			return nil
		}
	})
}

func cmdInvite(m *Model, args []string) tea.Cmd {
	users, err := handles(args)
	if err != nil {
		return m.fail("invite", err)
	}
	if !m.owns("add people") {
		return nil
	}
	return m.inRoom("invite", "added "+text.Line(strings.Join(args, ", ")), func(ctx context.Context, id bus.RoomID) error {
		return m.o.Session.Invite(ctx, id, users...)
	})
}

func handles(args []string) (out []bus.Handle, err error) {
	for _, a := range args {
		h, err := bus.ParseHandle(strings.TrimSuffix(a, ","))
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

func cmdKick(m *Model, args []string) tea.Cmd {
	user, err := bus.ParseHandle(args[0])
	if err != nil {
		return m.fail("kick", err)
	}
	switch {
	case user == m.self:
		return m.say("that is you: /leave")
	case !m.owns("remove people"):
		return nil
	case len(m.current.members) > 0 && !m.current.has(user):
		return m.say(line(user) + " is not in this room: /members")
	}
	r, id := m.current, m.current.ID
	return m.ask("Remove "+line(user)+" from "+r.title()+"?", "A new room key is made: later messages are not for "+line(user)+".", line(user)+" stays", func(m *Model) tea.Cmd {
		return m.try("kick", "removed "+line(user), func(ctx context.Context) error { return m.o.Session.Kick(ctx, id, user) })
	})
}

func cmdRole(m *Model, args []string) tea.Cmd {
	user, err := bus.ParseHandle(args[0])
	if err != nil {
		return m.fail("role", err)
	}
	role, err := bus.ParseRoomRole(args[1])
	if err != nil {
		return m.fail("role", err)
	}
	if !m.owns("change roles") {
		return nil
	}
	return m.inRoom("role", line(user)+" is "+text.Safe(role.String())+" now", func(ctx context.Context, id bus.RoomID) error {
		return m.o.Session.SetRole(ctx, id, user, role)
	})
}

func cmdRekey(m *Model, _ []string) tea.Cmd {
	return m.inRoom("rekey", "a new room key was made", func(ctx context.Context, id bus.RoomID) error { return m.o.Session.Rekey(ctx, id) })
}

func cmdLeave(m *Model, _ []string) tea.Cmd {
	r, id := m.current, m.current.ID
	if r.lastOwner(m.self) {
		return m.say("you are the only owner of " + r.title() + ": /role USER owner first, or /delete ends it for everybody")
	}
	return m.ask("Leave "+r.title()+"?", "Somebody in it has to add you again before you can come back.", "you stay in "+r.title(), func(m *Model) tea.Cmd {
		return m.try("leave", "left "+r.title(), func(ctx context.Context) error { return m.o.Session.Leave(ctx, id) })
	})
}

func cmdDelete(m *Model, _ []string) tea.Cmd {
	if !m.owns("delete it") {
		return nil
	}
	r, id := m.current, m.current.ID
	return m.ask("Delete "+r.title()+" for everybody?", "Its messages are gone from the bus; nobody can bring them back.", "nothing was deleted", func(m *Model) tea.Cmd {
		return m.try("delete", "deleted "+r.title(), func(ctx context.Context) error { return m.o.Session.Delete(ctx, id) })
	})
}

func cmdMark(m *Model, _ []string) tea.Cmd {
	r := m.current
	seq := r.Last
	r.Unread, r.Mentions, r.marked = 0, 0, seq
	r.list.MarkNew(0)
	return m.inRoom("mark", "", func(ctx context.Context, id bus.RoomID) error { return m.o.Session.Mark(ctx, id, seq) })
}

func cmdMsg(m *Model, args []string) tea.Cmd {
	user, err := bus.ParseHandle(args[0])
	if err != nil {
		return m.fail("msg", err)
	}
	words, from := strings.Join(args[1:], " "), m.where()
	return m.call(func(ctx context.Context) then {
		id, err := m.o.Session.Direct(ctx, user)
		return func(m *Model) tea.Cmd {
			if err != nil {
				m.giveBack(from.room, "/msg "+strings.Join(args, " "))
				return m.fail("msg @"+string(text.Line(string(user))), err)
			}
			r := m.rooms[id]
			if r == nil {
				r = m.info(Room{ID: id, With: user, Role: bus.RoleOwner, Members: 2})
				m.sort()
			}
			cmd := m.arrive(from, r)
			switch {
			case words == "":
				return cmd
			case !m.maySend(r):
				m.giveBack(r, escaped(words))
				return cmd
			}
			return tea.Batch(cmd, m.post(Draft{Room: id, ID: newID(), Kind: "text", Text: words}))
		}
	})
}

func cmdNotify(m *Model, args []string) tea.Cmd {
	level := Notify(args[0])
	if !slices.Contains([]Notify{NotifyAll, NotifyMentions, NotifyNone}, level) {
		return m.say("write /notify all, mentions or none")
	}
	return notify(level)(m, nil)
}

func notify(level Notify) func(*Model, []string) tea.Cmd {
	return func(m *Model, _ []string) tea.Cmd {
		m.current.notify = level
		return tea.Batch(m.keep(), m.say(m.current.title()+" calls you for: "+text.Safe(level)))
	}
}

func cmdRoom(m *Model, args []string) tea.Cmd {
	if r := m.find(args[0]); r != nil {
		return m.open(r)
	}
	return m.say("you are in no room called " + text.Line(args[0]) + ": /rooms lists them")
}

func cmdVerify(m *Model, args []string) tea.Cmd {
	if len(args) == 0 {
		return m.checkRoom()
	}
	user, err := bus.ParseHandle(args[0])
	if err != nil {
		return m.fail("verify", err)
	}
	return m.verify(user)
}
