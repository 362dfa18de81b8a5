package account_test

import (
	"testing"

	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// BenchmarkLog checks the chain of an account whose device renewed its kem key
// 1,000 times, which is what account chains are made of.
func BenchmarkLog(b *testing.B) {
	w := chaintest.New(b)
	for range chaintest.LogLength {
		w.Alice.Device().Renew()
	}
	chaintest.Benchmark(b, w.AccountLogs[w.Alice.ID()], identity.ContextAccount, w.Alice.Device().Content, func() func(*chain.Entry) (func(), error) {
		s := account.New(w.Bus().Bus, w.Alice.Key.Public())
		return func(e *chain.Entry) (func(), error) { return s.Check(e, w) }
	})
}
