package tui

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/overlay"
)

// attachTyped sends the files that somebody typed the paths of; what cannot be
// sent goes back into the box. What has a backslash may be a path as it is: where that
// is there, it is the one that is meant.
func (m *Model) attachTyped(typed string) tea.Cmd {
	from, paths, asIs := m.where(), splitPaths(typed), m.absolute(m.o.Home, typed)
	if slices.Equal(paths, []string{typed}) || strings.HasPrefix(typed, "'") || strings.HasPrefix(typed, `"`) {
		return m.attachAll(from, typed, paths)
	}
	return m.inOrder(func(context.Context) then {
		if m.onDisk(asIs) {
			paths = []string{typed}
		}
		return func(m *Model) tea.Cmd {
			behind := m.lane.waiting // what was sent after it
			m.lane.waiting = nil
			cmd := m.attachAll(from, typed, paths)
			m.lane.waiting = append(m.lane.waiting, behind...)
			return cmd
		}
	})
}

// attachAll sends files, or opens the first folder among them.
func (m *Model) attachAll(from spot, typed string, paths []string) tea.Cmd {
	var cmds []tea.Cmd
	for _, path := range paths {
		if strings.HasSuffix(path, string(filepath.Separator)) {
			return tea.Batch(append(cmds, m.openFolder(from, m.absolute(m.o.Home, path)))...)
		}
		cmds = append(cmds, m.attach(from.room, m.absolute(m.o.Home, path), "/attach "+typed))
	}
	return tea.Batch(cmds...)
}

// onDisk reports whether something has a path. It is for calls.
func (m *Model) onDisk(path string) bool {
	entries, _ := m.o.ReadDir(filepath.Dir(path)) // a folder that cannot be read shows nothing
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == filepath.Base(path) })
}

// attach sends a file of this machine to a room. Where that is refused, typed goes back
// into an empty box.
func (m *Model) attach(r *room, path, typed string) tea.Cmd {
	if !m.maySend(r) {
		m.giveBack(r, typed)
		return nil
	}
	room, id, name := r.ID, newID(), filepath.Base(path)
	d := Draft{Room: room, ID: id, Kind: "file", Text: name}
	r.list.Hold(m.fold(r).held(Outgoing{Draft: d, Made: m.o.Now(), Size: sizeUnknown}))
	r.list.Bottom()
	return m.inOrder(func(ctx context.Context) then {
		err := m.o.Session.Attach(ctx, room, id, path)
		return func(m *Model) tea.Cmd {
			if err == nil {
				return nil
			}
			r.list.Forget(id)
			m.giveBack(r, typed)
			return m.fail("attach "+string(text.Line(name)), err)
		}
	})
}

// openFiles lists the folder that one was in last.
func (m *Model) openFiles() tea.Cmd {
	if !m.maySend(m.current) {
		return nil
	}
	return m.openFolder(m.where(), m.folder)
}

// What a list of files says where it is empty.
const (
	noFileHere = "nothing here is called that; a path looks elsewhere"
	takesFile  = "Enter attaches or opens a folder  Esc"
)

// openFolder lists a folder for somebody at a spot: files go to that room. What is typed
// picks from it; a path lists another one. Who did not wait for a slow disk gets no list:
// what he types would pick from it.
func (m *Model) openFolder(from spot, folder string) tea.Cmd {
	r := from.room
	return m.call(func(context.Context) then {
		items, err := m.readFolder(folder, "")
		return func(m *Model) tea.Cmd {
			if !m.still(from) {
				return m.say("the list of files came late: Ctrl+T")
			}
			above := overlay.Item{Label: "../", Detail: "the folder above", Value: filepath.Dir(folder)}
			items = slices.Insert(items, 0, above)
			if err != nil {
				items = slices.Insert(items, 0, overlay.Item{Head: true, Label: err.words})
			}
			p := &panel{room: r, picker: overlay.NewPicker("Attach from "+text.Line(folder), takesFile, items)}
			p.take = func(m *Model, item overlay.Item) tea.Cmd { return m.takeFile(r, item) }
			p.picker.Empty = noFileHere
			p.typed = func(m *Model, typed string) tea.Cmd { return m.listTyped(p, folder, items, typed) }
			return m.push(p)
		}
	})
}

