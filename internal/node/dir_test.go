package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

func mkdir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryInUse(t *testing.T) {
	t.Parallel()
	o := options(t)
	n := start(t, o)
	again := o
	again.Found = nil
	refused(t, again, "data_in_use", o.Dir)
	if err := node.Check(t.Context(), again); bus.CodeOf(err) != "data_in_use" {
		t.Errorf("check of a directory in use: got %v, want data_in_use", err)
	}
	stop(t, n)
	start(t, o)
}

func TestUnusableDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "", 0o600)
	for _, path := range []string{file, filepath.Join(file, "below")} {
		o := options(t)
		o.Dir = path
		refused(t, o, "data_unusable", path)
		if err := node.Check(t.Context(), o); bus.CodeOf(err) != "data_unusable" {
			t.Errorf("check of %s: got %v, want data_unusable", path, err)
		}
	}
}

func TestUnwritableDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		dir := t.TempDir()
		mkdir(t, dir, 0o500)
		o := options(t)
		o.Dir = filepath.Join(dir, "node")
		refused(t, o, "data_unusable", o.Dir)
		return
	}
	o := options(t) // root may write anywhere but where the kernel says no
	o.Dir = "/proc/unibus"
	refused(t, o, "data_unusable", o.Dir)
}

func TestDirectoryOfOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Log("no mode bits: nothing to see")
		return
	}
	o := options(t)
	mkdir(t, o.Dir, 0o755)
	writeFile(t, filepath.Join(o.Dir, "letter"), "dear", 0o600)
	refused(t, o, "data_mode", o.Dir)
	if err := node.Check(t.Context(), o); bus.CodeOf(err) != "data_mode" {
		t.Errorf("check: got %v, want data_mode", err)
	}
	if info, err := os.Stat(o.Dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the mode of somebody's directory was changed: %v %v", info.Mode(), err)
	}

	empty := options(t)
	mkdir(t, empty.Dir, 0o755)
	n := start(t, empty)
	stop(t, n)
	mkdir(t, empty.Dir, 0o755)
	start(t, empty)
	if info, err := os.Stat(empty.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the mode of a node's directory: %v %v, want 0700", info.Mode(), err)
	}
}

// What a founded directory must hold, and what it says when that is not there.
func TestMarker(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, code string
		damage     func(t *testing.T, dir string)
	}{
		{"membership lost", "store_lost", func(t *testing.T, dir string) { remove(t, dir, "membership") }},
		{"membership emptied", "store_lost", func(t *testing.T, dir string) {
			remove(t, dir, "membership")
			emptyStore(t, dir)
		}},
		{"membership of another bus", "store_lost", func(t *testing.T, dir string) {
			remove(t, dir, "membership")
			other := options(t)
			stop(t, start(t, other))
			if err := os.Rename(filepath.Join(other.Dir, "membership"), filepath.Join(dir, "membership")); err != nil {
				t.Fatal(err)
			}
		}},
		{"messages lost", "store_damaged", func(t *testing.T, dir string) { remove(t, dir, "messages") }},
		{"store key lost", "store_key_missing", func(t *testing.T, dir string) { remove(t, dir, "store.key") }},
		{"store key changed", "store_key_wrong", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "store.key"), "00000000000000000000000000000000000000000000000000000000000000ff\n", 0o600)
		}},
		{"store key cut", "store_key_bad", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "store.key"), "00ff\n", 0o600)
		}},
		{"store key shown", "file_mode", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "store.key"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"TLS key lost", "tls_damaged", func(t *testing.T, dir string) { remove(t, dir, "tls/key.pem") }},
		{"certificate lost", "tls_damaged", func(t *testing.T, dir string) { remove(t, dir, "tls/cert.pem") }},
		{"TLS key no key", "tls_damaged", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "tls", "key.pem"), "nonsense", 0o600)
		}},
		{"state damaged", "node_state", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "node.json"), "{", 0o600)
		}},
		{"state of a newer version", "state_newer", func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "node.json"), `{"version":2,"future":true}`, 0o600)
		}},
	}
	whole := options(t)
	stop(t, start(t, whole))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			copyDir(t, whole.Dir, o.Dir)
			tt.damage(t, o.Dir)
			o.Found = func(context.Context, node.Request) (*node.Founding, error) {
				t.Error("a bus is founded over another one")
				return nil, context.Canceled
			}
			refused(t, o, tt.code, "")
			if err := node.Check(t.Context(), o); bus.CodeOf(err) != tt.code && tt.name != "messages lost" {
				t.Errorf("check: got %v, want %s", err, tt.code)
			}
		})
	}
}

