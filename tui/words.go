package tui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/timeline"
)

// What the screen says of events, in its own words. Names in them are cleaned.

// noticeOf is the line of an event that is no message; "" where none is shown.
func noticeOf(e *bus.Event, self bus.Handle) (words text.Safe, tone timeline.Tone) {
	switch {
	case e.Epoch != nil:
		return text.Safe(fmt.Sprintf("key %d: %s made a new room key", e.Epoch.Epoch, named(e.Epoch.By, self))), timeline.Plain
	case e.Member != nil:
		return memberWords(e.Member, self), memberWeight(e.Member)
	case e.Start != nil:
		return "you joined here; what was written before is not for you", timeline.Plain
	case e.Gap != nil:
		return text.Safe(plural(int(e.Gap.Missed), "message") + " of " + string(line(e.Gap.From)) + " missing"), timeline.Grave
	case e.Removed != nil:
		return removedWords(e.Removed), timeline.Grave
	case e.Fault != nil:
		return "this room is not read any more: " + errorLine(e.Fault.Err), timeline.Grave
	}
	return "", timeline.Plain
}

// line is how somebody is shown, whoever he is.
func line(h bus.Handle) text.Safe {
	if h == "" {
		return "somebody"
	}
	return timeline.Named(text.Line(string(h)))
}

// named is how somebody is named: oneself is you.
func named(h, self bus.Handle) text.Safe {
	if h == self && h != "" {
		return "you"
	}
	return line(h)
}

func (m *Model) called(h bus.Handle) text.Safe { return named(h, m.self) }

func memberWords(m *bus.MemberEvent, self bus.Handle) text.Safe {
	user, by := named(m.User, self), named(m.By, self)
	switch {
	case m.Change == bus.MemberRole && m.User == self:
		return "you are " + text.Safe(m.Role.String()) + " now"
	case m.Change == bus.MemberRole:
		return user + " is " + text.Safe(m.Role.String()) + " now"
	case m.Change == bus.MemberNewKey:
		return "you verified " + user + ", whose account key changed; compare again: /verify " + user
	case m.Change == bus.MemberJoined || m.Change == bus.MemberLeft || m.By == "" || m.By == m.User:
		return user + " " + text.Line(string(m.Change))
	}
	return by + " " + text.Line(string(m.Change)) + " " + user
}

func memberWeight(m *bus.MemberEvent) timeline.Tone {
	if m.Change == bus.MemberNewKey {
		return timeline.Grave
	}
	return timeline.Plain
}

// removedWords says also what nothing shows.
func removedWords(e *bus.RemovedEvent) text.Safe {
	words := goneWords(e.Reason, e.By)
	switch {
	case e.By != "":
	case e.Reason == bus.RemovedKicked:
		words += "; nothing shows by whom"
	case e.Reason == bus.RemovedClosed:
		words += "; nothing shows it"
	}
	return words
}

// revokedWords says who was revoked: the person, or this device of his alone.
func (m *Model) revokedWords() text.Safe {
	var e *bus.Error
	if !errors.As(m.conn.Err, &e) || e.Message == bus.ErrRevoked.Message {
		return "this identity was revoked by an admin"
	}
	return text.Line(strings.Replace(e.Message, "endpoint", "device", 1))
}

func goneWords(why bus.RemovedReason, by bus.Handle) text.Safe {
	switch why {
	case bus.RemovedRevoked:
		return "you are off this bus"
	case bus.RemovedLeft:
		return "you left this room"
	case bus.RemovedClosed:
		if by == "" {
			return "the node says that this room was deleted"
		}
		return "this room was deleted"
	}
	if by == "" {
		return "you were removed from this room"
	}
	return line(by) + " removed you from this room"
}

// unreadable is the entry of a frame that cannot be shown.
func unreadable(u *bus.UndecryptableEvent) *timeline.Entry {
	e := &timeline.Entry{Seq: u.Seq, From: text.Line(string(u.From)), Trust: bus.TrustUnverified}
	e.Fault, e.Grave = faultWords(u)
	return e
}

func faultWords(u *bus.UndecryptableEvent) (words text.Safe, grave bool) {
	switch u.Reason {
	case bus.FaultNoKey, bus.FaultEpoch:
		return text.Safe(fmt.Sprintf("cannot decrypt: no key for epoch %d", u.Epoch)), false
	case bus.FaultSignature:
		return "!! signature does not match: not shown", true
	case bus.FaultFrame:
		return "!! damaged: not shown", true
	case bus.FaultAudience:
		return "!! from somebody who may not write here: not shown", true
	case bus.FaultLate, bus.FaultEnded:
		return "came after its key or its sender's endpoint had ended: not shown", false
	case bus.FaultHead, bus.FaultUnknownHead, bus.FaultOtherHead:
		return "!! its sender sees another history of this room: not shown", true
	case bus.FaultChanged:
		return "key changed: hidden until you compare (v)", true
	case bus.FaultRejected:
		return "you rejected this key: hidden", true
	}
	return "cannot be shown: " + text.Line(string(u.Reason)), true
}

// faultHelp explains a fault at length, for the panel that Enter opens.
func faultHelp(fault string) string {
	switch {
	case strings.Contains(fault, "no key"):
		return "This device was not given the key: you joined later, or the key was not sealed to it yet. Another device of yours or a member that is online hands newer keys on by itself; older ones stay closed."
	case strings.Contains(fault, "signature"), strings.Contains(fault, "damaged"):
		return "What arrived is not what somebody signed. It may have been changed on its way or on the node. Tell an admin when it happens again."
	case strings.Contains(fault, "may not write"):
		return "It was signed by an endpoint that is not in this room's log at that time."
	case strings.Contains(fault, "another history"):
		return "The node shows its sender another room log than it shows you. /verify checks it; compare with others over another way."
	case strings.Contains(fault, "changed"):
		return "The name stands for another key than before: a new device would not do that. Compare numbers with the person over another way, with v, before you believe anything of it."
	case strings.Contains(fault, "rejected"):
		return "You compared numbers and they differed. v compares again."
	}
	return ""
}

// errorLine is an error in one line, cleaned.
func errorLine(err error) text.Safe {
	var e *bus.Error
	if errors.As(err, &e) {
		if e.Code == "unreachable" && strings.Contains(e.Hint, "--context") { // which a chat that runs cannot choose
			return "the bus does not answer; it is tried again"
		}
		return text.Line(e.WithHint("%s", inChat(e.Hint)).Error())
	}
	return text.Line(err.Error())
}

// inChat names the chat's own command where a hint names that of the command line,
// and leaves what the chat cannot do.
func inChat(hint string) string {
	const accept = "unibus room verify ROOM --accept"
	return strings.NewReplacer(accept, accept, "unibus room list", "/rooms", "unibus user list", "/rooms", "unibus room members", "/members",
		"unibus room rekey", "/rekey", "unibus room leave", "/leave", "unibus room role", "/role USER owner", "unibus room log ROOM", "/log",
		"unibus room verify", "/verify", "unibus identity verify", "/verify", "unibus send @", "/msg ").Replace(hint)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ago is a time span in one unit, as people say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// sizeUnknown is the size of a file of which that is not known.
const sizeUnknown = -1

// bytesOf is a size in the unit that keeps it short.
func bytesOf(n int64) string {
	if n < 0 {
		return "not known"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}
