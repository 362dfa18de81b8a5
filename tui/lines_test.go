package tui

import (
	"testing"

	"unibus/internal/bus"
)

// Several lines that begin with a command go nowhere: their first words are for somebody,
// or for the chat. What merely begins with a slash is a message.
func TestCommandsAreOneLine(t *testing.T) {
	t.Parallel()
	for _, draft := range []string{"/msg alice the password is:\nhunter2", "/MSG alice\nhunter2", "/help\n\n"} {
		d := online(t, 80, 24)
		d.msg(pasted(draft + "."))
		d.press("enter").wants("not sent: a command is one line; // begins a message with /").uncalled("Send").uncalled("Direct")
		if d.m.box.Text() != draft+"." {
			t.Errorf("the box has %q", d.m.box.Text())
		}
	}
	d := online(t, 80, 24)
	d.msg(pasted("/etc/hosts:\n127.0.0.1"))
	d.press("enter").called("Send a text: /etc/hosts:\n127.0.0.1")
	d.f.fail["Send"] = bus.ErrRoomClosed
	d.msg(pasted("//msg alice\nis how it is written"))
	d.press("enter").called("Send a text: /msg alice\nis how it is written")
	if got := d.m.box.Text(); got != "//msg alice\nis how it is written" {
		t.Errorf("the box has %q", got)
	}
}

// A blank of another kind is a blank.
func TestCommandsAndBlanks(t *testing.T) {
	t.Parallel()
	online(t, 80, 24).typed("/\u00a0").press("enter").called("Send a text: /\u00a0").typed("/\u00a0x").press("enter").called("Send a text: /\u00a0x")
	online(t, 80, 24).typed("/attach\u00a0report.pdf").press("enter").called("Attach a /home/bob/report.pdf")
	d := online(t, 80, 24)
	d.msg(pasted("/\t"))
	d.msg(pasted("x"))
	d.press("enter").called("Send a text: /\tx")
}

// What a command was to send and could not is in the box again.
func TestWordsComeBack(t *testing.T) {
	t.Parallel()
	const words = "a long and careful text"
	d := online(t, 80, 24)
	d.f.fail["Direct"] = bus.Errorf(bus.Unavailable, "x", "the bus is away")
	d.typed("/msg alice "+words).press("enter").wants("msg @alice: the bus is away", "> /msg alice "+words)
	d.press("ctrl+c")
	answer := d.late("/msg alice " + words)
	d.typed("on").do(answer)
	d.wants("> on", "the bus is away")

	d = online(t, 80, 24)
	d.do(d.late("/msg dave"))
	info := d.m.current.Room
	info.Changed = 1
	d.tell(Event{Room: info.ID, Info: &info})
	d.press("alt+1").typed("/msg dave "+words).press("enter").wants(">@dave", "> "+words, "not sent: the key of").uncalled("Send")

	for _, command := range []string{"/reply " + words, "/edit " + words, "/attach report.pdf"} {
		d = online(t, 80, 24)
		changed(d, func(r *Room) { r.Changed = 1 })
		d.typed(command).press("enter").wants("not sent: the key of", "> "+command).uncalled("Send").uncalled("Attach")
		changed(d, func(r *Room) { r.Changed = 0 })
		d.f.fail["Send"] = bus.ErrRoomClosed
		if command != "/attach report.pdf" {
			d.press("enter").wants("> "+words, "this room was deleted")
		}
	}
}
