package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
)

// A path is read as it was typed, and as terminals paste it.
func TestPaths(t *testing.T) {
	t.Parallel()
	d := drive(t, staged(), 80, 24, func(o *Options) { o.Tilde = "/home/bob" })
	for typed, want := range map[string][]string{
		``:                           nil,
		`a.txt`:                      {`/home/bob/a.txt`},
		`/tmp/a  b.txt`:              {`/tmp/a  b.txt`},
		`it's mine "now".txt`:        {`/home/bob/it's mine "now".txt`},
		`~`:                          {`/home/bob`},
		`~/a b.txt`:                  {`/home/bob/a b.txt`},
		`~bob/a`:                     {`/home/bob/~bob/a`},
		`../x/./y`:                   {`/home/x/y`},
		`'/tmp/a b.txt' `:            {`/tmp/a b.txt`},
		`'/tmp/it'\''s'`:             {`/tmp/it's`},
		`"/tmp/a b \"c\".txt"`:       {`/tmp/a b "c".txt`},
		`'~/a b`:                     {`/home/bob/a b`},
		`/tmp/a\ b\(1\)\ \'c\'.txt `: {`/tmp/a b(1) 'c'.txt`},
		`'/tmp/a b' '/tmp/c'`:        {`/tmp/a b`, `/tmp/c`},
		`/tmp/a\ b /tmp/c`:           {`/tmp/a b`, `/tmp/c`},
		`''`:                         nil,
		`/tmp/back\\slash`:           {`/tmp/back\slash`},
	} {
		var got []string
		for _, p := range splitPaths(typed) {
			got = append(got, d.m.absolute("/home/bob", p))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", typed, got, want)
		}
	}
	for _, path := range []string{`a`, `a b`, `it's`, `say "hi"`, `back\slash`, `~/ä 日本`, `'`} {
		if got := splitPaths(escapePath(path)); !slices.Equal(got, []string{path}) {
			t.Errorf("%q, written as %q, is read as %q", path, escapePath(path), got)
		}
	}
}

// disk is what there is below /home/bob.
func disk(folder string) ([]fs.DirEntry, error) {
	if strings.HasPrefix(folder, "/home/bob/shut") {
		return nil, &fs.PathError{Op: "open", Path: folder, Err: fs.ErrPermission}
	}
	return fstest.MapFS{"home/bob/report.pdf": {Data: make([]byte, 2048)}, "home/bob/my notes/a b.txt": {}, "home/bob/my notes/evil\nline": {},
		"home/bob/my notes/.hidden": {}, "home/bob/my notes/a c.txt": {}, "home/bob/repair.log": {}}.ReadDir(strings.TrimPrefix(folder, "/"))
}

func withDisk(t *testing.T) *driver {
	d := drive(t, staged(), 80, 24, func(o *Options) { o.ReadDir, o.Tilde = disk, "/home/bob" })
	plainOnline(d)
	return d
}

// What is attached goes to the outbox as a path; of what cannot be, the words go
// back into the box.
func TestAttachTyped(t *testing.T) {
	t.Parallel()
	d := withDisk(t)
	d.typed("/attach ~/my notes/a b.txt").press("enter").called("Attach a /home/bob/my notes/a b.txt").wants(".. [file] a b.txt\n")
	d.msg(pasted("/attach '/tmp/one two' '/tmp/three' "))
	d.press("enter").called("Attach a /tmp/one two").called("Attach a /tmp/three")
	d.typed("/attach my notes/").press("enter").wants("Attach from /home/bob/my notes").press("esc").uncalled("Attach")
	d.typed("/save ~/x y.pdf").press("enter").called("Save report.pdf /home/bob/x y.pdf")
	d.typed("/save ~/none/").press("enter").called("Save report.pdf /home/bob/none/")
	d.typed("/save '/tmp/x y.pdf'").press("enter").called("Save report.pdf /tmp/x y.pdf")
}

// A file waits with its name and size; failed it is sent again or dropped, and
// shown as what it is when neither is possible.
func TestFileFails(t *testing.T) {
	t.Parallel()
	d := withDisk(t).typed("/attach report.pdf").press("enter").wants(".. [file] report.pdf\n")
	id := d.f.attached
	about := Outgoing{Draft: Draft{Room: ops, ID: id, Kind: "file", Text: "report.pdf"}, Size: 2048}
	d.tell(Event{Room: ops, Outgoing: &about}).wants(".. [file] report.pdf 2.0 KiB")
	failed := about
	failed.State, failed.Err = OutgoingFailed, bus.Errorf(bus.NotFound, "no_file", "the file is not there any more")
	d.tell(Event{Room: ops, Outgoing: &failed}).wants("x [file] report.pdf 2.0 KiB", "not sent: the file is not there any more", "(/retry, /drop)")
	retried, dropped := fmt.Sprintf("Retry %d", id[0]), fmt.Sprintf("Drop %d", id[0])

	d.f.fail["Retry"] = bus.Errorf(bus.NotFound, "no_file", "there is no such file")
	d.typed("/retry").press("enter").called(retried)
	d.wants("x [file] report.pdf", "send again: there is no such file", "(/retry, /drop)")
	delete(d.f.fail, "Retry")
	d.press("alt+r").called(retried).wants(".. [file] report.pdf 2.0 KiB").lacks("/retry, /drop")
	d.tell(Event{Room: ops, Outgoing: &failed}).press("up", "enter").called(retried)
	d.press("up", "x").wants("it is not on its way: d drops it").press("esc").uncalled("Cancel")
	d.tell(Event{Room: ops, Outgoing: &failed}).typed("/drop").press("enter").called(dropped).lacks("[file] report.pdf 2.0")
}

