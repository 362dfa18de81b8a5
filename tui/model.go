package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/composer"
	"unibus/tui/theme"
	"unibus/tui/timeline"
)

// Model is the whole screen. It belongs to one program.
type Model struct {
	o         Options
	ctx       context.Context // ends with the program
	keys      keymap
	pump      *pump
	startPump func()
	later     func(time.Duration, tea.Msg) tea.Cmd // tells the time, in tests as they like
	exec      func(tea.ExecCommand, tea.ExecCallback) tea.Cmd

	width, height int
	cells         cells.Method
	theme         theme.Theme
	focused       bool
	hideSide      bool
	hideMembers   bool
	bare          bool
	newlineKey    string // the shortest key for a new line that this terminal knows

	self    bus.Handle
	resumed bool
	rooms   map[bus.RoomID]*room
	order   []*room
	current *room
	people  []bus.Handle
	conn    Conn
	posture *bus.Posture

	box       composer.Box
	about     about
	panels    []*panel
	transfers map[bus.RecordID]*transfer
	toast     toast
	offered   []string // completions, shown until the next key
	ahead     ahead
	quitting  bool // Ctrl+C was pressed in an empty box
	leaving   bool // quit was asked for
	kept      bool // for the next start, by quit
	ticking   bool
	busy      int   // calls of the session that are under way
	from      *room // that the answer belongs to which is taken now, nil for none
	lane      lane
	alerted   time.Time
	unsent    map[bus.RecordID]Draft    // what the outbox did not take
	folder    string                    // that a file was attached from last
	pending   map[bus.RoomID]RoomMemory // of rooms that have not shown up yet
	numbered  string                    // the key that asked for a room by its number
}

// about is the message that a draft answers or changes.
type about struct {
	kind string // "reply", "edit" or ""
	ref  bus.RecordRef
	note text.Safe
}

// New returns a screen. It shows nothing of the session before Init's command
// has run.
func New(ctx context.Context, o Options) *Model {
	m := &Model{o: o, ctx: ctx, keys: newKeymap(), cells: cells.Runes, focused: true, newlineKey: "Alt+Enter", folder: o.Home,
		rooms: map[bus.RoomID]*room{}, transfers: map[bus.RecordID]*transfer{}, pending: map[bus.RoomID]RoomMemory{},
		unsent: map[bus.RecordID]Draft{}}
	m.later = func(d time.Duration, msg tea.Msg) tea.Cmd {
		return tea.Tick(d, func(time.Time) tea.Msg { return msg })
	}
	m.exec = tea.Exec
	m.defaults()
	m.setTheme(o.Theme)
	return m
}

// setTheme draws everything in a theme; an unknown name is the dark one.
func (m *Model) setTheme(name string) {
	th, ok := theme.ByName(name)
	if !ok {
		th, _ = theme.ByName("dark")
	}
	if m.o.Mono {
		th, _ = theme.ByName("mono")
	}
	m.theme = th
	m.relook()
}

// look is how timelines are drawn now.
func (m *Model) look() timeline.Look {
	return timeline.Look{Theme: m.theme, Cells: m.cells, Zone: m.o.Zone, Size: bytesOf}
}

func (m *Model) relook() {
	for _, r := range m.rooms {
		r.list.SetLook(m.look())
	}
}

// Init asks for what is known and for what the terminal is.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.resume(), tea.RequestBackgroundColor)
}

func (m *Model) resume() tea.Cmd {
	return m.call(func(ctx context.Context) then {
		start, err := m.o.Session.Resume(ctx)
		return func(m *Model) tea.Cmd {
			if err != nil {
				m.conn = Conn{State: Ended, Err: err}
				return nil
			}
			return m.begin(start)
		}
	})
}

// begin shows what is known.
func (m *Model) begin(s Start) tea.Cmd {
	m.resumed, m.self, m.people = true, s.Self, s.People
	m.hideSide, m.hideMembers = s.Memory.HideSide, s.Memory.HideMembers
	if m.o.Theme == "" && s.Memory.Theme != "" {
		m.o.Theme = s.Memory.Theme
		m.setTheme(s.Memory.Theme)
	}
	m.pending = s.Memory.Rooms
	for _, info := range s.Rooms {
		m.info(info)
	}
	for _, o := range s.Outgoing {
		m.outgoing(o)
	}
	m.sort()
	if m.pump != nil {
		m.pump.self = s.Self
		m.startPump()
	}
	return m.firstRoom(s.Memory.Room)
}

