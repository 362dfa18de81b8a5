package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

func TestNotices(t *testing.T) {
	t.Parallel()
	tests := []struct {
		e    bus.Event
		want string
	}{
		{bus.Event{Epoch: &bus.EpochEvent{Epoch: 8, By: "alice"}}, "key 8: alice made a new room key"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberAdded, By: "alice"}}, "alice added erin"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberJoined, By: "erin"}}, "erin joined"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberLeft, By: "erin"}}, "erin left"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberRemoved}}, "erin removed"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberRole, Role: bus.RoleOwner, By: "alice"}}, "erin is owner now"},
		{bus.Event{Member: &bus.MemberEvent{User: "bob", Change: bus.MemberAdded, By: "alice"}}, "alice added you"},
		{bus.Event{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberRemoved, By: "bob"}}, "you removed erin"},
		{bus.Event{Member: &bus.MemberEvent{User: "bob", Change: bus.MemberRole, Role: bus.RoleOwner, By: "alice"}}, "you are owner now"},
		{bus.Event{Epoch: &bus.EpochEvent{Epoch: 9, By: "bob"}}, "key 9: you made a new room key"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedKicked}}, "you were removed from this room; nothing shows by whom"},
		{bus.Event{Start: &bus.StartEvent{Reason: bus.StartJoined}}, "you joined here; what was written before is not for you"},
		{bus.Event{Gap: &bus.GapEvent{From: "erin", Missed: 1}}, "1 message of erin missing"},
		{bus.Event{Gap: &bus.GapEvent{Missed: 2}}, "2 messages of somebody missing"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedLeft}}, "you left this room"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedClosed, By: "alice"}}, "this room was deleted"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedClosed}}, "the node says that this room was deleted; nothing shows it"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedRevoked}}, "you are off this bus"},
		{bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedKicked, By: "alice"}}, "alice removed you from this room"},
		{bus.Event{Fault: &bus.FaultEvent{Err: bus.Errorf(bus.Integrity, "forked", "another\nhistory")}}, "this room is not read any more: another history"},
		{bus.Event{State: &bus.StateEvent{State: bus.StateOnline}}, ""},
	}
	for _, tt := range tests {
		if got, _ := noticeOf(&tt.e, "bob"); string(got) != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// Every reason why a frame cannot be shown has words, and an attack is marked
// as one.
func TestFaults(t *testing.T) {
	t.Parallel()
	grave := map[bus.FrameFault]bool{bus.FaultNoKey: false, bus.FaultEpoch: false, bus.FaultLate: false, bus.FaultEnded: false,
		bus.FaultFrame: true, bus.FaultSignature: true, bus.FaultAudience: true, bus.FaultHead: true, bus.FaultUnknownHead: true,
		bus.FaultOtherHead: true, bus.FaultChanged: true, bus.FaultRejected: true, "something new": true}
	for fault, want := range grave {
		words, got := faultWords(&bus.UndecryptableEvent{Reason: fault, From: "mallory", Epoch: 6})
		if got != want || words == "" {
			t.Errorf("%s: %q, grave %v", fault, words, got)
		}
		if help := faultHelp(string(words)); help == "" && fault != bus.FaultLate && fault != bus.FaultEnded && fault != "something new" {
			t.Errorf("%s: there is no help for %q", fault, words)
		}
	}
}

func TestSmallWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1258291: "1.2 MiB", 5 << 40: "5.0 TiB", 3 << 50: "3072.0 TiB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{47 * time.Second: "47 s", 3 * time.Minute: "3 min", 26 * time.Hour: "26 h", 72 * time.Hour: "3 d"} {
		if got := ago(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	if count(1234567) != "1 234 567" || count(999) != "999" {
		t.Errorf("got %q and %q", count(1234567), count(999))
	}
	if got := errorLine(errors.New("a\nb\x1b[2J")); strings.ContainsAny(string(got), "\n\x1b") {
		t.Errorf("got %q", got)
	}
}

// Of a device that was revoked alone it is not said that its user was; and a chat that
// runs is told nothing of how another one is begun.
func TestWordsOfTheEnd(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		bus.ErrRevoked.Message:              "this identity was revoked by an admin",
		"this endpoint was revoked":         "this device was revoked",
		"the time of this endpoint is over": "the time of this device is over",
	} {
		d := online(t, 80, 24)
		d.tell(Event{Conn: &Conn{State: Revoked, Err: bus.Errorf(bus.Unauthenticated, bus.ErrRevoked.Code, "%s", message)}})
		d.wants("X "+want+": read-only", "X "+want+"; read-only")
	}
	away := bus.Errorf(bus.Unavailable, "unreachable", "no node answers at a:1").WithHint("choose another bus with --context")
	if got := errorLine(away); got != "the bus does not answer; it is tried again" {
		t.Errorf("away: %s", got)
	}
}

// Who is called you, somebody or unknown is not taken for oneself, or for nobody.
func TestHandlesThatAreWords(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(happens(said(ops, 15, "you", "I approve")), happens(about2(said(ops, 16, "you", "+1"), "reaction", 15)),
		happens(about2(said(ops, 17, "carol", "fine"), "reply", 15)), happens(said(ops, 18, "unknown", "nor I")), happens(said(ops, 19, "bob", "really mine")),
		Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "carol", Change: bus.MemberRemoved, By: "you", Time: noon}}},
		Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "dave", Change: bus.MemberRemoved, By: "somebody", Time: noon.Add(time.Minute)}}},
		Event{Room: ops, Happened: &bus.Event{Gap: &bus.GapEvent{From: "you", Missed: 2}}})
	d.wants(" @you  I approve", "@you: I approve", " @unknown  nor I", " you  really mine", "-- @you removed carol", "-- @somebody removed dave", "2 messages of @you missing")
	d.press("up", "up", "up", "up", "i").wants("from      @you (verified", "@you").press("esc", "esc")
	d.typed("/verify @you").press("enter").called("Compare you").wants("Compare with @you").press("esc")
	changed(d, func(r *Room) { r.Gone, r.GoneBy = bus.RemovedKicked, "somebody" })
	d.wants("@somebody removed you from this room")
	changed(d, func(r *Room) { r.Invited, r.By = true, "you" })
	d.wants("by @you", "@you added you to #ops")

	f := staged()
	f.people[ops] = append(f.people[ops], Member{User: "you", Trust: bus.TrustUnverified})
	f.has(said(ops, 15, "you", "I approve"))
	f.has(said(ops, 16, "you", "not verified")).Trust = bus.TrustUnverified
	if got := spoken(t, f, ""); !strings.Contains(got, "] @you: I approve") || !strings.Contains(got, "] @you (not verified): not verified") {
		t.Errorf("in lines:\n%s", got)
	}
	drive(t, f, 120, 40).wants("? @you").typed("@yo").press("tab").wants("> @you")
}
