package tui

import (
	"io/fs"
	"os"
	"time"

	"unibus/internal/bus"
)

// Options is what a screen is made of.
type Options struct {
	Session Session
	Now     func() time.Time // nil: time.Now
	Zone    *time.Location   // of the times that are shown; nil: that of this machine
	Theme   string           // "" for that of the last time, or one that fits the terminal
	Mono    bool             // no colours, whatever the theme: NO_COLOR
	Room    bus.RoomID       // to begin with; zero: that of the last time
	With    bus.Handle       // or the room of two with somebody, made if need be
	Mouse   bool
	Alert   Alert
	Editor  []string                                   // what Ctrl+O runs, with its arguments; nil: nothing
	Tilde   string                                     // what ~ stands for in a path; "": nothing
	Home    string                                     // the folder that files are picked from and saved to
	Temp    string                                     // the folder of drafts that are edited, readable by nobody else
	ReadDir func(folder string) ([]fs.DirEntry, error) // nil: os.ReadDir
}

// defaults fills in what most callers do not care about.
func (m *Model) defaults() {
	if m.o.Now == nil {
		m.o.Now = time.Now
	}
	if m.o.Zone == nil {
		m.o.Zone = time.Local
	}
	if m.o.ReadDir == nil {
		m.o.ReadDir = os.ReadDir
	}
}
