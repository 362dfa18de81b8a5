package signing

import (
	"time"

	"github.com/dunglas/httpsfv"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// maxInput bounds Signature-Input, which is some 300 bytes in the profile:
// nobody may make a node parse more before it knows him.
const maxInput = 512

// Answers to a request whose signature does not hold.
var (
	ErrUnsigned = bus.Errorf(bus.Unauthenticated, "unsigned", "this request is not signed")
	ErrForged   = bus.Errorf(bus.Unauthenticated, "bad_request_signature", "the signature does not match the request")
	ErrSkew     = bus.Errorf(bus.Unauthenticated, "clock_skew", "the request was made at another time").
			WithHint("set the clock of this machine")
	ErrWrongBus = bus.Errorf(bus.Unauthenticated, "other_bus", "the request was made for another bus").
			WithHint("use the context of this node's bus")
)

func notProfile(format string, args ...any) error {
	return bus.Errorf(bus.Invalid, "bad_signature_headers", format, args...)
}

// Signed is a request with its signature, which only Verify has checked.
type Signed struct {
	Request
	base, signature []byte
}

// Parse reads the signature of a request: its method, the authority and the
// raw target (http.Request.RequestURI) as they came, and its headers.
//
// It checks everything but the signature itself, at the cost of some
// microseconds. Errors are ErrUnsigned when there is no signature, and Invalid
// for whatever is not of the profile, to the byte.
func Parse(method, authority, target string, h Headers) (Signed, error) {
	if h.SignatureInput == "" && h.Signature == "" {
		return Signed{}, ErrUnsigned
	}
	s := Signed{Request: Request{Method: method, Authority: authority, Target: target}}
	if err := s.readInput(h.SignatureInput); err != nil {
		return Signed{}, err
	}
	if err := s.readDigest(h.ContentDigest); err != nil {
		return Signed{}, err
	}
	base, input, err := CanonicalRequest(s.Request)
	if err != nil {
		return Signed{}, err
	}
	if input != h.SignatureInput {
		return Signed{}, notProfile("Signature-Input is not of the profile unibus-1")
	}
	signature, ok := parseNamedBytes(label, h.Signature, identity.SignatureSize)
	if !ok {
		return Signed{}, notProfile("Signature is not one Ed25519 signature named %s", label)
	}
	s.base, s.signature = base, signature
	return s, nil
}

// readInput takes the facts out of Signature-Input. Anything besides them
// shows when the bytes are compared.
func (s *Signed) readInput(field string) error {
	if len(field) > maxInput {
		return notProfile("Signature-Input is too long")
	}
	dict, err := httpsfv.UnmarshalDictionary([]string{field})
	if err != nil {
		return notProfile("Signature-Input is not a structured field")
	}
	member, _ := dict.Get(label)
	list, ok := member.(httpsfv.InnerList)
	if !ok {
		return notProfile("Signature-Input has no signature named %s", label)
	}
	created, timed := parameter[int64](list, "created")
	nonce, unique := parameter[string](list, "nonce")
	key, named := parameter[string](list, "keyid")
	if !timed || !unique || !named {
		return notProfile("Signature-Input lacks created, nonce or keyid")
	}
	s.Created, s.Nonce = time.Unix(created, 0), nonce
	if s.Key, err = parseKeyID(key); err != nil {
		return notProfile("keyid is not a bus id and a key")
	}
	return nil
}

func parameter[T int64 | string](list httpsfv.InnerList, name string) (T, bool) {
	value, _ := list.Params.Get(name)
	v, ok := value.(T)
	return v, ok
}

func (s *Signed) readDigest(field string) error {
	if !HasBody(s.Method) {
		if field != "" {
			return notProfile("a %s has no body and no Content-Digest", s.Method)
		}
		return nil
	}
	digest, ok := parseNamedBytes(digestName, field, len(s.Digest))
	if !ok {
		return notProfile("Content-Digest is missing or not one sha-256")
	}
	s.Digest = bus.Hash(digest)
	return nil
}

// Verify checks the signature; ErrForged when it does not hold.
func (s Signed) Verify() error {
	if !s.Key.Signer.Verify(s.base, s.signature) {
		return ErrForged
	}
	return nil
}

// ForBus refuses, with ErrWrongBus, a request that was made for another bus.
func (s Signed) ForBus(id bus.ID) error {
	if s.Key.Bus != id {
		return ErrWrongBus
	}
	return nil
}

// Fresh refuses, with ErrSkew, a creation time that is more than bus.ClockSkew
// away from now, before or after.
func Fresh(created, now time.Time) error {
	if off := now.Sub(created); off > bus.ClockSkew || off < -bus.ClockSkew {
		return ErrSkew
	}
	return nil
}
