package buslog

import (
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Halves is one entry against an admin, once for every device of another admin who
// may write it: each is signed by its cosigner and not yet by its author. It is no
// secret, and is worth nothing once anything else is written to the log, or
// bus.ChainSkew is over.
type Halves []*chain.Entry

const halvesPrefix = "unibus-half:"

// MaxHalves bounds what one line holds, about 350 characters each.
const MaxHalves = 100

// String is one line: a prefix and base64url of, for each entry, length 2 | entry.
func (h Halves) String() string {
	var b cryptobyte.Builder
	for _, e := range h {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.Encode()) })
	}
	return halvesPrefix + base64.RawURLEncoding.EncodeToString(b.BytesOrPanic())
}

// ParseHalves reads what String wrote: entries of OpRole or OpRevoke that name a
// cosigner and carry one signature, at most MaxHalves. It checks no rule and no
// signature. Anything else is an error of kind Invalid, code bad_proposal_line.
func ParseHalves(line string) (Halves, error) {
	encoded, ok := strings.CutPrefix(line, halvesPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, errHalves
	}
	var out Halves
	for s := cryptobyte.String(raw); !s.Empty(); {
		var one cryptobyte.String
		if !s.ReadUint16LengthPrefixed(&one) || len(out) == MaxHalves {
			return nil, errHalves
		}
		e, err := chain.Parse(one)
		if err != nil || len(e.Sigs) != 1 {
			return nil, errHalves
		}
		if _, named := CosignerOf(e); !named {
			return nil, errHalves
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, errHalves
	}
	return out, nil
}

var errHalves = bus.Errorf(bus.Invalid, "bad_proposal_line", "this is no proposal of an admin").
	WithHint("copy the whole line that --propose printed")
