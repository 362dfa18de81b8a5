package tui

import (
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/theme"
	"unibus/tui/timeline"
)

// Commands about messages, and about the screen.

func cmdAttach(m *Model, args []string) tea.Cmd {
	if len(args) == 0 {
		return m.openFiles()
	}
	return m.attachTyped(args[0])
}

func cmdDrop(m *Model, _ []string) tea.Cmd {
	var cmds []tea.Cmd
	for _, e := range slices.Clone(m.current.list.Held()) {
		if e.State == timeline.Failed {
			cmds = append(cmds, m.drop(m.current, e, false))
		}
	}
	if cmds == nil {
		return m.say("nothing failed here")
	}
	m.say("dropped " + text.Safe(plural(len(cmds), "message")))
	return tea.Batch(cmds...)
}

// The newest message that somebody wrote, of others or of oneself.

func cmdReply(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("reply", "reply", strings.Join(args, " "))
}
func cmdEdit(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("edit", "edit", strings.Join(args, " "))
}
func cmdReact(m *Model, args []string) tea.Cmd {
	return m.aboutNewest("react", "reaction", composer.EmojiNamed(args[0]))
}

// aboutNewest sends a record about the newest message, of an edit one's own. Where it
// cannot be sent the command is in the box again.
func (m *Model) aboutNewest(name, kind, words string) tea.Cmd {
	r := m.current
	e := r.list.NewestWords(kind == "edit")
	if e != nil && m.maySend(r) {
		return m.refer(r, kind, e.Ref, words)
	}
	m.giveBack(r, "/"+name+" "+words)
	if e == nil {
		return m.say("there is no such message here")
	}
	return nil
}

func cmdFind(m *Model, args []string) tea.Cmd {
	return m.searchPanel("Find in "+m.current.title(), m.current.ID, strings.Join(args, " "))
}

func cmdSearch(m *Model, args []string) tea.Cmd {
	return m.searchPanel("Find in all rooms", bus.RoomID{}, strings.Join(args, " "))
}

func cmdSave(m *Model, args []string) tea.Cmd {
	e := m.current.wantedFile()
	if e == nil {
		return m.say("there is no file here; select an older one first")
	}
	path := m.o.Home
	if len(args) > 0 {
		paths := splitPaths(args[0])
		if len(paths) != 1 {
			return m.say("name one path: /save PATH")
		}
		path = m.absolute(m.o.Home, paths[0])
		if sep := string(filepath.Separator); strings.HasSuffix(paths[0], sep) { // a folder is meant, and no file of its name
			path = strings.TrimSuffix(path, sep) + sep
		}
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
