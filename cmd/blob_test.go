package cmd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"unibus/internal/bus"
	"unibus/internal/text"
)

func TestFileFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		out, name string
		want      string // "" = refused
	}{
		{"", "report.pdf", "report.pdf"},
		{"", "größe 2.txt", "größe 2.txt"},
		{"there", "report.pdf", "there"},
		{"a/b", "../x", "a/b"},
		{"", "", ""}, {"", ".", ""}, {"", "..", ""}, {"", ".bashrc", ""}, {"", "-rf", ""}, {"", "a/b", ""}, {"", "/etc/passwd", ""},
		{"", "a\nb", ""}, {"", "a\tb", ""}, {"", "\x1b[31mred", ""}, {"", "gpj.\u202eexe", ""}, {"", "a\x00b", ""}, {"", "\xff", ""},
	}
	for _, tt := range tests {
		got, err := fileFor(tt.out, tt.name)
		if got.path != tt.want || (err == nil) != (tt.want != "") || got.replace != (tt.out != "") && err == nil {
			t.Errorf("-O %q, name %q: got %+v %v, want %q", tt.out, tt.name, got, err, tt.want)
		}
	}
}

// What is fetched is there whole, or nothing is.
func TestDownloadIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	torn := bus.Errorf(bus.Integrity, "bad_blob", "torn")
	tests := []struct {
		name    string
		there   string // in place of the file before, "" = nothing
		replace bool
		data    io.Reader
		code    string
		want    string // in the file after, "" = none
	}{
		{"new", "", false, strings.NewReader("data"), "", "data"},
		{"empty", "", false, strings.NewReader(""), "", ""},
		{"taken", "old", false, strings.NewReader("data"), "file_exists", "old"},
		{"replaced", "old", true, strings.NewReader("data"), "", "data"},
		{"torn", "", false, io.MultiReader(strings.NewReader("da"), iotest.ErrReader(torn)), "bad_blob", ""},
		{"torn, replacing", "old", true, io.MultiReader(strings.NewReader("da"), iotest.ErrReader(torn)), "bad_blob", "old"},
		{"disk full", "old", true, iotest.ErrReader(&fs.PathError{Op: "write", Err: syscall.ENOSPC}), "disk_full", "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			if tt.there != "" {
				if err := os.WriteFile(path, []byte(tt.there), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := download{path: path, replace: tt.replace}.write(tt.data)
			if tt.code == "" && err != nil || tt.code != "" && bus.CodeOf(err) != tt.code {
				t.Errorf("got %v, want code %q", err, tt.code)
			}
			if got, _ := os.ReadFile(path); string(got) != tt.want {
				t.Errorf("the file holds %q, want %q", got, tt.want)
			}
			if info, err := os.Stat(path); err == nil && tt.code == "" && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others can read it: %s", info.Mode())
			}
			if _, err := os.Lstat(path + ".part"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a part is left: %v", err)
			}
		})
	}
}

// Somebody else makes the file while it is fetched: his stays.
func TestDownloadNeverWritesOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	late := iotest.DataErrReader(readerFunc(func(p []byte) (int, error) {
		return copy(p, "mine"), errors.Join(os.WriteFile(path, []byte("his"), 0o600), io.EOF)
	}))
	_, err := download{path: path}.write(eofReader{late})
	if bus.CodeOf(err) != "file_exists" {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "his" {
		t.Errorf("the file holds %q", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// eofReader makes a joined end of input a plain one.
type eofReader struct{ io.Reader }

func (r eofReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

func TestScreenTakesTextAlone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		shown      bool
	}{
		{"text", "Grüße\n\tan alle\n", true},
		{"windows", "one\r\ntwo\r\n", true},
		{"emoji", "done 🎉\n", true},
		{"zeros", "\x00\x00", false},
		{"escape", "\x1b[2Jgone", false},
		{"c1", "\u009b31m", false},
		{"bidi", "abc\u202edef", false},
		{"not UTF-8", "\xff\xfe\x00a", false},
		{"gzip", "\x1f\x8b\x08", false},
	}
	for _, tt := range tests {
		var whole, bytewise bytes.Buffer
		_, err := io.Copy(&screen{to: &whole}, strings.NewReader(tt.data))
		_, err2 := io.Copy(&screen{to: &bytewise}, struct{ io.Reader }{iotest.OneByteReader(strings.NewReader(tt.data))})
		if (err == nil) != tt.shown || (err2 == nil) != tt.shown {
			t.Errorf("%s: got %v, byte by byte %v, want shown %v", tt.name, err, err2, tt.shown)
		}
		if want := strings.ReplaceAll(tt.data, "\r\n", "\n"); tt.shown && (whole.String() != want || bytewise.String() != want) {
			t.Errorf("%s: showed %q and %q, want %q", tt.name, whole.String(), bytewise.String(), want)
		}
		if err != nil && bus.CodeOf(err) != "binary" {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte("text\r\n"), 3)
	f.Add([]byte("\x1b[31m\xf0\x9f"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var out bytes.Buffer
		s := &screen{to: &out}
		cut = min(max(cut, 0), len(data))
		_, err := s.Write(data[:cut])
		if err == nil {
			_, err = s.Write(data[cut:])
		}
		shown := out.String()
		if err == nil && strings.ReplaceAll(string(data), "\r\n", "\n") != shown+string(s.held) {
			t.Errorf("showed %q of %q", shown, data)
		}
		if strings.ContainsAny(shown, "\x1b\x00\x07\u009b\u202e") {
			t.Errorf("showed %q", shown)
		}
		_ = text.Clean(shown)
	})
}

// The line is drawn on a terminal, late enough not to flicker, and taken away.
func TestProgress(t *testing.T) {
	t.Parallel()
	f := newFakeEnv("").atTerminal()
	now := f.Now()
	f.Now = func() time.Time { return now }
	bar := &progress{env: f.Env, start: now}
	bar.of(4 << 20)
	bar.add(1 << 20)
	if f.stderr.Len() > 0 {
		t.Errorf("drew %q at once", f.stderr.String())
	}
	now = now.Add(time.Second)
	bar.add(1 << 20)
	bar.add(1 << 20)
	if got := f.stderr.String(); got != "\r2.0 MiB of 4.0 MiB, 2.0 MiB/s\x1b[K" {
		t.Errorf("drew %q", got)
	}
	bar.clear()
	if !strings.HasSuffix(f.stderr.String(), "\r\x1b[K") {
		t.Error("the line stays")
	}
	for name, quiet := range map[string]*fakeEnv{"a pipe": newFakeEnv(""), "--quiet": newFakeEnv("").atTerminal()} {
		quiet.Quiet = name == "--quiet"
		bar := &progress{env: quiet.Env}
		bar.add(1 << 30)
		bar.clear()
		if quiet.stderr.Len() > 0 {
			t.Errorf("%s: drew %q", name, quiet.stderr.String())
		}
	}
}

func TestBlobID(t *testing.T) {
	t.Parallel()
	id := bus.Hash{7}
	for word, ok := range map[string]bool{
		id.String(): true, "blob:" + id.String(): true, "blobm:" + id.String(): true,
		"blob:" + id.String() + "#short": false, "": false, strings.ToUpper(bus.Hash{0xab}.String()): false, id.String()[1:]: false,
	} {
		if got, err := blobID(word); (err == nil) != ok || ok && got != id {
			t.Errorf("%q: got %v %v, want ok %v", word, got, err, ok)
		}
	}
}