// Tab goes on with a path, also one with blanks, and says why it does not.
func TestCompletePath(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"/attach repo":               "/attach report.pdf ",
		"/attach ~/m":                `/attach ~/my\ notes/`,
		"/attach my notes/":          `/attach my\ notes/a\ b.txt`,
		"/attach 'my notes/a c":      `/attach my\ notes/a\ c.txt `,
		"/attach my notes/.":         `/attach my\ notes/.hidden `,
		"/save ~/my":                 `/save ~/my\ notes/`,
		"/attach my\\ notes/a\\ b x": "/attach my\\ notes/a\\ b x",
	} {
		if d := withDisk(t).typed(typed).press("tab"); d.m.box.Text() != want {
			t.Errorf("%s: got %q, want %q", typed, d.m.box.Text(), want)
		}
	}
	for typed, want := range map[string]string{
		"/attach nix":           "nothing there begins with nix",
		"/attach shut/x":        "you may not look into this folder",
		"/attach nowhere/x":     "there is no such folder",
		"/attach my notes/evil": "its name cannot be typed: Ctrl+T shows it",
	} {
		withDisk(t).typed(typed).press("tab").wants(want, "> "+typed)
	}
	d := withDisk(t).typed("/attach rep").press("tab").wants("> /attach repair.log").press("tab").wants("> /attach report.pdf").press("tab")
	d.press("enter").called("Attach a /home/bob/repair.log")
}

// What is typed behind Tab waits for the disk; nobody has to wait who does not want
// to.
func TestTypedAhead(t *testing.T) {
	t.Parallel()
	slow := func() (*driver, tea.Cmd) {
		d := withDisk(t).typed("/attach rep")
		d.typed("o")
		_, reads := d.m.Update(keyOf("tab"))
		return d, reads
	}
	d, reads := slow()
	d.press("enter").typed("see it").uncalled("Attach")
	d.do(reads)
	d.called("Attach a /home/bob/report.pdf").wants("> see it")

	d, reads = slow()
	d.typed("never shown").press("esc").typed("rts.txt").wants("> /attach reports.txt")
	d.do(reads)
	d.wants("> /attach reports.txt").lacks("never shown")

	d, reads = slow()
	for range 2 * maxAhead {
		d.typed("x")
	}
	d.do(reads)
	if got := strings.Count(d.m.box.Text(), "x"); got != maxAhead {
		t.Errorf("%d of what was typed is done, want %d", got, maxAhead)
	}
}

// The list takes a path, and says why it is empty.
func TestPickPath(t *testing.T) {
	t.Parallel()
	d := withDisk(t).press("ctrl+t").typed("nix").wants("nothing here is called that; a path looks elsewhere")
	d.press("ctrl+u").typed("~/my notes/a").wants("a b.txt", "a c.txt").lacks("repair.log", ".hidden")
	d.press("ctrl+u").wants("repair.log").typed("~/my notes/zz").wants("nothing there begins with zz")
	d.press("ctrl+u").typed("/nowhere/a").wants("there is no such folder")
	d.press("ctrl+u").typed("~/shut/").wants("you may not look into this folder")
	d.press("ctrl+u").msg(pasted("'/home/bob/my notes/a b.txt' "))
	d.wants("> a b.txt").press("enter").called("Attach a /home/bob/my notes/a b.txt").lacks("Attach from")

	d = withDisk(t)
	d.m.folder = "/home/bob/my notes"
	d.press("ctrl+t").typed("../rep").wants("repair.log", "report.pdf").lacks("a b.txt").press("ctrl+u").wants("a b.txt")

	d = withDisk(t)
	d.m.folder = "/home/bob/shut"
	d.press("ctrl+t").wants("you may not look into this folder", "> ../").press("enter").wants("Attach from /home/bob -", "report.pdf")
}

