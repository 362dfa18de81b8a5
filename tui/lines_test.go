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
