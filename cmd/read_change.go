package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// What happens in a room besides messages. Each is one line; -o name shows
// messages alone.

// happened prints one of them: at and by may be unknown.
func (p *eventPrinter) happened(kind string, event any, at time.Time, by bus.Handle, line string) error {
	when := text.Safe("")
	if !at.IsZero() {
		when = text.Safe(at.UTC().Format(time.RFC3339))
	}
	return printEvent(p.env, kind, event, "", p.tagged("-- "+text.Line(line)+" --"), when, text.Line(string(by)), text.Line(line))
}

func (p *eventPrinter) start(e *bus.StartEvent) error {
	return p.happened("start", struct {
		Room   string          `json:"room"`
		Reason bus.StartReason `json:"reason"`
	}{p.room, e.Reason}, time.Time{}, "", "you joined here")
}

func (p *eventPrinter) removed(e *bus.RemovedEvent) error {
	words := map[bus.RemovedReason]string{bus.RemovedRevoked: "the bus does not let this identity in any more", bus.RemovedLeft: "you left",
		bus.RemovedClosed: "this room was deleted"}
	line := words[e.Reason]
	if line == "" {
		line = "you were removed from this room"
	}
	switch {
	case e.Reason == bus.RemovedKicked && e.By != "":
		line = string(e.By) + " removed you from this room"
	case e.Reason == bus.RemovedClosed && e.By == "":
		line = "the node says that this room was deleted; nothing shows it"
	}
	return p.happened("removed", struct {
		Room   string            `json:"room"`
		Reason bus.RemovedReason `json:"reason"`
		By     bus.Handle        `json:"by"`
	}{p.room, e.Reason, e.By}, time.Time{}, e.By, line)
}

// fault ends the reading of the room; others may go on.
func (p *eventPrinter) fault(e *bus.FaultEvent) error {
	why := e.Err.Error()
	var fault *bus.Error
	if errors.As(e.Err, &fault) {
		why = fault.Message
	}
	return p.happened("fault", struct {
		Room    string `json:"room"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}{p.room, bus.CodeOf(e.Err), why}, time.Time{}, "", "this room is not read any more: "+why)
}

func (p *eventPrinter) epoch(e *bus.EpochEvent) error {
	line := fmt.Sprintf("%s made a new room key, number %d", e.By, e.Epoch)
	if e.BadKeyBy != "" {
		line += fmt.Sprintf(", since that of %s did not open for %s", e.BadKeyBy, e.By)
	}
	return p.happened("epoch", struct {
		Room     string     `json:"room"`
		Epoch    bus.Epoch  `json:"epoch"`
		By       string     `json:"by"`
		Op       string     `json:"op"`
		Time     time.Time  `json:"time"`
		BadKeyBy bus.Handle `json:"bad_key_by,omitempty"`
	}{p.room, e.Epoch, string(e.By), e.Op, e.Time.UTC(), e.BadKeyBy}, e.Time, e.By, line)
}

func (p *eventPrinter) member(e *bus.MemberEvent) error {
	line := fmt.Sprintf("%s %s", e.User, e.Change)
	switch {
	case e.Change == bus.MemberRole:
		line = fmt.Sprintf("%s is %s now", e.User, e.Role)
	case e.Change == bus.MemberNewKey:
		line = fmt.Sprintf("you verified %s, who has another account key now; compare numbers again", e.User)
	case e.By != e.User && e.By != "":
		line = fmt.Sprintf("%s %s by %s", e.User, e.Change, e.By)
	}
	return p.happened("member", struct {
		Room   string           `json:"room"`
		User   string           `json:"user"`
		Change bus.MemberChange `json:"change"`
		Role   string           `json:"role"`
		By     string           `json:"by"`
		Time   time.Time        `json:"time"`
	}{p.room, string(e.User), e.Change, e.Role.String(), string(e.By), e.Time.UTC()}, e.Time, e.By, line)
}

// news tells, while a room is followed, of users who were verified and have another
// key since; without that it is told when the command ends.
func (p *eventPrinter) news(ctx context.Context, c *client.Client) error {
	for _, k := range c.NewKeys(ctx) {
		if err := p.show(*newKeyEvent(k)); err != nil {
			return err
		}
	}
	return nil
}

func (p *eventPrinter) undecryptable(e *bus.UndecryptableEvent) error {
	why := faultWords(string(e.Reason))
	if e.Reason == bus.FaultChanged {
		why += "; compare numbers: unibus identity verify " + string(e.From)
	}
	return p.happened("undecryptable", struct {
		Room     string         `json:"room"`
		Seq      uint64         `json:"seq"`
		Epoch    bus.Epoch      `json:"epoch"`
		Endpoint bus.EndpointID `json:"endpoint"`
		From     bus.Handle     `json:"from,omitempty"`
		Reason   bus.FrameFault `json:"reason"`
	}{p.room, e.Seq, e.Epoch, e.Endpoint, e.From, e.Reason}, time.Time{}, e.From, fmt.Sprintf("message %d cannot be shown: %s", e.Seq, why))
}

func (p *eventPrinter) gap(e *bus.GapEvent) error {
	return p.happened("gap", struct {
		Room   string `json:"room"`
		From   string `json:"from"`
		Missed uint32 `json:"missed"`
	}{p.room, string(e.From), e.Missed}, time.Time{}, e.From, fmt.Sprintf("%s of %s missing", plural(int(e.Missed), "message"), e.From))
}

func (p *eventPrinter) behind(e *bus.OrderEvent) error {
	return p.happened("order", struct {
		Room string `json:"room"`
		From string `json:"from"`
		Seq  uint64 `json:"seq"`
	}{p.room, string(e.From), e.Seq}, time.Time{}, e.From, fmt.Sprintf("message %d stands behind later ones of %s", e.Seq, e.From))
}
