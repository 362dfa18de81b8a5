package account_test

import (
	"encoding/hex"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// TestLinkID holds the bytes, and that another account or key makes another id.
func TestLinkID(t *testing.T) {
	t.Parallel()
	acc, key := bus.AccountID{1}, identity.VerifyKey{2}
	id := account.LinkID(acc, key)
	if got, want := hex.EncodeToString(id[:]), "dbcb0d16a6ec953b4f6fe5f45824822c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if account.LinkID(bus.AccountID{2}, key) == id || account.LinkID(acc, identity.VerifyKey{1}) == id {
		t.Error("two links have one id")
	}
}
