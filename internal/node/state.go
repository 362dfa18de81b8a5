package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// state is node.json: what a node has to know of its past that its stores
// cannot tell, because they may be what was lost.
type state struct {
	Version int `json:"version"`
	// Bus is the init marker: stores that are empty beside it were lost.
	Bus  *bus.ID `json:"bus,omitempty"`
	Name string  `json:"name"`
	// Enforced says that signatures were demanded here. From then on people
	// rely on it, and it is never less again.
	Enforced bool `json:"enforced"`
	// Ports that were chosen by the system, which clients now know.
	ListenPort string `json:"listen_port,omitempty"`
	NATSPort   string `json:"nats_port,omitempty"`
	// StoreKey is the fingerprint of the key of the message store.
	StoreKey string `json:"store_key,omitempty"`
	// LinkEnds is when the founding link expires.
	LinkEnds time.Time `json:"link_ends,omitzero"`
}

const stateVersion = 1

var errState = bus.Errorf(bus.Integrity, "node_state", "node.json in the data directory cannot be read").
	WithHint("restore it from a backup")

// loadState reads the state; found is false when there is none yet.
func loadState(path string) (s state, found bool, err error) {
	raw, err := readFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return state{Version: stateVersion, Name: "n1"}, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s, err = parseState(raw)
	return s, true, err
}

// parseState is strict: a key that it does not know may be what makes the
// node safe.
func parseState(raw []byte) (s state, err error) {
	var version struct{ Version int }
	if err := json.Unmarshal(raw, &version); err == nil && version.Version > stateVersion {
		return s, bus.Errorf(bus.Unsafe, "state_newer", "a newer unibus has used this data directory").
			WithHint("run that version, or restore a backup")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, errState.Because(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) || s.Version != stateVersion || s.Name == "" {
		return s, errState
	}
	return s, nil
}

func (s state) save(path string) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Replace(path, append(raw, '\n'))
}

// allows refuses a mode that checks less than this directory has promised.
func (s state) allows(mode bus.Mode) error {
	if mode == bus.ModeEnforce || !s.Enforced {
		return nil
	}
	return bus.Errorf(bus.Unsafe, "weaker_auth", "--auth %s: this data directory has run with enforce", mode).
		WithHint("use --auth enforce; to try something out, use --dev without --data")
}
