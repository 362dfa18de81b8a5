package agent

import (
	"fmt"
	"io"

	"unibus/internal/identity"
)

// handed is one line to a process that is to serve what it holds.
type handed struct {
	Passphrase []byte `json:"passphrase"`
	Key        []byte `json:"key"`
}

// Hand gives what opens an identity file to a process that is to serve it, which
// calls Take. No copy of it is left here but s.
func Hand(w io.Writer, s identity.Secret) error {
	return writeLine(w, handed{s.Passphrase(), s.Key()})
}

// Take reads what Hand wrote. The caller wipes it; no other copy is left here.
func Take(r io.Reader) (identity.Secret, error) {
	var h handed
	if err := readLine(r, &h); err != nil {
		return identity.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	}
	return identity.NewSecret(h.Passphrase, h.Key), nil
}
