//go:build unix

package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"unibus/internal/bus"
)

// A pipe is refused without waiting for who writes into it.
func TestChatOpensNoPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openFile(path)
	if bus.KindOf(err) != bus.Invalid {
		t.Errorf("got %v", err)
	}
	wantsChatWords(t, err)
}

// Another user of the machine who may change the folder puts something else where the
// file was, of the same size and time. It is not sent.
func TestChatSendsWhatWasAttached(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(secret, path string) error{
		"a link":      os.Symlink,
		"a hard link": os.Link,
		"a pipe":      func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder":    func(_, path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, path := attachedPair(t)
			a, err := attachable(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := openAttached(a)
			if err != nil {
				t.Fatalf("as it was: %v", err)
			}
			f.close()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := swap(secret, path); err != nil {
				t.Fatal(err)
			}
			if _, err := openAttached(a); bus.CodeOf(err) != errFileChanged.Code {
				t.Errorf("sends it: %v", err)
			}
		})
	}
}

// ... nor what was written into it under the time that it had, nor what a link on the
// way to it leads to since.
func TestChatSendsItAsItWas(t *testing.T) {
	t.Parallel()
	secret, path := attachedPair(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := attachable(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // the clock of a file system has steps of some milliseconds
		if err = errors.Join(os.WriteFile(path, []byte("other"), 0o600), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
		var f openedFile
		if f, err = openAttached(a); err == nil {
			f.close()
		}
	}
	if bus.CodeOf(err) != errFileChanged.Code {
		t.Errorf("sends what was written since: %v", err)
	}

	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Fatal(err)
	}
	real, err := realPath(filepath.Join(link, filepath.Base(path)))
	if err != nil {
		t.Fatal(err)
	}
	if a, err = attachable(real); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Remove(link), os.Symlink(filepath.Dir(secret), link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := openAttached(a)
	if err != nil || f.Mark != a.Mark {
		t.Fatalf("the link is followed again: %v", err)
	}
	f.close()
}

// attachedPair is a file of somebody else and one that is attached, alike in all that
// a person who may not read the first can find out.
func attachedPair(t *testing.T) (secret, path string) {
	t.Helper()
	secret, path = filepath.Join(t.TempDir(), "netrc"), filepath.Join(t.TempDir(), "netrc")
	for name, words := range map[string]string{secret: "words", path: "decoy"} {
		if err := os.WriteFile(name, []byte(words), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(secret)
	if err == nil {
		err = os.Chtimes(path, info.ModTime(), info.ModTime())
	}
	if err != nil {
		t.Fatal(err)
	}
	return secret, path
}

// Nor is a pipe waited for that takes the place between the look and the opening.
func TestChatWaitsForNoPipe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, pipe, file := filepath.Join(folder, "path"), filepath.Join(folder, "pipe"), filepath.Join(folder, "file")
	for _, err := range []error{os.WriteFile(file, []byte("x"), 0o600), syscall.Mkfifo(pipe, 0o600), os.Link(file, path)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		spare := filepath.Join(folder, "spare")
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := os.Link([]string{pipe, file}[n%2], spare); err == nil {
				_ = os.Rename(spare, path)
			}
			_ = os.Remove(spare) // links of one file are not renamed
		}
	})
	for range 2000 {
		if f, err := openFile(path); err == nil {
			f.close()
		}
	}
	close(stop)
	swapping.Wait()
}
