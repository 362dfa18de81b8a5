package identity

import (
	"crypto/sha512"
	"fmt"
	"strings"

	"unibus/internal/bus"
)

// Party is an account as people compare it.
type Party struct {
	Account bus.AccountID
	Key     VerifyKey // A in force
}

// SafetyNumber is what two people compare: 12 groups of 5 decimal digits, the
// same on both sides, another one as soon as either account key changes. Each
// account gives 6 groups; the two halves stand in the order of their digits.
//
// A half is taken from h(5200), where h(0) = "unibus/1 safety number" ‖ account
// id 16 and h(n+1) = SHA-512(h(n) ‖ A): each group is 5 bytes of it, big endian,
// modulo 100000. A half has about 100 bits; the iterations make each try of who
// looks for a key with a similar number as dear as thousands.
func SafetyNumber(a, b Party) string {
	first, second := a.digits(), b.digits()
	if second < first {
		first, second = second, first
	}
	return first + " " + second
}

// safetyRounds costs about two milliseconds a half.
const safetyRounds = 5200

func (p Party) digits() string {
	h := append([]byte("unibus/1 safety number"), p.Account[:]...)
	for range safetyRounds {
		sum := sha512.Sum512(append(h, p.Key[:]...))
		h = sum[:]
	}
	return decimalGroups(h)
}

// decimalGroups writes the first 30 bytes of a hash as 6 groups of 5 digits.
func decimalGroups(sum []byte) string {
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
