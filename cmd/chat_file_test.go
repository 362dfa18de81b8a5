package cmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client/transfer"
	"unibus/internal/seal"
	"unibus/tui"
)

// Only plain files are sent.
func TestChatOpensFiles(t *testing.T) {
	t.Parallel()
	at := func(name string) string { return filepath.Join(folderOfFiles(t), name) }
	for name, want := range map[string]struct {
		code string
		kind bus.Kind
	}{
		"plain": {}, "link": {}, "empty": {},
		"folder":    {"is_folder", bus.Invalid},
		"gone":      {"no_file", bus.NotFound},
		"plain/sub": {"unreadable_file", bus.Failed},
	} {
		path, err := realPath(at(name))
		var f openedFile
		if err == nil {
			f, err = openFile(path)
		}
		if want.code == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			data, err := io.ReadAll(f.Data)
			if f.close(); err != nil || int64(len(data)) != f.Size || f.Name != filepath.Base(path) || f.Mark == "" {
				t.Errorf("%s: got %+v, %v", name, f, err)
			}
			continue
		}
		if bus.CodeOf(err) != want.code || bus.KindOf(err) != want.kind {
			t.Errorf("%s: got %v", name, err)
		}
		wantsChatWords(t, err)
	}
	wantsChatWords(t, fileWords(fs.ErrPermission))
}

func folderOfFiles(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(folder, "plain"), []byte("words"), 0o600),
		os.WriteFile(filepath.Join(folder, "empty"), nil, 0o600),
		os.Symlink("plain", filepath.Join(folder, "link")),
		os.Mkdir(filepath.Join(folder, "folder"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// wantsChatWords holds an error to what helps in the chat: it says what to do, and
// names no flag of a command.
func wantsChatWords(t *testing.T, err error) {
	t.Helper()
	var fault *bus.Error
	if !errors.As(err, &fault) || fault.Hint == "" || strings.Contains(fault.Error(), " -") || strings.Contains(fault.Error(), "unibus ") {
		t.Errorf("these are not the chat's words: %v", err)
	}
}

func TestChatWords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folderOfFiles(t), "plain")
	for _, err := range []error{
		errNothingWaits, saveWords(errHalted), saveWords(transfer.ErrStalled), saveWords(download{path: path}.free()),
		saveWords(download{path: filepath.Dir(path)}.free()), saveWords(download{path: path}.failed(syscall.ENOSPC)),
		saveWords(download{path: path}.failed(&fs.PathError{Err: fs.ErrPermission})),
	} {
		wantsChatWords(t, err)
	}
	_, err := fileFor("", ".hidden")
	wantsChatWords(t, saveWords(err))
	_, err = recordOf(tui.Draft{Kind: "file"})
	wantsChatWords(t, err)
	if saveWords(nil) != nil {
		t.Error("what was saved is called a failure")
	}
}

// Whatever a file is called here, the others can save it under a name.
func TestChatSentNames(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/tmp/a b.txt":                "a b.txt",
		"/tmp/two\nlines":             "two lines",
		`/tmp/back\slash`:             "back_slash",
		"/tmp/ä\x1b[2J日本":             "ä日本",
		"/" + strings.Repeat("日", 90): strings.Repeat("日", 85),
	} {
		got := sentName(path)
		if got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
		if _, err := seal.Pack(strings.NewReader(""), seal.File{Name: got}); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	}
}

// What ends like a folder is one, or nothing is saved there.
func TestChatSavesIntoFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{dir: dir + "/plan.txt", dir + "/": dir + "/plan.txt", dir + "/as.txt": dir + "/as.txt"} {
		if got, err := savedAs(path, "plan.txt"); err != nil || got.path != want {
			t.Errorf("%s: saved as %s, %v; want %s", path, got.path, err, want)
		}
	}
	_, err := savedAs(dir+"/none/", "plan.txt")
	if bus.CodeOf(err) != "no_folder" {
		t.Errorf("a folder that is not there: %v", err)
	}
	wantsChatWords(t, saveWords(err))
}
