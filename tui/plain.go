package tui

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/overlay"
)

// plain is the other front of a Model: lines that are only ever added, for
// screen readers, slow links and terminals that can do no more. What is typed
// is a message, a command, or the answer to the list or question above it.
type plain struct {
	m      *Model
	out    *bufio.Writer
	msgs   chan tea.Msg
	ctx    context.Context
	width  int          // of the terminal, 0: not known
	shown  *room        // whose messages were printed
	begun  bool         // its first page was printed
	unread int          // in it when it was opened
	conn   Conn         // as it was printed
	said   int          // the number of the last notice that was printed
	asked  atomic.Int64 // questions that could be answered so far
	early  bool         // the line was read before the last of them
}

// input is a line that was typed.
type input struct {
	words string
	asked int64 // how many questions could be answered when it was read
}

// RunPlain speaks in lines until the input ends, the person quits or ctx ends.
func RunPlain(ctx context.Context, t Terminal, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.Alert != AlertNever {
		o.Alert = AlertBell
	}
	o.Editor = nil
	p := &plain{m: New(ctx, o), out: bufio.NewWriter(t.Out), width: t.Width, msgs: make(chan tea.Msg), ctx: ctx}
	p.m.attachPump(ctx, func(b batchMsg) { p.send(b) })
	lines := make(chan input)
	go p.readLines(t.In, lines)
	p.run(p.m.resume())
	if err := p.loop(lines); err != nil {
		return err
	}
	if !p.m.resumed {
		return p.m.conn.Err
	}
	return p.m.keepLast(ctx)
}

// readLines hands on what is typed, a line at a time. The next one is read before
// anything is done about this one: what was pasted behind a command was there before
// the question that the command leads to.
func (p *plain) readLines(in io.Reader, lines chan<- input) {
	defer close(lines)
	s := bufio.NewScanner(in)
	s.Buffer(nil, 2*composer.MaxDraft)
	for s.Scan() {
		select {
		case lines <- input{s.Text(), p.asked.Load()}:
		case <-p.ctx.Done():
			return
		}
	}
}

// send hands a message to the loop.
func (p *plain) send(msg tea.Msg) {
	select {
	case p.msgs <- msg:
	case <-p.ctx.Done():
	}
}

// run does a command off the loop; what it found out comes back as a message.
func (p *plain) run(cmd tea.Cmd) {
	if cmd != nil {
		go func() { p.send(cmd()) }()
	}
}

// loop takes what comes, and a line when what the one before asked for is
// under way or done: a script's lines go where they were meant to go.
func (p *plain) loop(lines <-chan input) error {
	for ended := false; ; {
		if err := p.out.Flush(); err != nil {
			return err
		}
		idle := p.m.busy == 0
		if !p.m.resumed && idle && p.m.conn.State == Ended {
			return nil
		}
		if ended && idle {
			ended = false
			p.update(then((*Model).quit))
		}
		typed := lines
		if !idle {
			typed = nil
		}
		select {
		case <-p.ctx.Done():
			return nil
		case line, ok := <-typed:
			if !ok {
				lines, ended = nil, true
				continue
			}
			p.early = line.asked < p.asked.Load()
			p.update(then(func(*Model) tea.Cmd { return p.typed(line.words) }))
		case msg := <-p.msgs:
			if _, over := msg.(tea.QuitMsg); over {
				return nil
			}
			p.take(msg)
		}
	}
}

// take handles what came from a command or from the session.
func (p *plain) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, cmd := range msg {
			p.run(cmd)
		}
	case tea.RawMsg:
		_, _ = p.out.WriteString("\a")
	case batchMsg:
		p.batch(msg)
	default:
		p.update(msg)
	}
}

// update gives a message to the model and prints what it has to say.
func (p *plain) update(msg tea.Msg) {
	_, cmd := p.m.Update(msg)
	p.run(cmd)
	p.room()
	p.notices()
	p.panel()
	p.run(p.m.ready()) // what was printed may have covered a question
}

