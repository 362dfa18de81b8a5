package account_test

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
)

// TestFirstEntryAdds: nothing but an endpoint begins a chain, and who asks for
// more learns no more than that.
func TestFirstEntryAdds(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	p := w.Bare("carol")
	d := p.NewDevice("first")
	for name, e := range map[string]*chain.Entry{
		"kem":    w.AccountEntry(p, d, account.OpKEM, account.KEM{Serial: 2, Key: d.KEM.Public()}.Encode(), d.Content),
		"revoke": w.AccountEntry(p, d, account.OpRevoke, account.Revoke{By: account.ByAccount, Endpoint: d.ID()}.Encode(), p.Key),
	} {
		if err := w.TakeAccount(p, e); bus.CodeOf(err) != "not_allowed" {
			t.Errorf("%s: got %v, want not_allowed", name, err)
		}
	}
}