// copyDir copies a data directory, with its modes and without its ports.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return errors.Join(err, os.Chmod(path, 0o700))
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(to, "node.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = regexp.MustCompile(`"(listen|nats)_port": "\d+",`).ReplaceAll(raw, nil)
	writeFile(t, filepath.Join(to, "node.json"), string(raw), 0o600)
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// emptyStore puts a membership store without a bus into a directory.
func emptyStore(t *testing.T, dir string) {
	t.Helper()
	o := options(t)
	o.Found = func(context.Context, node.Request) (*node.Founding, error) { return nil, context.Canceled }
	if _, err := node.Start(nodetest.Context(t), o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(o.Dir, "membership"), filepath.Join(dir, "membership")); err != nil {
		t.Fatal(err)
	}
}

func TestWeakerModeRefused(t *testing.T) {
	t.Parallel()
	o := options(t)
	stop(t, start(t, o))
	for _, mode := range []bus.Mode{bus.ModeSoft, bus.ModeOff} {
		o.Auth = mode
		refused(t, o, "weaker_auth", string(mode))
		if err := node.Check(t.Context(), o); bus.CodeOf(err) != "weaker_auth" {
			t.Errorf("check with --auth %s: got %v, want weaker_auth", mode, err)
		}
	}
	remove(t, o.Dir, "node.json") // does not help
	refused(t, o, "weaker_auth", "")

	o.Auth = bus.ModeEnforce
	start(t, o)
}

// A directory that began weak is bound once it has run with enforce.
func TestEnforceIsForGood(t *testing.T) {
	t.Parallel()
	o := options(t)
	for _, mode := range []bus.Mode{bus.ModeOff, bus.ModeSoft, bus.ModeEnforce} {
		o.Auth = mode
		stop(t, start(t, o))
	}
	o.Auth = bus.ModeSoft
	refused(t, o, "weaker_auth", "soft")
}

func TestStoreKeyElsewhere(t *testing.T) {
	t.Parallel()
	o := options(t)
	key := filepath.Join(t.TempDir(), "key")
	o.StoreKeyFile = key
	stop(t, start(t, o))
	if _, err := os.Stat(filepath.Join(o.Dir, "store.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a key in the data directory: %v", err)
	}
	o.StoreKeyFile = ""
	refused(t, o, "store_key_missing", "")
	if err := os.Rename(key, key+".moved"); err != nil {
		t.Fatal(err)
	}
	o.StoreKeyFile = key + ".moved"
	start(t, o)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Dir = filepath.Join(o.Dir, "a", "b")
	if err := node.Check(t.Context(), o); err != nil {
		t.Errorf("check of a directory that could be made: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(o.Dir))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the check left something behind: %v", err)
	}
	stop(t, start(t, o))
	o.Found = nil
	if err := node.Check(t.Context(), o); err != nil {
		t.Errorf("check of a good directory: %v", err)
	}
	if err := node.Check(t.Context(), o); err != nil {
		t.Errorf("check leaves the directory in use: %v", err)
	}
	o.Hosts = []string{"new.example"}
	if err := node.Check(t.Context(), o); bus.CodeOf(err) != "cert_hosts" {
		t.Errorf("check with a host that the certificate lacks: got %v, want cert_hosts", err)
	}
}
