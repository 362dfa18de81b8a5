package editor

import (
	"os"
	"testing"

	"unibus/internal/bus"
)

func TestRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	e := New([]string{"sh", "-c", `ls -l "$0" | cut -c1-10 > ` + folder + `/mode; printf ' world' >> "$0"`}, folder, "hello")
	if err := e.Run(); err != nil {
		t.Fatal(err)
	}
	if e.Text() != "hello world" {
		t.Errorf("got %q", e.Text())
	}
	mode, err := os.ReadFile(folder + "/mode")
	if err != nil || string(mode) != "-rw-------\n" {
		t.Errorf("the draft was %q: only its writer may read it (%v)", mode, err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("the draft is still there: %v", left)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*Editor{
		"an editor that fails": New([]string{"false"}, t.TempDir(), "draft"),
		"no such editor":       New([]string{"/does/not/exist"}, t.TempDir(), "draft"),
		"no such folder":       New([]string{"true"}, "/does/not/exist", "draft"),
		"a draft that is gone": New([]string{"rm"}, t.TempDir(), "draft"),
	} {
		if err := e.Run(); bus.KindOf(err) != bus.Failed || bus.CodeOf(err) == "failed" || e.Text() != "draft" {
			t.Errorf("%s: %v, draft %q", name, err, e.Text())
		}
	}
}