// In lines a file is told of with its name and size, and how far it is.
func TestPlainFile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o := Options{Session: staged(), Now: func() time.Time { return noon }, Zone: time.UTC, Home: "/home/bob"}
	p := &plain{m: New(t.Context(), o), out: bufio.NewWriter(&out), msgs: make(chan tea.Msg), ctx: t.Context()}
	p.m.begin(staged().start)
	file := Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{50}, Kind: "file", Text: "a\x1b[2J\nb.pdf"}, Size: 2048}
	failed, sent := file, file
	failed.State, failed.Err, sent.State = OutgoingFailed, errors.New("it changed"), OutgoingSent
	for _, e := range []Event{{Outgoing: &file}, {Conn: &Conn{State: Online, Node: "n"}}, {Outgoing: &failed}, {Outgoing: &file}, {Outgoing: &sent}} {
		if e.Outgoing != nil {
			e.Room = ops
		}
		p.batch(batchMsg{events: []Event{e}})
	}
	p.entry(p.m.rooms[ops], p.m.fold(p.m.rooms[ops]).held(file))
	_ = p.out.Flush()
	last := 0
	for _, want := range []string{"-- waits for the bus: a b.pdf, 2.0 KiB\n", "-- not sent to #ops: a b.pdf: it changed (/retry, /drop)\n",
		"-- sending to #ops: a b.pdf, 2.0 KiB\n", "-- sent to #ops: a b.pdf\n", "-- file: a b.pdf, 2.0 KiB"} {
		i := strings.Index(out.String()[last:], want)
		if i < 0 {
			t.Fatalf("%q is not said, or not in its turn:\n%s", want, out.String())
		}
		last += i
	}
}

// Of a file that came from a pipe nobody knows the size, and none is shown.
func TestFileOfUnknownSize(t *testing.T) {
	t.Parallel()
	d := withDisk(t)
	m := said(ops, 15, "alice", "")
	m.Kind, m.File = "file", &bus.File{Name: "from a pipe", Size: sizeUnknown, Ref: "blob:x"}
	d.tell(happens(m)).wants("[file] from a pipe  o: save").press("up", "i").wants("size      not known").lacks("-1")
}

// A file on its way is stopped with x: that is said first.
func TestStopIsSaid(t *testing.T) {
	t.Parallel()
	d := withDisk(t).typed("/attach report.pdf").press("enter", "up").lacks("x stop").wants("r reply")
	d.tell(Event{Transfer: &Transfer{ID: d.f.attached, Done: 1, Total: 4, Up: true}}).wants("x stop  r reply").press("x").called("Cancel")
}

// A file and a folder at once: the one is sent, the other is opened, and what comes
// behind them is sent as ever.
func TestAttachFileAndFolder(t *testing.T) {
	t.Parallel()
	d := withDisk(t)
	d.msg(pasted("/attach '/home/bob/report.pdf' '/home/bob/my notes/'"))
	d.press("enter").called("Attach a /home/bob/report.pdf").wants("Attach from /home/bob/my notes").press("esc")
	d.typed("important words").press("enter").called("Send a text: important words")
	d.typed("/room general").press("enter").typed("more words").press("enter").called("Send b text: more words")
	if d.press("ctrl+q"); !d.quit || !d.m.kept {
		t.Error("it does not end")
	}
}

// What waits in order is begun by Update, whatever becomes of what asked for it.
func TestTheLaneGoesOn(t *testing.T) {
	t.Parallel()
	d, done := online(t, 80, 24), ""
	for _, word := range []string{"a", "b"} {
		d.m.inOrder(func(context.Context) then {
			return func(*Model) tea.Cmd { done += word; return nil }
		})
	}
	if d.msg(nil); done != "ab" {
		t.Errorf("done: %q", done)
	}
}

// A path that a terminal pastes as it is, with a backslash and a blank in it, is that
// path where it is there: a folder of a clever name leads to no other file.
func TestAttachARawPath(t *testing.T) {
	t.Parallel()
	clever := fstest.MapFS{`tmp/a\ b /home/victim/.netrc`: {}, `tmp/plain b`: {}, `tmp/c\ d/e`: {}}
	d := drive(t, staged(), 80, 24, func(o *Options) {
		o.ReadDir = func(folder string) ([]fs.DirEntry, error) { return clever.ReadDir(strings.TrimPrefix(folder, "/")) }
	})
	plainOnline(d)
	d.msg(pasted(`/attach /tmp/a\ b /home/victim/.netrc`))
	_, asked := d.m.Update(keyOf("enter"))
	_, sent := d.typed("look at it").m.Update(keyOf("enter"))
	d.uncalled("Attach").do(asked)
	d.do(sent)
	if got := strings.Join(d.f.calls, "\n"); !strings.HasSuffix(got, "Attach a /tmp/a\\ b /home/victim/.netrc\nSend a text: look at it") {
		t.Errorf("called %s", got)
	}
	d.msg(pasted(`/attach /tmp/plain\ b /tmp/x`))
	d.press("enter").called("Attach a /tmp/plain b").called("Attach a /tmp/x")
	d.msg(pasted(`/attach /tmp/c\ d/`))
	d.press("enter").wants(`Attach from /tmp/c\ d`)
}
