package tui

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"unibus/internal/bus"
)

var noon = time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)

// fake is a Session in memory. It does what the contract says, and fails where
// a test says so.
type fake struct {
	mu     sync.Mutex
	start  Start
	events chan []Event
	pages  map[bus.RoomID][]bus.Event
	people map[bus.RoomID][]Member
	fail   map[string]error // by the name of the call
	calls  []string
	kept   Memory
	code   string // of a comparison, for a camera
	lies   bool   // what the node tells does not hold

	attached bus.RecordID // last
}

func newFake() *fake {
	return &fake{events: make(chan []Event, 16), pages: map[bus.RoomID][]bus.Event{}, people: map[bus.RoomID][]Member{}, fail: map[string]error{}}
}

func (f *fake) did(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	name, _, _ := strings.Cut(call, " ")
	return f.fail[name]
}

func (f *fake) Resume(context.Context) (Start, error) { return f.start, f.did("Resume") }
func (f *fake) Events() <-chan []Event                { return f.events }
func (f *fake) Keep(_ context.Context, m Memory) error {
	f.mu.Lock()
	f.kept = m
	f.mu.Unlock()
	return f.did("Keep")
}
func (f *fake) Retry(_ context.Context, r bus.RoomID, id bus.RecordID) error {
	return f.did("Retry %d", id[0])
}
func (f *fake) Drop(_ context.Context, r bus.RoomID, id bus.RecordID) error {
	return f.did("Drop %d", id[0])
}
func (f *fake) Mark(_ context.Context, r bus.RoomID, seq uint64) error {
	return f.did("Mark %s %d", f.name(r), seq)
}

func (f *fake) name(id bus.RoomID) string { return string('a' + rune(id[0]) - 1) }

func (f *fake) History(_ context.Context, id bus.RoomID, s Span) (Page, error) {
	if err := f.did("History %s %d %d", f.name(id), s.Before, s.After); err != nil {
		return Page{}, err
	}
	all := f.pages[id]
	at := func(seq uint64) int { // where a sequence stands; the others have none
		return slices.IndexFunc(all, func(e bus.Event) bool { return newest([]bus.Event{e}) >= seq })
	}
	if s.After > 0 {
		from := at(s.After + 1)
		if from < 0 {
			return Page{}, nil
		}
		to := min(from+s.Limit, len(all))
		return Page{Events: all[from:to], More: to < len(all)}, nil
	}
	to := len(all)
	if i := at(s.Before); s.Before > 0 && i >= 0 {
		to = i
	}
	from := max(to-s.Limit, 0)
	return Page{Events: all[from:to], More: from > 0}, nil
}

func (f *fake) Search(_ context.Context, q Query) (out []bus.Message, err error) {
	for _, events := range f.pages {
		for _, e := range slices.Backward(events) {
			if e.Message != nil && strings.Contains(e.Message.Text, q.Words) && (q.Room == bus.RoomID{} || q.Room == e.Message.Room) && len(out) < q.Limit {
				out = append(out, *e.Message)
			}
		}
	}
	return out, f.did("Search %s", q.Words)
}

func (f *fake) Send(_ context.Context, d Draft) error {
	about := ""
	if d.About != nil {
		about = fmt.Sprintf(" about %d", d.About.Number)
	}
	return f.did("Send %s %s%s: %s", f.name(d.Room), d.Kind, about, d.Text)
}

