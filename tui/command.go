package tui

import (
	"context"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
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

// most is how many it takes; negative: as many as one likes, as of a text.
func (c slash) most() int {
	if strings.Contains(c.args, "...") || strings.Contains(c.args, "TEXT") {
		return -1
	}
	return len(strings.Fields(c.args))
}

// tooMany says what is wrong with more arguments than a command takes; "" for nothing.
// What is about the room on the screen takes its name, and no other one.
func (m *Model) tooMany(c slash, args []string) text.Safe {
	most := c.most()
	switch {
	case most < 0 || len(args) <= most:
		return ""
	case most > 0:
		return text.Safe("write /"+c.usage()+": ") + text.Line(clip(args[most], 30)) + " is too much"
	case c.room && len(args) == 1 && m.current != nil && m.find(args[0]) == m.current:
		return ""
	case c.room && m.current != nil:
		return text.Safe("/"+c.name) + " takes nothing: it is about the room on the screen, " + m.current.title()
	}
	return text.Safe("/" + c.name + " takes nothing: " + c.help)
}

// path reports whether it takes a path.
func (c slash) path() bool { return c.args == "[FILE]" || c.args == "[PATH]" }

// commands are all of them, by name.
func commands() []slash {
	return []slash{
		{"attach", "[FILE]", "send a file", true, cmdAttach},
		{"create", "NAME", "make a room", false, cmdCreate},
		{"delete", "", "delete this room for everybody", true, cmdDelete},
		{"drop", "", "give up what failed here", true, cmdDrop},
		{"edit", "TEXT...", "change your newest message", true, cmdEdit},
		{"find", "[WORDS...]", "find in this room", true, cmdFind},
		{"help", "", "every key and command", false, func(m *Model, _ []string) tea.Cmd { return m.openHelp() }},
		{"invite", "USER...", "add people to this room", true, cmdInvite},
		{"kick", "USER", "remove somebody from this room", true, cmdKick},
		{"leave", "", "leave this room, or decline", true, cmdLeave},
		{"log", "", "who came into this room, and who went", true, cmdLog},
		{"mark", "", "mark this room as read", true, cmdMark},
		{"members", "", "who is in this room", true, func(m *Model, _ []string) tea.Cmd { return m.openMembers() }},
		{"msg", "USER [TEXT]", "write to one person", false, cmdMsg},
		{"mute", "", "be called for nothing in this room", true, notify(NotifyNone)},
		{"notify", "LEVEL", "be called for all, mentions or none", true, cmdNotify},
		{"quit", "", "leave the chat", false, func(m *Model, _ []string) tea.Cmd { return m.quit() }},
		{"react", "EMOJI", "react to the newest message", true, cmdReact},
		{"rekey", "", "make a new room key", true, cmdRekey},
		{"reply", "TEXT...", "answer the newest message", true, cmdReply},
		{"retry", "", "send what failed here again", true, func(m *Model, _ []string) tea.Cmd { return m.retryAll() }},
		{"role", "USER ROLE", "change a role", true, cmdRole},
		{"room", "NAME", "go to a room", false, cmdRoom},
		{"rooms", "", "all rooms and people", false, func(m *Model, _ []string) tea.Cmd { return m.openRooms() }},
		{"save", "[PATH]", "save the selected file, or the newest", true, cmdSave},
		{"search", "WORDS...", "find in all rooms", false, cmdSearch},
		{"theme", "NAME", "dark, light, mono or high-contrast", false, cmdTheme},
		{"unmute", "", "be called for mentions in this room", true, notify(NotifyMentions)},
		{"verify", "[USER]", "compare numbers; or check the room", false, cmdVerify},
	}
}

// command reports whether a draft is a command: it begins with one slash and a
// word. Two slashes begin a message with one.
func command(draft string) bool {
	name, slashed := strings.CutPrefix(draft, "/")
	return slashed && name != "" && name[0] != '/' && strings.TrimLeftFunc(name, unicode.IsSpace) == name && !strings.Contains(name, "\n")
}

// commandLines reports whether a draft of several lines begins with a command: whoever
// wrote it did not mean all of it for the room on the screen.
func commandLines(draft string) bool {
	if !strings.HasPrefix(draft, "/") || !strings.Contains(draft, "\n") {
		return false
	}
	name := strings.Fields(draft)[0][1:]
	return slices.ContainsFunc(commands(), func(c slash) bool { return strings.EqualFold(c.name, name) })
}

// unescaped is what is sent of a draft: without the first of two slashes.
func unescaped(draft string) string {
	if strings.HasPrefix(draft, "//") {
		return draft[1:]
	}
	return draft
}

// escaped is the draft of which words are sent.
func escaped(words string) string {
	if command(words) || commandLines(words) || strings.HasPrefix(words, "//") {
		return "/" + words
	}
	return words
}

// runCommand does what was typed; what it cannot do goes back into the box.
func (m *Model) runCommand(draft string) tea.Cmd {
	words := strings.Fields(strings.TrimPrefix(draft, "/"))
	i := slices.IndexFunc(commands(), func(c slash) bool { return c.name == words[0] })
	if i < 0 {
		m.box.Set(draft)
		return m.say("there is no command /" + text.Line(clip(words[0], 30)) + ": /help lists them; // sends a slash")
	}
	c := commands()[i]
	args := c.arguments(draft, words[1:])
	much := m.tooMany(c, args)
	switch {
	case much != "":
		m.box.Set(draft)
		return m.say(much)
	case len(words)-1 < c.least():
		m.box.Set(draft)
		return m.say(text.Safe("write /" + c.usage() + ": " + c.help))
	case c.room && m.current == nil:
		return m.say("there is no room on the screen")
	case c.room && m.current.dead:
		m.box.Set(draft)
		return m.say(m.current.readOnly())
	}
	return c.run(m, args)
}

// arguments are the words behind a command; a path is one, with its blanks.
func (c slash) arguments(draft string, words []string) []string {
	if !c.path() || len(words) == 0 {
		return words
	}
	return []string{strings.TrimSpace(strings.TrimPrefix(draft, "/"+c.name))}
}

// inRoom runs a call about the room on the screen.
func (m *Model) inRoom(what string, done text.Safe, f func(ctx context.Context, id bus.RoomID) error) tea.Cmd {
	id := m.current.ID
	return m.try(what, done, func(ctx context.Context) error { return f(ctx, id) })
}
