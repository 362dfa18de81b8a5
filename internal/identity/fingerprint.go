package identity

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Fingerprint is what people read to each other to compare one key: 6 groups
// of 5 decimal digits, about 100 bits. Each group is 5 bytes, big endian, of
// SHA-256 over "unibus/1 fingerprint" and the key, modulo 100000.
func Fingerprint(k VerifyKey) string {
	sum := sha256.Sum256(append([]byte("unibus/1 fingerprint"), k[:]...))
	groups := make([]string, 6)
	for i := range groups {
		var n uint64
		for _, b := range sum[5*i : 5*i+5] {
			n = n<<8 | uint64(b)
		}
		groups[i] = fmt.Sprintf("%05d", n%100000)
	}
	return strings.Join(groups, " ")
}

// SafetyNumber is what two people compare to know that each holds the account
// key that the other's bus log names: 12 groups of 5 decimal digits, the
// fingerprints of both keys in rising order, so that both see the same.
func SafetyNumber(a, b VerifyKey) string {
	halves := []string{Fingerprint(a), Fingerprint(b)}
	slices.Sort(halves)
	return strings.Join(halves, " ")
}
