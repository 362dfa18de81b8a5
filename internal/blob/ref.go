package blob

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"unibus/internal/bus"
)

// FragmentSize is the size in bytes of what stands behind '#': key 32, scope
// 16. This package does not look inside.
const FragmentSize = 32 + 16

const (
	piecePrefix    = "blob:"
	manifestPrefix = "blobm:"
	hidden         = "[key hidden]"
)

var fragmentText = base64.RawURLEncoding.Strict()

// ErrRef is the answer to anything that is no reference. It does not repeat
// the input, which may hold a key.
var ErrRef = bus.Errorf(bus.Invalid, "bad_ref", "not a blob reference: want blob:ID#KEY or blobm:ID#KEY").
	WithHint("copy it whole, with what stands after #")

// Ref points to a blob and can open it: whoever has its text can read the
// blob. It therefore prints without its fragment, also inside other values,
// through fmt, log/slog and encoders; Text alone gives all of it.
//
// A Ref is immutable and may be copied, but not compared with ==.
type Ref struct {
	id       bus.Hash
	manifest bool
	// A function, as all that fmt can print of one is its address. It cannot
	// call Format where a Ref is in an unexported field, and with a wrong verb
	// it prints even what a pointer points to.
	fragment func() [FragmentSize]byte
}

// PieceRef points to a blob that is the one piece id.
func PieceRef(id bus.Hash, fragment [FragmentSize]byte) Ref {
	return Ref{id: id, fragment: func() [FragmentSize]byte { return fragment }}
}

// ManifestRef points to a blob of the pieces that the manifest id lists.
func ManifestRef(id bus.Hash, fragment [FragmentSize]byte) Ref {
	r := PieceRef(id, fragment)
	r.manifest = true
	return r
}

// ParseRef reads "blob:<64 hex>#<fragment>" or "blobm:<64 hex>#<fragment>",
// hex in lower case, the fragment FragmentSize bytes in base64url without
// padding. One text for one reference; anything else is ErrRef.
func ParseRef(s string) (Ref, error) {
	rest, manifest := strings.CutPrefix(s, manifestPrefix)
	if !manifest {
		var ok bool
		if rest, ok = strings.CutPrefix(s, piecePrefix); !ok {
			return Ref{}, ErrRef
		}
	}
	name, secret, _ := strings.Cut(rest, "#")
	id, err := bus.ParseHash(name)
	fragment, ok := parseFragment(secret)
	if err != nil || !ok {
		return Ref{}, ErrRef
	}
	if manifest {
		return ManifestRef(id, fragment), nil
	}
	return PieceRef(id, fragment), nil
}

// parseFragment compares with its own output, as the decoder skips line ends.
func parseFragment(s string) (f [FragmentSize]byte, ok bool) {
	if len(s) != fragmentText.EncodedLen(FragmentSize) {
		return f, false
	}
	raw, err := fragmentText.DecodeString(s)
	if err != nil || fragmentText.EncodeToString(raw) != s {
		return f, false
	}
	return [FragmentSize]byte(raw), true
}

// ID is the hash of the piece or manifest that r points to.
func (r Ref) ID() bus.Hash { return r.id }

// IsManifest reports whether ID is that of a manifest.
func (r Ref) IsManifest() bool { return r.manifest }

// Fragment is the secret part: key 32, scope 16.
func (r Ref) Fragment() [FragmentSize]byte {
	if r.fragment == nil {
		return [FragmentSize]byte{}
	}
	return r.fragment()
}

// Public is the part before '#', which servers and logs may see.
func (r Ref) Public() string {
	if r.manifest {
		return manifestPrefix + r.id.String()
	}
	return piecePrefix + r.id.String()
}

// Text is the whole reference, secret included: for the person who put the
// blob and for sealed messages, never for logs, errors or servers.
func (r Ref) Text() string {
	f := r.Fragment()
	return r.Public() + "#" + fragmentText.EncodeToString(f[:])
}

// String hides the secret. What it gives does not parse.
func (r Ref) String() string { return r.Public() + "#" + hidden }

// Format hides the secret from every verb of fmt.
func (r Ref) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue hides the secret from log/slog.
func (r Ref) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText hides the secret from encoders; write Text where it is meant.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