func (f *fake) Create(_ context.Context, name string) (bus.RoomID, error) {
	return bus.RoomID{20}, f.did("Create %s", name)
}
func (f *fake) Direct(_ context.Context, who bus.Handle) (bus.RoomID, error) {
	return bus.RoomID{21}, f.did("Direct %s", who)
}
func (f *fake) Look(_ context.Context, r bus.RoomID) error { return f.did("Look %s", f.name(r)) }
func (f *fake) Open(_ context.Context, r bus.RoomID) error { return f.did("Open %s", f.name(r)) }
func (f *fake) Members(_ context.Context, r bus.RoomID) ([]Member, error) {
	return f.people[r], f.fail["Members"]
}
func (f *fake) Invite(_ context.Context, r bus.RoomID, users ...bus.Handle) error {
	return f.did("Invite %s %v", f.name(r), users)
}
func (f *fake) Kick(_ context.Context, r bus.RoomID, u bus.Handle) error {
	return f.did("Kick %s %s", f.name(r), u)
}
func (f *fake) SetRole(_ context.Context, r bus.RoomID, u bus.Handle, role bus.RoomRole) error {
	return f.did("SetRole %s %s %s", f.name(r), u, role)
}
func (f *fake) Rekey(_ context.Context, r bus.RoomID) error  { return f.did("Rekey %s", f.name(r)) }
func (f *fake) Leave(_ context.Context, r bus.RoomID) error  { return f.did("Leave %s", f.name(r)) }
func (f *fake) Delete(_ context.Context, r bus.RoomID) error { return f.did("Delete %s", f.name(r)) }

func (f *fake) Compare(_ context.Context, u bus.Handle) (Comparison, error) {
	number := "12345 67890 11111 22222 33333 44444 55555 66666 77777 88888 99999 00000"
	return Comparison{User: u, Number: number, Trust: bus.TrustUnverified, QR: f.code}, f.did("Compare %s", u)
}
func (f *fake) Log(_ context.Context, r bus.RoomID) ([]Change, error) {
	return []Change{{Time: noon, By: "alice", What: "remove", Epoch: 7, Who: "-dave"}, {Time: noon.Add(-time.Hour), By: "alice", What: "create", Epoch: 1, Who: "+alice"}},
		f.did("Log %s", f.name(r))
}
func (f *fake) Check(_ context.Context, r bus.RoomID) ([]Finding, error) {
	return []Finding{{"room log", true, "9 entries"}, {"messages", !f.lies, "14 frames"}}, f.did("Check %s", f.name(r))
}
func (f *fake) Decide(_ context.Context, c Comparison, same bool) error {
	return f.did("Decide %s %v", c.User, same)
}
func (f *fake) Attach(_ context.Context, r bus.RoomID, id bus.RecordID, path string) error {
	f.attached = id
	return f.did("Attach %s %s", f.name(r), path)
}
func (f *fake) Save(_ context.Context, id bus.RecordID, file bus.File, path string) error {
	return f.did("Save %s %s", file.Name, path)
}
func (f *fake) Cancel(context.Context, bus.RecordID) error { return f.did("Cancel") }

var _ Session = (*fake)(nil)

// Rooms and messages to tell of.

var (
	ops, general, incident, ci = bus.RoomID{1}, bus.RoomID{2}, bus.RoomID{3}, bus.RoomID{4}
	alice, carol, design       = bus.RoomID{5}, bus.RoomID{6}, bus.RoomID{7}
)

// said is message n of a room.
func said(room bus.RoomID, n int, from bus.Handle, words string) *bus.Message {
	return &bus.Message{Room: room, Seq: uint64(n), Number: n, Records: 1, ID: bus.RecordID{byte(n), byte(n >> 8), byte(n >> 16), room[0], 1},
		From: from, Trust: bus.TrustVerified, Epoch: 7, Time: noon.Add(time.Duration(n-20) * time.Minute), Kind: "text", Text: words}
}

func (f *fake) has(m *bus.Message) *bus.Message {
	f.pages[m.Room] = append(f.pages[m.Room], bus.Event{Message: m})
	return m
}

// about makes m a change of, or an answer to, message n.
func about2(m *bus.Message, kind string, n int) *bus.Message {
	m.Kind, m.ReplyTo = kind, &bus.RecordRef{Number: n}
	return m
}

func happens(m *bus.Message) Event { return Event{Room: m.Room, Happened: &bus.Event{Message: m}} }

