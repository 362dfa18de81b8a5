package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoadNamesSymlink: who put a link there, say by a dotfile manager, is told
// that it is one.
func TestLoadNamesSymlink(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "identity")
	if err := os.Symlink(saved(t, newFile(t)), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link, nil); err == nil || !strings.Contains(err.Error(), "symlink") {
		t.Errorf("got %v, want a word about the symlink", err)
	}
}
