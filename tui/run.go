package tui

import (
	"context"
	"errors"
	"io"

	tea "charm.land/bubbletea/v2"
)

// Terminal is where a chat is shown. For Run both ends must be terminals.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	Env []string // its variables, as TERM and COLORTERM
	// Width and Height are its size in cells. Where they are 0 the screen asks for
	// them itself; lines are cut at Width only where it is not 0.
	Width, Height int
}

// Run shows the screen until the person quits, ctx ends or the terminal is
// gone. What was to be kept is kept by then.
func Run(ctx context.Context, t Terminal, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := New(ctx, o)
	program := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out), tea.WithEnvironment(t.Env),
		tea.WithWindowSize(t.Width, t.Height), tea.WithoutSignalHandler())
	m.attachPump(ctx, func(b batchMsg) { program.Send(b) })
	_, err := program.Run()
	if ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled) {
		err = nil
	}
	return errors.Join(err, m.keepLast(ctx))
}

// attachPump begins to read the session's events, once it is resumed.
func (m *Model) attachPump(ctx context.Context, send func(batchMsg)) {
	m.pump = &pump{in: m.o.Session.Events(), send: send}
	m.startPump = func() { go m.pump.run(ctx) }
}
