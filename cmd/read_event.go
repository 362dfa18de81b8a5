package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// eventPrinter prints the events of one room, oldest first.
type eventPrinter struct {
	env    *Env
	room   string
	named  bool   // say which room a line is of
	most   int    // messages to show; 0: all
	shown  int    // messages
	last   uint64 // newest sequence that was shown
	told   client.Verdict
	frames map[bus.Prefix]frameShown // that were shown last
	order  []bus.Prefix
}

// frameShown is what the ids of a frame's messages are made of, and whose they are.
type frameShown struct {
	seq     uint64
	records int
	from    bus.Handle
}

// maxFrames bounds the frames that a reply can be told to answer.
const maxFrames = 10000

func newEventPrinter(env *Env, room string) *eventPrinter {
	return &eventPrinter{env: env, room: room, frames: map[bus.Prefix]frameShown{}}
}

// messageShown is the JSON of a message; see `unibus help json`.
type messageShown struct {
	Room    string     `json:"room"`
	Seq     uint64     `json:"seq"`
	ID      string     `json:"id"`
	From    string     `json:"from"`
	Trust   bus.Trust  `json:"trust"`
	Epoch   bus.Epoch  `json:"epoch"`
	Time    time.Time  `json:"time"`
	Kind    string     `json:"kind"`
	Text    string     `json:"text"`
	Hash    bus.Hash   `json:"hash"`
	ReplyTo string     `json:"reply_to,omitempty"` // an id, or <frame hash prefix>.<n> of what was not shown
	Edited  *bool      `json:"edited,omitempty"`   // of an edit: whether its author wrote what it changes, as only then it counts; absent where that was not shown
	File    *fileShown `json:"file,omitempty"`
}

type fileShown struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Ref  string `json:"ref"`
}

func (p *eventPrinter) print(e bus.Event) error {
	if err := p.show(e); err != nil {
		return err
	}
	p.told.Count(e)
	return nil
}

// verdict is an error of integrity when what was shown is not all that was sent.
func (p *eventPrinter) verdict() error {
	var fault *bus.Error
	if !errors.As(p.told.Err(), &fault) {
		return nil
	}
	return fmt.Errorf("read %s: %w", p.room, fault.WithHint("check all of it: unibus room verify %s", p.room))
}

func (p *eventPrinter) show(e bus.Event) error {
	switch {
	case e.Message != nil && e.Message.Kind == "value": // nothing for a person to see
		return nil
	case e.Message != nil:
		return p.message("message", e.Message)
	case e.Late != nil:
		return p.message("late", e.Late.Message)
	case e.Epoch != nil:
		return p.epoch(e.Epoch)
	case e.Member != nil:
		return p.member(e.Member)
	case e.Start != nil:
		return p.start(e.Start)
	case e.Undecryptable != nil:
		return p.undecryptable(e.Undecryptable)
	case e.Gap != nil:
		return p.gap(e.Gap)
	case e.Order != nil:
		return p.behind(e.Order)
	case e.Removed != nil:
		return p.removed(e.Removed)
	case e.Fault != nil:
		return p.fault(e.Fault)
	}
	return nil
}

func (p *eventPrinter) message(kind string, m *bus.Message) error {
	if p.most > 0 && p.shown == p.most {
		return errEnough
	}
	p.shown, p.last = p.shown+1, max(p.last, m.Seq)
	p.remember(m)
	shown := messageShown{Room: p.room, Seq: m.Seq, ID: messageID(m.Seq, m.Number, m.Records), From: string(m.From), Trust: m.Trust,
		Epoch: m.Epoch, Time: m.Time.UTC(), Kind: m.Kind, Text: m.Text, Hash: m.Hash, ReplyTo: p.answers(m.ReplyTo), Edited: p.edited(m)}
	body := string(text.Clean(m.Text))
	if m.File != nil {
		shown.File = &fileShown{m.File.Name, m.File.Size, m.File.Ref}
		body = fmt.Sprintf("[file] %s (%s)  %s", text.Line(m.File.Name), bytesOf(m.File.Size), text.Line(m.File.Ref))
	}
	if shown.ReplyTo != "" {
		body = "[" + shown.about() + "] " + body
	}
	line := p.clock(m.Time) + " " + string(text.Line(string(m.From))) + trustMark(m.Trust) + "  " + body
	line = fold(string(p.tagged(text.Safe(line))), p.env.Width())
	return printEvent(p.env, kind, shown, text.Safe(shown.ID), text.Safe(line),
		text.Safe(shown.Time.Format(time.RFC3339)), text.Line(shown.From), text.Safe(body))
}

// trustMark stands behind a name that nobody has compared.
func trustMark(t bus.Trust) string {
	if t == bus.TrustVerified {
		return ""
	}
	return "?"
}

// clock is the time of day, with the day where that is not today.
func (p *eventPrinter) clock(t time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == p.env.Now().Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// remember keeps what replies may answer.
func (p *eventPrinter) remember(m *bus.Message) {
	frame := m.Hash.Prefix()
	if _, known := p.frames[frame]; known {
		return
	}
	p.frames[frame] = frameShown{m.Seq, m.Records, m.From}
	p.order = append(p.order, frame)
	if len(p.order) > maxFrames {
		delete(p.frames, p.order[0])
		p.order = p.order[1:]
	}
}

// answers is what a message refers to: the id that was shown, else what the
// frame's hash begins with.
func (p *eventPrinter) answers(r *bus.RecordRef) string {
	if r == nil {
		return ""
	}
	if f, ok := p.frames[r.Frame]; ok && f.seq > 0 {
		return messageID(f.seq, r.Number, f.records)
	}
	return r.Frame.String() + "." + strconv.Itoa(r.Number)
}

// edited reports whether an edit counts; nil where that is not known, and of what is
// no edit.
func (p *eventPrinter) edited(m *bus.Message) *bool {
	if m.Kind != "edit" || m.ReplyTo == nil {
		return nil
	}
	f, ok := p.frames[m.ReplyTo.Frame]
	if !ok {
		return nil
	}
	counts := f.from == m.From
	return &counts
}

// about says in words what a message does to the one that it refers to.
func (m *messageShown) about() string {
	switch {
	case m.Edited != nil && !*m.Edited:
		return "no edit, for it is another's: " + m.ReplyTo
	case m.Kind == "edit":
		return "edits " + m.ReplyTo
	case m.Kind == "delete":
		return "deletes " + m.ReplyTo
	}
	return "to " + m.ReplyTo
}

func (p *eventPrinter) tagged(line text.Safe) text.Safe {
	if !p.named {
		return line
	}
	return text.Line(p.room) + " " + line
}
