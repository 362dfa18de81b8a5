package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Entry is one identity file and what opens it.
type Entry struct {
	identity string
	secret   identity.Secret
}

// maxPassphrase bounds what an answer must hold, in bytes; the key of a seal has 16.
const maxPassphrase = 16 << 10

// NewEntry takes a copy of a secret; Serve overwrites it in the end.
func NewEntry(identityPath string, secret identity.Secret) (Entry, error) {
	path, err := filepath.Abs(identityPath)
	if err != nil {
		return Entry{}, errPath.Because(err)
	}
	if len(secret.Passphrase()) > maxPassphrase {
		return Entry{}, bus.Errorf(bus.TooLarge, "passphrase_size", "the passphrase is longer than %d bytes", maxPassphrase).WithHint("choose a shorter one")
	}
	return Entry{path, secret.Clone()}, nil
}

// Socket names the socket in dir for one identity file: each has an agent of
// its own, which ends when its time is over. The name is short, as a socket's
// must be.
func Socket(dir, identityPath string) (string, error) {
	path, err := filepath.Abs(identityPath)
	if err != nil {
		return "", errPath.Because(err)
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, "agent-"+hex.EncodeToString(sum[:8])), nil
}

var errPath = bus.Errorf(bus.Failed, "agent_path", "the folder that this runs in is gone")
