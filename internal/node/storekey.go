package node

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// storeKeySize is what the cipher of the message store takes.
const storeKeySize = 32

// openStoreKey reads the key of the message store, and makes it where the
// store cannot hold anything yet. The fingerprint in the state tells a wrong
// key from a damaged store.
func (n *Node) openStoreKey() ([]byte, error) {
	if n.o.ClearStore {
		return nil, nil
	}
	path := n.o.StoreKeyFile
	if path == "" {
		path = n.dir.file("store.key")
	}
	known := n.now().StoreKey
	key, err := readStoreKey(path)
	if errors.Is(err, os.ErrNotExist) && known == "" {
		key, err = makeStoreKey(path)
	}
	if err != nil {
		return nil, storeKeyError(path, err)
	}
	print := fingerprint(key)
	if known != "" && known != print {
		return nil, bus.Errorf(bus.Unsafe, "store_key_wrong", "--store-key-file: %s is not the key that the messages were stored with", path).
			WithHint("name the file that holds that key")
	}
	if known == "" {
		err = n.change(func(s *state) { s.StoreKey = print })
	}
	return key, err
}

func readStoreKey(path string) ([]byte, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, err
	}
	key := make([]byte, storeKeySize)
	text := bytes.TrimSuffix(raw, []byte("\n"))
	if len(text) != hex.EncodedLen(storeKeySize) {
		return nil, errStoreKey
	}
	if _, err := hex.Decode(key, text); err != nil {
		return nil, errStoreKey
	}
	return key, nil
}

var errStoreKey = bus.Errorf(bus.Integrity, "store_key_bad", "--store-key-file: not a key: want 64 hex digits").
	WithHint("name the file that holds the key, or bring it back as it was")

func makeStoreKey(path string) ([]byte, error) {
	key := make([]byte, storeKeySize)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return key, atomicfile.Replace(path, append([]byte(hex.EncodeToString(key)), '\n'))
}

// fingerprint tells keys apart and says nothing of a random one.
func fingerprint(key []byte) string {
	sum := sha256.Sum256(append([]byte("unibus/1 store key"), key...))
	return hex.EncodeToString(sum[:8])
}

func storeKeyError(path string, err error) error {
	if bus.CodeOf(err) != "failed" {
		return err
	}
	if errors.Is(err, os.ErrNotExist) {
		return bus.Errorf(bus.Unsafe, "store_key_missing", "--store-key-file: the key of the message store is not at %s", path).
			WithHint("bring the file back, or name where it is: without it stored messages cannot be read").Because(err)
	}
	return bus.Errorf(bus.Unsafe, "store_key_unusable", "--store-key-file: cannot use %s", path).
		WithHint("name a file that this user can read, in a directory that this user can write to").Because(err)
}