// staged is a session as in the mock-up of the design.
func staged() *fake {
	f := newFake()
	room := func(id bus.RoomID, name string) Room {
		return Room{ID: id, Name: name, Role: bus.RoleMember, Epoch: 7, EpochSince: noon.Add(-3 * time.Hour), Members: 5, Unverified: 1, Last: 14, Read: 14}
	}
	start := Start{Self: "bob", People: []bus.Handle{"alice", "bob", "carol", "dave", "erin", "mallory"}}
	start.Rooms = []Room{room(ops, "ops"), room(general, "general"), room(incident, "incident-42"), room(ci, "ci")}
	start.Rooms[1].Unread, start.Rooms[1].Read = 3, 11
	start.Rooms[2].Unread, start.Rooms[2].Mentions = 12, 2
	start.Rooms[3].Unread = 104
	a, c, d := room(alice, ""), room(carol, ""), room(design, "design")
	a.With, a.Members, a.Unread, a.Mentions = "alice", 2, 1, 1
	c.With, c.Members = "carol", 2
	d.Invited, d.By = true, "alice"
	start.Rooms = append(start.Rooms, a, c, d)
	start.Memory = Memory{Room: ops, Rooms: map[bus.RoomID]RoomMemory{ci: {Notify: NotifyNone}}}
	f.start = start
	f.people[ops] = []Member{{"alice", bus.RoleOwner, bus.TrustVerified, false}, {"bob", bus.RoleMember, bus.TrustVerified, false},
		{"carol", bus.RoleMember, bus.TrustVerified, false}, {"erin", bus.RoleMember, bus.TrustUnverified, false}, {"frank", bus.RoleReader, bus.TrustUnverified, true}}
	f.talk()
	return f
}

// talk fills #ops.
func (f *fake) talk() {
	f.has(said(ops, 1, "alice", "the staging cluster is green again, all three nodes enforce"))
	for i, who := range []bus.Handle{"bob", "carol", "erin"} {
		f.has(about2(said(ops, 2+i, who, "+1"), "reaction", 1))
	}
	f.has(about2(said(ops, 5, "carol", "shall I take node-3 down?"), "reply", 1))
	f.pages[ops] = append(f.pages[ops], bus.Event{Epoch: &bus.EpochEvent{Epoch: 7, By: "alice", Op: "remove", Time: noon}},
		bus.Event{Member: &bus.MemberEvent{User: "dave", Change: bus.MemberRemoved, By: "alice", Time: noon}})
	f.has(said(ops, 6, "erin", "hi, I was invited this morning")).Trust = bus.TrustUnverified
	file := f.has(said(ops, 7, "carol", ""))
	file.Kind, file.File = "file", &bus.File{Name: "report.pdf", Size: 1258291, Ref: "blob:x"}
	f.has(about2(said(ops, 8, "carol", "shall I take node-3 down now?"), "edit", 5))
	f.has(said(ops, 9, "bob", "yes, after the backup ran"))
	f.has(said(ops, 10, "alice", "@bob can you check the rekey of #ops before the deploy?"))
	f.has(about2(said(ops, 11, "carol", "on it"), "reply", 10))
	f.has(said(ops, 12, "carol", "a message that was sent by mistake"))
	f.has(about2(said(ops, 13, "alice", ""), "delete", 12))
	f.has(said(ops, 14, "alice", "done, thanks"))
	for n := 1; n <= 14; n++ {
		f.has(said(general, n, "carol", fmt.Sprint("message ", n, " of general")))
	}
}

// folder is what a file picker sees.
func homeFolder(string) ([]fs.DirEntry, error) {
	disk := fstest.MapFS{"report.pdf": {Data: make([]byte, 2048)}, "site.tar": {Data: make([]byte, 10)}, ".secret": {}, "notes/a": {}}
	return disk.ReadDir(".")
}
