package tui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
)

// late types a line whose answer does not come yet.
func (d *driver) late(line string) tea.Cmd {
	_, cmd := d.typed(line).m.Update(keyOf("enter"))
	return cmd
}

// An answer that comes late moves nobody: what is open, or typed by then, belongs to the
// room that is on the screen.
func TestLateAnswersMoveNobody(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"/msg dave", "/create new"} {
		d := online(t, 80, 24)
		answer := d.late(command)
		d.press("ctrl+t").wants("Attach from").do(answer)
		d.wants("Attach from", "is ready: Ctrl+K").typed("report").press("enter").called("Attach a /home/bob/report.pdf")
		d = online(t, 80, 24)
		d.do(d.late(command + "2"))
		if now := d.m.current.title(); now != "@dave2" && now != "#new2" {
			t.Errorf("in %s", now)
		}
	}
}

func TestLateAnswersAndQuestions(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	answer := d.late("/msg alice for alice alone")
	d.press("up", "up", "up", "up", "up", "d").wants("Delete this message?").do(answer)
	d.called("Direct alice").called("Send u text: for alice alone").answers("yes").called("Send a delete about 9: ")

	d = online(t, 80, 24)
	answer = d.late("/msg dave")
	d.press("up", "+").wants("React").do(answer)
	d.press("enter").called("Send a reaction about 14: 👍")

	d = online(t, 80, 24)
	answer = d.late("/msg dave")
	d.typed("for o").do(answer)
	d.wants("@dave is ready: Ctrl+K").typed("ps").press("enter").called("Send a text: for ops")

	d = online(t, 80, 24)
	answer = d.late("/msg dave")
	d.press("alt+1").do(answer)
	d.wants(">#ci", "@dave is ready: Ctrl+K")
}

// A list of files that comes late takes nothing of what is typed.
func TestALateListOfFiles(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	_, list := d.m.Update(keyOf("ctrl+t"))
	d.typed("rep").do(list)
	d.lacks("Attach from").typed("ort").press("enter").called("Send a text: report").uncalled("Attach")
	d.press("up", "ctrl+t").wants("Attach from")
}
