package identity

import (
	"crypto/sha256"

	"unibus/internal/bus"
)

// EndpointOf names an endpoint: the first 16 bytes of SHA-256 over its content
// and transport public keys.
func EndpointOf(c VerifyKey, t TransportID) bus.EndpointID {
	return bus.EndpointID(firstHalf(c[:], t[:]))
}

// RecoveryEndpoint names the pseudo-endpoint to which rooms are sealed for the
// day when a user has lost every device: over "unibus/1 recovery" and its kem key.
func RecoveryEndpoint(k KEMPublic) bus.EndpointID {
	return bus.EndpointID(firstHalf([]byte("unibus/1 recovery"), k[:]))
}

// AccountIDOf names an account by its first account key: over "unibus/1
// account id" and that key.
func AccountIDOf(a VerifyKey) bus.AccountID {
	return bus.AccountID(firstHalf([]byte("unibus/1 account id"), a[:]))
}

func firstHalf(parts ...[]byte) [16]byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return [16]byte(h.Sum(nil)[:16])
}
