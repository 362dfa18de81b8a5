package signing

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// label names the signature in its headers.
const label = "unibus"

// parameters are those of the profile, in its order: created, nonce, keyid. No
// value needs escaping, since checkFacts ran before.
const parameters = `;created=%d;nonce="%s";keyid="%s";alg="ed25519";tag="unibus-1"`

// maxCreated is the largest integer of a structured field (RFC 9651 §3.3.1).
const maxCreated = 999_999_999_999_999

// Request is what a signature covers.
type Request struct {
	Method    string
	Authority string // as in the Host header; normalised before it is signed
	Target    string // the raw bytes of the request line: path?query
	// Digest is the SHA-256 of the body when HasBody(Method), else zero.
	Digest  bus.Hash
	Created time.Time // signed in whole seconds
	Nonce   string    // of NewNonce, fresh for each request
	Key     KeyID
}

// KeyID names the key of a signature, and the bus it is meant for: the same
// request must mean nothing on another bus.
type KeyID struct {
	Bus    bus.ID
	Signer identity.TransportID
}

func (k KeyID) String() string { return k.Bus.String() + ":" + k.Signer.String() }

func parseKeyID(s string) (k KeyID, err error) {
	id, signer, _ := strings.Cut(s, ":")
	if k.Bus, err = bus.ParseID(id); err != nil {
		return k, err
	}
	k.Signer, err = identity.ParseTransportID(signer)
	return k, err
}

// HasBody says whether requests of a method have a body, maybe an empty one,
// and so a signed digest. GET and HEAD must come without.
func HasBody(method string) bool {
	switch method {
	case "POST", "PUT", "PATCH", "DELETE":
		return true
	}
	return false
}

// NewNonce makes a nonce: 16 random bytes as 22 characters of base64url.
func NewNonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// validNonce accepts one text for 16 bytes.
func validNonce(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 16 && base64.RawURLEncoding.EncodeToString(b) == s
}

// CanonicalRequest returns the bytes that are signed, the signature base of
// RFC 9421 §2.5, and the value of the Signature-Input header that says so. It
// is the one function that both sides use. The error is Invalid, and one of
// bad_method, bad_authority, bad_target, no_digest, bad_nonce and bad_created.
func CanonicalRequest(r Request) (base []byte, input string, err error) {
	if r.Authority, err = Authority(r.Authority); err != nil {
		return nil, "", err
	}
	path, query, err := splitTarget(r.Target)
	if err != nil {
		return nil, "", err
	}
	if err := checkFacts(r); err != nil {
		return nil, "", err
	}
	covered := []component{
		{"@method", r.Method},
		{"@authority", r.Authority},
		{"@path", path},
		{"@query", query},
	}
	if HasBody(r.Method) {
		covered = append(covered, component{"content-digest", contentDigest(r.Digest)})
	}
	base, list := signatureBase(covered, fmt.Sprintf(parameters, r.Created.Unix(), r.Nonce, r.Key))
	return base, label + "=" + list, nil
}

func checkFacts(r Request) error {
	switch {
	case !HasBody(r.Method) && r.Method != "GET" && r.Method != "HEAD":
		return bus.Errorf(bus.Invalid, "bad_method", "this method is not used here")
	case HasBody(r.Method) == (r.Digest == bus.Hash{}):
		return bus.Errorf(bus.Invalid, "no_digest", "a body without digest, or a digest without body")
	case !validNonce(r.Nonce):
		return bus.Errorf(bus.Invalid, "bad_nonce", "the nonce is not 16 bytes in base64url")
	case r.Created.Unix() > maxCreated || r.Created.Unix() < -maxCreated:
		return bus.Errorf(bus.Invalid, "bad_created", "the time of the request cannot be written")
	}
	return nil
}
