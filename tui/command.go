package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/theme"
	"unibus/tui/timeline"
)

// slash is a command of the box, named as on the command line.
type slash struct {
	name string
	args string // as help shows them, "" for none; those in brackets may be left out
	help string
	room bool // it is about the room on the screen
	run  func(m *Model, args []string) tea.Cmd
}

func (c slash) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

// least is how many arguments a command needs.
func (c slash) least() (n int) {
	for _, a := range strings.Fields(c.args) {
		if !strings.HasPrefix(a, "[") {
			n++
		}
	}
	return n
}

// commands are all of them, by name.
func commands() []slash {
	return []slash{
		{"attach", "[FILE]", "send a file", true, cmdAttach},
		{"create", "NAME", "make a room", false, cmdCreate},
		{"delete", "", "delete this room for everybody", true, cmdDelete},
		{"drop", "", "give up what failed here", true, cmdDrop},
		{"edit", "TEXT...", "change your newest message", true, cmdEdit},
		{"find", "[WORDS]", "find in this room", true, cmdFind},
		{"help", "", "every key and command", false, func(m *Model, _ []string) tea.Cmd { return m.openHelp() }},
		{"invite", "USER...", "add people to this room", true, cmdInvite},
		{"kick", "USER", "remove somebody from this room", true, cmdKick},
		{"leave", "", "leave this room, or decline", true, cmdLeave},
		{"mark", "", "mark this room as read", true, cmdMark},
		{"members", "", "who is in this room", true, func(m *Model, _ []string) tea.Cmd { return m.openMembers() }},
		{"msg", "USER [TEXT...]", "write to one person", false, cmdMsg},
		{"mute", "", "be called for nothing in this room", true, notify(NotifyNone)},
		{"notify", "all|mentions|none", "what this room calls you for", true, cmdNotify},
		{"quit", "", "leave the chat", false, func(m *Model, _ []string) tea.Cmd { return m.quit() }},
		{"react", "EMOJI", "react to the newest message", true, cmdReact},
		{"rekey", "", "make a new room key", true, cmdRekey},
		{"reply", "TEXT...", "answer the newest message", true, cmdReply},
		{"retry", "", "send what failed here again", true, func(m *Model, _ []string) tea.Cmd { return m.retryAll() }},
		{"role", "USER ROLE", "change a role", true, cmdRole},
		{"room", "NAME", "go to a room", false, cmdRoom},
		{"rooms", "", "all rooms and people", false, func(m *Model, _ []string) tea.Cmd { return m.openJump() }},
		{"save", "[PATH]", "save the newest file of this room", true, cmdSave},
		{"search", "WORDS...", "find in all rooms", false, cmdSearch},
		{"theme", "dark|light|mono|high-contrast", "change the colours", false, cmdTheme},
		{"unmute", "", "be called for mentions in this room", true, notify(NotifyMentions)},
		{"verify", "USER", "compare numbers with somebody", false, cmdVerify},
	}
}

// command reports whether a draft is a command: it begins with one slash and a
// word. Two slashes begin a message with one.
func command(draft string) bool {
	return len(draft) > 1 && draft[0] == '/' && draft[1] != '/' && draft[1] != ' ' && !strings.Contains(draft, "\n")
}

// runCommand does what was typed; what it cannot do goes back into the box.
func (m *Model) runCommand(draft string) tea.Cmd {
	words := strings.Fields(strings.TrimPrefix(draft, "/"))
	i := slices.IndexFunc(commands(), func(c slash) bool { return c.name == words[0] })
	if i < 0 {
		m.box.Set(draft)
		return m.say("there is no command /" + text.Line(clip(words[0], 30)) + ": F1 lists them; // sends a slash")
	}
	c := commands()[i]
	switch {
	case len(words)-1 < c.least():
		m.box.Set(draft)
		return m.say(text.Safe("write /" + c.usage()))
	case c.room && m.current == nil:
		return m.say("there is no room on the screen")
	}
	return c.run(m, words[1:])
}

// inRoom runs a call about the room on the screen.
func (m *Model) inRoom(what string, done text.Safe, f func(ctx context.Context, id bus.RoomID) error) tea.Cmd {
	id := m.current.ID
	return m.try(what, done, func(ctx context.Context) error { return f(ctx, id) })
}

func cmdAttach(m *Model, args []string) tea.Cmd {
	if len(args) == 0 {
		return m.openFiles()
	}
	return m.attach(strings.Join(args, " "))
}

func cmdCreate(m *Model, args []string) tea.Cmd {
	name := strings.TrimPrefix(args[0], "#")
	return m.call(func(ctx context.Context) then {
		id, err := m.o.Session.Create(ctx, name)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("create #"+string(text.Line(name)), err)
			}
			r := m.info(Room{ID: id, Name: name, Role: bus.RoleOwner, Members: 1, Epoch: 1})
			m.sort()
			return tea.Batch(m.open(r), m.say("made; /invite USER adds people"))
		}
	})
}