// batch takes the session's events one by one: each is printed as it changes
// the model.
func (p *plain) batch(b batchMsg) {
	for i := range b.events {
		e := &b.events[i]
		after := p.before(e)
		p.update(batchMsg{events: b.events[i : i+1]})
		after()
		p.connection()
	}
	if len(b.lost) > 0 || b.ended {
		p.update(batchMsg{lost: b.lost, ended: b.ended})
		p.connection()
	}
}

// typed does what a line asks for.
func (p *plain) typed(line string) tea.Cmd {
	if panel := p.m.panel(); panel != nil {
		return p.answer(panel, strings.TrimSpace(line))
	}
	if !p.m.box.Empty() {
		p.m.box.Clear()
	}
	if cmd := p.m.insert(line); cmd != nil || p.m.box.Empty() && !(p.m.current != nil && p.m.current.Invited) {
		return cmd
	}
	if r := p.m.current; r != nil && r.Invited && !p.m.box.Empty() && !command(line) {
		p.m.maySend(p.m.current) // it says that only an empty line opens it
		return nil
	}
	return p.m.enter()
}

// answer takes the answer to a list, by its number, or to a question.
func (p *plain) answer(panel *panel, line string) tea.Cmd {
	if panel.picker != nil && panel.picker.Found && !panel.told {
		panel.picker.Erase()
		return p.m.panelType(panel, line)
	}
	if panel.question != nil {
		return p.decide(panel.question, line)
	}
	p.m.closePanel()
	n, err := strconv.Atoi(line)
	items := panel.picker.Items()
	switch {
	case err != nil && line != "": // who writes on does not want the list
		return p.typed(line)
	case err != nil || n < 1 || n > len(items) || items[n-1].Head:
		return nil
	}
	if msg, found := items[n-1].Value.(bus.Message); found {
		return p.found(msg)
	}
	return panel.take(p.m, items[n-1])
}

// decide takes the answer to a question, and says what stays as it is where it is
// none: nothing that was typed is lost without a word.
func (p *plain) decide(q *question, line string) tea.Cmd {
	p.m.closePanel()
	if !q.counts() || p.early {
		p.say("typed before the question could be read, so it counts for nothing: " + q.kept)
		return nil
	}
	do, why := q.take(answered(line))
	switch {
	case line == "":
		p.say(q.kept)
	case do == nil:
		p.say(why + "; it was not sent either, and " + q.kept)
	default:
		return do(p.m)
	}
	return nil
}

// panel prints a list or a question; what is only to be read is over then.
func (p *plain) panel() {
	panel := p.m.panel()
	switch {
	case panel == nil:
	case panel.told:
		p.prompt(panel)
	case panel.picker != nil:
		if panel.picker.Found && len(panel.picker.Items()) == 0 && !panel.searched {
			return // it is being searched, or there are no words yet
		}
		panel.told = true
		p.list(panel.picker)
	default:
		panel.told = true
		p.say(panel.page.Title)
		p.words(panel.page.Body)
		if panel.question == nil {
			p.m.closePanel()
		}
	}
}

// prompt prints how a question is answered, once it can be.
func (p *plain) prompt(panel *panel) {
	if q := panel.question; q != nil && q.open && !panel.prompted {
		panel.prompted = true
		p.asked.Add(1)
		p.say(text.Safe(q.spoke))
	}
}

// maxListed is how many lines of a list are printed.
const maxListed = 200

func (p *plain) list(picker *overlay.Picker) {
	p.say(picker.Title)
	if len(picker.Items()) == 0 {
		p.say(text.Safe(picker.Empty))
		p.m.closePanel()
		return
	}
	for i, item := range picker.Items()[:min(len(picker.Items()), maxListed)] {
		line := text.Safe(strconv.Itoa(i+1)) + "  " + item.Label
		if item.Head {
			line = item.Label
		}
		if item.Detail != "" {
			line += "  (" + item.Detail + ")"
		}
		p.words(line)
	}
	p.say("type a number, or Enter to go on")
}
