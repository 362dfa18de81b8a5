package identity

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
)

// Many at once each add a key; none is lost, and the passphrase stays.
func TestPlaceUpdatesTakeTurns(t *testing.T) {
	t.Parallel()
	for name, passphrase := range map[string][]byte{"plain": nil, "sealed": []byte("correct horse")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := 2 // each opens and seals it: that is slow on purpose
			if passphrase == nil {
				many = 20
			}
			path := filepath.Join(t.TempDir(), "identity")
			first := placed(t, path, passphrase)
			p := Place{Path: path, Passphrase: func() ([]byte, error) { return passphrase, nil }}
			var all sync.WaitGroup
			for range many {
				all.Go(func() {
					err := p.Update(func(f *File) (bool, error) {
						f.KEMs = append(f.KEMs, KEMEntry{Serial: f.KEMs[len(f.KEMs)-1].Serial + 1, Key: NewKEMKey(), Made: time.Now()})
						return true, nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			_, err := Load(path, func() ([]byte, error) { return nil, errors.New("asked") })
			if sealed := err != nil; sealed != (passphrase != nil) {
				t.Errorf("opened without a passphrase: %v", err)
			}
			err = p.Update(func(f *File) (bool, error) {
				if got := len(f.KEMs); got != many+1 || f.Endpoint() != first.Endpoint() {
					t.Errorf("got %d keys, want %d", got, many+1)
				}
				return false, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPlaceKeepsWhatWasNotChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity")
	placed(t, path, nil)
	p := Place{Path: path}
	why := errors.New("no")
	for name, change := range map[string]func(*File) (bool, error){
		"an error":    func(f *File) (bool, error) { f.Name = "other"; return true, why },
		"not changed": func(f *File) (bool, error) { f.Name = "other"; return false, nil },
	} {
		if err := p.Update(change); err != nil && !errors.Is(err, why) {
			t.Errorf("%s: got %v", name, err)
		}
		if f, err := Load(path, nil); err != nil || f.Name != "laptop" {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
	if err := (Place{Path: path + "2"}).Update(nil); bus.CodeOf(err) != "identity_missing" {
		t.Errorf("a missing one: got %v", err)
	}
	if err := p.Reseal([]byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, func() ([]byte, error) { return []byte("wrong"), nil }); bus.CodeOf(err) != "identity_locked" {
		t.Errorf("sealed: got %v", err)
	}
}

// What a crash left of a new identity file is removed by the next one who changes
// it, and nothing of other files.
func TestPlaceSweeps(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity")
	placed(t, path, nil)
	mine, other := filepath.Join(filepath.Dir(path), ".new-identity-123"), filepath.Join(filepath.Dir(path), ".new-context-123")
	for _, name := range []string{mine, other} {
		if err := os.WriteFile(name, []byte("keys"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Place{Path: path}).Update(func(*File) (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new identity file is left: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file of somebody else: %v", err)
	}
}

func placed(t *testing.T, path string, passphrase []byte) *File {
	t.Helper()
	seed := NewSeed()
	f := &File{Account: AccountIDOf(seed.Account().Public()), Name: "laptop", Content: NewSigningKey(), Transport: NewTransportKey(),
		Seed: &seed, ProfileKey: NewProfileKey(), KEMs: []KEMEntry{{Serial: 1, Key: NewKEMKey(), Made: time.Now()}}}
	if err := Save(path, f, passphrase); err != nil {
		t.Fatal(err)
	}
	return f
}
