package signing

import (
	"encoding/base64"
	"strings"
)

// component is one line of a signature base: a derived component or a header
// field by its name, and its value.
type component struct{ name, value string }

// signatureBase writes RFC 9421 §2.5 for any components: the base, without a
// last newline, and the inner list with its parameters, as it stands in the
// base and behind the label in Signature-Input. Parameters come serialized, each
// with its semicolon; names and values must hold no quote and no newline.
func signatureBase(covered []component, parameters string) (base []byte, list string) {
	names := make([]byte, 0, 256) // as long as any list of the profile
	base = make([]byte, 0, 512)
	names = append(names, '(')
	for i, c := range covered {
		if i > 0 {
			names = append(names, ' ')
		}
		names = append(append(append(names, '"'), c.name...), '"')
		base = append(append(append(base, '"'), c.name...), `": `...)
		base = append(append(base, c.value...), '\n')
	}
	list = string(append(append(names, ')'), parameters...))
	base = append(base, `"@signature-params": `...)
	return append(base, list...), list
}

// namedBytes writes a structured field of one named byte sequence (RFC 9651):
// the form of Signature and Content-Digest.
func namedBytes(name string, b []byte) string {
	return name + "=:" + base64.StdEncoding.EncodeToString(b) + ":"
}

// parseNamedBytes reads exactly what namedBytes writes for n bytes.
func parseNamedBytes(name, field string, n int) ([]byte, bool) {
	text, ok := strings.CutPrefix(field, name+"=:")
	if !ok || len(text) != base64.StdEncoding.EncodedLen(n)+1 {
		return nil, false
	}
	b, err := base64.StdEncoding.DecodeString(text[:len(text)-1])
	return b, err == nil && len(b) == n && namedBytes(name, b) == field
}
