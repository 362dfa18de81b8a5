// Package editor lets a person write a draft in a program of his own.
//
// It promises that the draft is in a file that only he can read, and only while
// the program runs. It must not be given words that a peer chose as the command
// or as a part of the path.
package editor

import (
	"io"
	"os"
	"os/exec"

	"unibus/internal/bus"
)

// maxText bounds what is read back: far above what a message may be.
const maxText = 1 << 20

// Editor is one run of the program. It fits bubbletea's ExecCommand.
type Editor struct {
	argv   []string
	folder string
	text   string
	in     io.Reader
	out    io.Writer
	err    io.Writer
}

// New returns a run of argv, with the path of the draft as its last argument.
// Folder is where the draft is meanwhile: in memory, where there is such a
// place.
func New(argv []string, folder, draft string) *Editor {
	return &Editor{argv: argv, folder: folder, text: draft}
}

// SetStdin, SetStdout and SetStderr say which terminal the program has.
func (e *Editor) SetStdin(r io.Reader)  { e.in = r }
func (e *Editor) SetStdout(w io.Writer) { e.out = w }
func (e *Editor) SetStderr(w io.Writer) { e.err = w }

// Text is the draft, after Run as the program left it.
func (e *Editor) Text() string { return e.text }

// Run writes the draft, runs the program and reads the draft back. After an
// error the draft is what it was.
func (e *Editor) Run() error {
	f, err := os.CreateTemp(e.folder, "unibus-draft-*.txt") // 0600
	if err != nil {
		return errDraft.Because(err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(e.text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return errDraft.Because(err)
	}
	if err := e.program(f.Name()); err != nil {
		return err
	}
	return e.read(f.Name())
}

func (e *Editor) program(path string) error {
	cmd := exec.Command(e.argv[0], append(e.argv[1:len(e.argv):len(e.argv)], path)...)
	if terminal, ok := e.in.(*os.File); ok { // a copy would read ahead what is not for the program
		cmd.Stdin = terminal
	}
	cmd.Stdout, cmd.Stderr = e.out, e.err
	if err := cmd.Run(); err != nil {
		return bus.Errorf(bus.Failed, "editor", "%s ended with an error; the draft is as before", e.argv[0]).Because(err)
	}
	return nil
}

// read opens the path anew: editors put another file in its place.
func (e *Editor) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return errDraft.Because(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return errDraft.Because(err)
	}
	e.text = string(raw)
	return nil
}

var errDraft = bus.Errorf(bus.Failed, "draft", "the draft cannot be written to a file")
