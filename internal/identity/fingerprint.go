package identity

import "crypto/sha256"

// Fingerprint is what people read to each other to compare one key: 6 groups
// of 5 decimal digits, about 100 bits. Each group is 5 bytes, big endian, of
// SHA-256 over "unibus/1 fingerprint" and the key, modulo 100000.
func Fingerprint(k VerifyKey) string {
	sum := sha256.Sum256(append([]byte("unibus/1 fingerprint"), k[:]...))
	return decimalGroups(sum[:])
}