// firstRoom opens the room that was asked for, else that of the last time,
// else the first one.
func (m *Model) firstRoom(last bus.RoomID) tea.Cmd {
	if m.o.With != "" {
		return m.direct(m.o.With)
	}
	for _, id := range []bus.RoomID{m.o.Room, last} {
		if r := m.rooms[id]; r != nil {
			return m.open(r)
		}
	}
	if len(m.order) > 0 {
		return m.open(m.order[0])
	}
	return nil
}

// info takes what is known of a room now.
func (m *Model) info(info Room) *room {
	r := m.rooms[info.ID]
	if dead := m.current; r == nil && dead != nil && dead.dead && dead.ID == info.ID {
		dead.dead, r = false, dead // it is here again, as who wrote in it sees it
		m.rooms[info.ID] = r
		m.order = append(m.order, r)
	}
	if r == nil {
		r = newRoom(info)
		r.list.SetLook(m.look())
		old := m.pending[info.ID]
		r.draft, r.anchor, r.notify = old.Draft, old.Anchor, old.Notify
		m.rooms[info.ID] = r
		m.order = append(m.order, r)
		return r
	}
	if info.Last > r.Last && r.loaded {
		r.behind = r.behind || r.list.Following()
		r.newer = true
		r.list.Open(true)
	}
	if r.Gone != "" && info.Gone == "" {
		r.mend()
	}
	info.Last = max(info.Last, r.Last)
	r.Room, r.shown = info, titleOf(info)
	if r == m.current && m.watching() {
		r.Unread, r.Mentions = 0, 0
	}
	return r
}

// sort puts the rooms in their order. Two of the same name get a piece of their
// ids: anybody can call a room as one's own is called, and add people to it.
func (m *Model) sort() {
	names := map[text.Safe]int{}
	for _, r := range m.order {
		r.shown = titleOf(r.Room)
		names[r.shown]++
	}
	for _, r := range m.order {
		if names[r.shown] > 1 {
			r.shown += "~" + text.Safe(r.ID.String()[:4])
		}
	}
	slices.SortFunc(m.order, byPlace)
}

// forget takes a room out of the side bar. The one on the screen stays there as a dead
// one until the person goes elsewhere: whoever is typing would go on in another.
func (m *Model) forget(id bus.RoomID) tea.Cmd {
	r := m.rooms[id]
	if r == nil {
		return nil
	}
	delete(m.rooms, id)
	m.order = slices.DeleteFunc(m.order, func(o *room) bool { return o == r })
	m.sort()
	r.dead, r.Invited = true, false
	m.panels = slices.DeleteFunc(m.panels, func(p *panel) bool { return p.room == r })
	if r != m.current {
		return nil
	}
	return m.say(r.title() + " is gone: choose another, Ctrl+K or /rooms")
}

// memory is what to keep for the next start.
func (m *Model) memory() Memory {
	mem := Memory{Theme: m.o.Theme, HideSide: m.hideSide, HideMembers: m.hideMembers, Rooms: map[bus.RoomID]RoomMemory{}}
	if m.current != nil && !m.current.dead {
		mem.Room = m.current.ID
		m.current.draft = m.draft()
	}
	for id, r := range m.pending {
		mem.Rooms[id] = r
	}
	for id, r := range m.rooms {
		if one := (RoomMemory{Draft: r.draft, Anchor: r.list.Anchor(), Notify: r.notify}); one != (RoomMemory{}) {
			mem.Rooms[id] = one
		} else {
			delete(mem.Rooms, id)
		}
	}
	return mem
}

// watching reports whether the person sees the newest messages of the room on
// the screen.
func (m *Model) watching() bool {
	return m.focused && m.current != nil && !m.current.dead && m.current.list.Following() && !m.current.newer && !m.current.Invited
}
