package identity

import (
	"regexp"
	"testing"

	"unibus/internal/bus"
)

func TestSafetyNumber(t *testing.T) {
	t.Parallel()
	alice := Party{bus.AccountID{1}, VerifyKey{1}}
	bob := Party{bus.AccountID{2}, VerifyKey{2}}
	got := SafetyNumber(alice, bob)
	if !regexp.MustCompile(`^\d{5}( \d{5}){11}$`).MatchString(got) {
		t.Errorf("%q is not 12 groups of 5 digits", got)
	}
	if SafetyNumber(bob, alice) != got {
		t.Error("the two sides see different numbers")
	}
	for name, other := range map[string]string{
		"alice's new key":         SafetyNumber(Party{alice.Account, VerifyKey{3}}, bob),
		"bob's new key":           SafetyNumber(alice, Party{bob.Account, VerifyKey{3}}),
		"another's account":       SafetyNumber(Party{bus.AccountID{3}, alice.Key}, bob),
		"keys swapped":            SafetyNumber(Party{alice.Account, bob.Key}, Party{bob.Account, alice.Key}),
		"alice and herself":       SafetyNumber(alice, alice),
		"bob and himself":         SafetyNumber(bob, bob),
		"one key for both of two": SafetyNumber(alice, Party{bob.Account, alice.Key}),
	} {
		if other == got {
			t.Errorf("%s: the number is the same", name)
		}
	}
}
