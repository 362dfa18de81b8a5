package tui

import (
	"testing"

	"unibus/internal/bus"
)

// twoFiles is #ops with report.pdf and, below it, a newer file.
func twoFiles(t *testing.T) *driver {
	d := online(t, 80, 24)
	newer := said(ops, 15, "alice", "")
	newer.Kind, newer.File = "file", &bus.File{Name: "newer.txt", Size: 10, Ref: "blob:y"}
	return d.tell(happens(newer))
}

// report selects the message that brings report.pdf.
func (d *driver) report() *driver {
	d.t.Helper()
	d.press("up")
	for d.m.chosen().File == nil || d.m.chosen().File.Name != "report.pdf" {
		d.press("k")
	}
	return d
}

// A file that could not be saved under its name is the one that /save saves then.
func TestSaveSelected(t *testing.T) {
	t.Parallel()
	d := twoFiles(t).report()
	id := d.m.chosen().ID
	d.f.fail["Save"] = bus.Errorf(bus.Conflict, "file_exists", "/home/bob/report.pdf exists already").WithHint("save it elsewhere: /save PATH")
	d.press("o").called("Save report.pdf /home/bob").typed("/save other.pdf").press("enter").called("Save report.pdf /home/bob/other.pdf")
	delete(d.f.fail, "Save")
	d.typed("/save third.pdf").press("enter").called("Save report.pdf /home/bob/third.pdf")
	d.tell(Event{Transfer: &Transfer{ID: id, Over: true, Path: "/home/bob/third.pdf"}}).wants("saved report.pdf as /home/bob/third.pdf")
	d.typed("/save x").press("enter").called("Save newer.txt /home/bob/x")
}

// What was selected last counts until another message is, or the room is left; a
// deleted file is none.
func TestSaveSelectedLast(t *testing.T) {
	t.Parallel()
	d := twoFiles(t).report().press("esc").typed("/save").press("enter").called("Save report.pdf /home/bob")
	d.press("up", "k", "esc").typed("/save").press("enter").called("Save newer.txt /home/bob")
	d.report().press("esc").typed("/room general").press("enter").typed("/room ops").press("enter").typed("/save y").press("enter").called("Save newer.txt /home/bob/y")
	d.report().press("esc").tell(happens(about2(said(ops, 16, "carol", ""), "delete", 7)))
	d.typed("/save z").press("enter").called("Save newer.txt /home/bob/z")
}

// A file that was found in the room is the one.
func TestSaveFound(t *testing.T) {
	t.Parallel()
	d := twoFiles(t)
	found := d.f.pages[ops][8].Message
	if found.File == nil {
		t.Fatalf("got %+v", found)
	}
	d.do(d.m.jumpTo(d.m.rooms[ops], found))
	d.typed("/save it").press("enter").called("Save report.pdf /home/bob/it")
}