func cmdInvite(m *Model, args []string) tea.Cmd {
	users, err := handles(args)
	if err != nil {
		return m.fail("invite", err)
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
	r, id := m.current, m.current.ID
	return m.ask("Remove "+line(user)+" from "+r.title()+"?", "A new room key is made: later messages are not for "+line(user)+".", func(m *Model) tea.Cmd {
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
	return m.inRoom("role", line(user)+" is "+text.Safe(role.String())+" now", func(ctx context.Context, id bus.RoomID) error {
		return m.o.Session.SetRole(ctx, id, user, role)
	})
}

func cmdRekey(m *Model, _ []string) tea.Cmd {
	return m.inRoom("rekey", "a new room key was made", func(ctx context.Context, id bus.RoomID) error { return m.o.Session.Rekey(ctx, id) })
}

func cmdLeave(m *Model, _ []string) tea.Cmd {
	r, id := m.current, m.current.ID
	return m.ask("Leave "+r.title()+"?", "Somebody in it has to add you again before you can come back.", func(m *Model) tea.Cmd {
		return m.try("leave", "left "+r.title(), func(ctx context.Context) error { return m.o.Session.Leave(ctx, id) })
	})
}

func cmdDelete(m *Model, _ []string) tea.Cmd {
	r, id := m.current, m.current.ID
	return m.ask("Delete "+r.title()+" for everybody?", "Its messages are gone from the bus; nobody can bring them back.", func(m *Model) tea.Cmd {
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
	words := strings.Join(args[1:], " ")
	return m.call(func(ctx context.Context) then {
		id, err := m.o.Session.Direct(ctx, user)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("msg @"+string(line(user)), err)
			}
			r := m.rooms[id]
			if r == nil {
				r = m.info(Room{ID: id, With: user, Role: bus.RoleOwner, Members: 2})
				m.sort()
			}
			cmd := m.open(r)
			if words == "" || !m.maySend() {
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

func cmdDrop(m *Model, _ []string) tea.Cmd {
	var cmds []tea.Cmd
	for _, e := range m.current.list.Held() {
		if e.State == timeline.Failed {
			cmds = append(cmds, m.drop(e))
		}
	}
	return tea.Batch(cmds...)
}

// The newest message that somebody wrote, of others or of oneself.

func cmdReply(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("reply", false, strings.Join(args, " "))
}
func cmdEdit(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("edit", true, strings.Join(args, " "))
}
func cmdReact(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("reaction", false, composer.EmojiNamed(args[0]))
}

func (m *Model) aboutNewest(kind string, mine bool, words string) tea.Cmd {
	e := m.current.list.NewestWords(mine)
	if e == nil {
		return m.say("there is no such message here")
	}
	return m.refer(kind, e.Ref, words)
}

func cmdRoom(m *Model, args []string) tea.Cmd {
	if r := m.find(args[0]); r != nil {
		return m.open(r)
	}
	return m.say("you are in no room called " + text.Line(args[0]) + ": Ctrl+K lists them")
}

func cmdFind(m *Model, args []string) tea.Cmd {
	return m.searchPanel("Find in "+m.current.title(), m.current.ID, strings.Join(args, " "))
}

func cmdSearch(m *Model, args []string) tea.Cmd {
	return m.searchPanel("Find in all rooms", bus.RoomID{}, strings.Join(args, " "))
}

func cmdSave(m *Model, args []string) tea.Cmd {
	e := m.current.list.NewestFile()
	if e == nil {
		return m.say("there is no file here; Up and o save an older one")
	}
	path := m.o.Home
	if len(args) > 0 {
		path = strings.Join(args, " ")
	}
	return m.saveTo(e, path)
}

func cmdTheme(m *Model, args []string) tea.Cmd {
	if !slices.Contains(theme.Names(), args[0]) {
		return m.say(text.Safe("themes: " + strings.Join(theme.Names(), ", ")))
	}
	m.o.Theme = args[0]
	m.setTheme(args[0])
	return m.keep()
}

func cmdVerify(m *Model, args []string) tea.Cmd {
	user, err := bus.ParseHandle(args[0])
	if err != nil {
		return m.fail("verify", err)
	}
	return m.verify(user)
}

// complete offers what goes on with the word before the cursor.
func (m *Model) complete() tea.Cmd {
	m.offered = m.box.Complete(m.completions)
	return nil
}

// completions are the names, rooms, commands and characters that begin with a
// token.
func (m *Model) completions(token string) (out []string) {
	switch {
	case strings.HasPrefix(token, ":") && len(token) > 1:
		return composer.Emoji(token)
	case strings.HasPrefix(token, "#"):
		for _, r := range m.order {
			out = append(out, string(r.title()))
		}
	case strings.HasPrefix(token, "/"):
		for _, c := range commands() {
			out = append(out, "/"+c.name)
		}
	case strings.HasPrefix(token, "@") || strings.HasPrefix(m.box.Text(), "/"):
		return m.names(token)
	}
	return composer.Beginning(token, out)
}

// names are the people whose names begin with a token: those of this room
// first.
func (m *Model) names(token string) (out []string) {
	sign := token[:len(token)-len(strings.TrimPrefix(token, "@"))]
	add := func(who bus.Handle) {
		if name := sign + string(line(who)); who != m.self && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if m.current != nil {
		for _, member := range m.current.members {
			add(member.User)
		}
	}
	for _, who := range m.people {
		add(who)
	}
	return composer.Beginning(token, out)
}
