package account

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// FuzzBody holds every parser to one body for one meaning.
func FuzzBody(f *testing.F) {
	f.Add(Add{Kind: KindDevice, Content: identity.VerifyKey{1}, Transport: identity.TransportID{2}, Name: "x"}.Encode())
	f.Add(KEM{Serial: 1}.Encode())
	f.Add(Revoke{By: ByAdmin, Endpoint: bus.EndpointID{1}, At: bus.Ref{Index: 1}}.Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, ok := ParseAdd(body); ok && !bytes.Equal(a.Encode(), body) {
			t.Errorf("add: %x", body)
		}
		if k, ok := parseKEM(body); ok && !bytes.Equal(k.Encode(), body) {
			t.Errorf("kem: %x", body)
		}
		if r, ok := parseRevoke(body); ok && !bytes.Equal(r.Encode(), body) {
			t.Errorf("revoke: %x", body)
		}
	})
}