// listTyped lists what begins with a path that was typed or pasted; what is no path
// picks from the folder that was opened.
func (m *Model) listTyped(p *panel, opened string, here []overlay.Item, typed string) tea.Cmd {
	if !isPath(typed) {
		p.picker.Found, p.picker.Empty = false, noFileHere
		p.picker.Set(here)
		return nil
	}
	words := splitPaths(typed)
	if len(words) != 1 {
		p.picker.Found, p.picker.Empty = true, "one file at a time"
		p.picker.Set(nil)
		return nil
	}
	folder, begins := m.place(opened, words[0])
	return m.call(func(context.Context) then {
		items, err := m.readFolder(folder, begins)
		return func(m *Model) tea.Cmd {
			if typed != strings.TrimSpace(string(p.picker.Query)) {
				return nil
			}
			p.picker.Found, p.picker.Empty = true, string(nothingCalled(begins))
			if err != nil {
				p.picker.Empty = string(err.words)
			}
			p.picker.Set(items)
			return nil
		}
	})
}

// nothingCalled says that a folder has nothing of a name.
func nothingCalled(begins string) text.Safe {
	if begins == "" {
		return "there is nothing to attach in it"
	}
	return "nothing there begins with " + text.Line(begins)
}

// folderFault is why a folder is not listed.
type folderFault struct{ words text.Safe }

// readFolder lists what begins with a name in a folder: folders first, hidden files
// only where the name says so. It is for calls.
func (m *Model) readFolder(folder, begins string) (items []overlay.Item, fault *folderFault) {
	entries, err := m.o.ReadDir(folder)
	if err != nil {
		return nil, &folderFault{whyNot(err)}
	}
	var files []overlay.Item
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch {
		case len(composer.Beginning(begins, []string{e.Name()})) == 0:
		case strings.HasPrefix(e.Name(), ".") && begins == "":
		case e.IsDir():
			items = append(items, overlay.Item{Label: text.Line(e.Name()) + "/", Value: path})
		case e.Type().IsRegular():
			files = append(files, overlay.Item{Label: text.Line(e.Name()), Detail: sizeOf(e), Value: path})
		}
	}
	return slices.Concat(items, files), nil
}

// sizeOf is the size of a file in a folder, "" where it cannot be read.
func sizeOf(e fs.DirEntry) text.Safe {
	info, err := e.Info()
	if err != nil {
		return ""
	}
	return text.Safe(bytesOf(info.Size()))
}

// whyNot says why a folder cannot be read.
func whyNot(err error) text.Safe {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such folder"
	case errors.Is(err, fs.ErrPermission):
		return "you may not look into this folder"
	}
	return "this is no folder that can be read"
}

// takeFile sends a file to a room, or goes on in a folder.
func (m *Model) takeFile(r *room, item overlay.Item) tea.Cmd {
	path := item.Value.(string)
	if strings.HasSuffix(string(item.Label), "/") {
		from := m.where()
		from.room = r
		return m.openFolder(from, path)
	}
	m.folder = filepath.Dir(path)
	return m.attach(r, path, "")
}

// completePath goes on with a path that is typed behind a command: from is where
// it begins in the box.
func (m *Model) completePath(typed string, from int) tea.Cmd {
	words, before := splitPaths(typed), m.box.Before()
	word := ""
	switch len(words) {
	case 0:
	case 1:
		word = words[0]
	default:
		return m.say("one file at a time is completed")
	}
	folder, begins := m.place(m.o.Home, word)
	m.ahead.waits = true
	return m.call(func(context.Context) then {
		items, fault := m.readFolder(folder, begins)
		return func(m *Model) tea.Cmd {
			switch {
			case m.box.Before() != before: // the person did not wait
			case fault != nil:
				m.say(fault.words)
			default:
				m.offered = m.box.Offer(from, paths(strings.TrimSuffix(word, begins), items))
				m.sayOffered(begins, len(items))
			}
			return m.goOn()
		}
	})
}

// sayOffered says why there is nothing to go on with.
func (m *Model) sayOffered(begins string, found int) {
	switch {
	case found == 0:
		m.say(nothingCalled(begins))
	case m.offered == nil:
		m.say("its name cannot be typed: Ctrl+T shows it")
	}
}

// paths are items as one types them behind the folder that they are in. A name that
// cannot be typed is none of them.
func paths(in string, items []overlay.Item) (out []string) {
	for _, item := range items {
		path := item.Value.(string)
		if name := filepath.Base(path); string(text.Line(name)) == name {
			end := ""
			if strings.HasSuffix(string(item.Label), "/") {
				end = string(filepath.Separator)
			}
			out = append(out, escapePath(in+name+end))
		}
	}
	return out
}
