package chaintest

import (
	"crypto/ed25519"
	"testing"

	"unibus/internal/chain"
	"unibus/internal/costtest"
	"unibus/internal/identity"
)

// LogLength is how many entries Benchmark wants beyond the first few.
const LogLength = 1000

// Replayer makes an empty state and returns the rules of its chain.
type Replayer func() func(*chain.Entry) (func(), error)

// Benchmark compares reading a log from its bytes and checking all its rules
// with the bare verification of signatures under ctx: those of the newest
// LogLength entries, each of which key signed first. Both go entry by entry,
// over and over.
func Benchmark(b *testing.B, log []*chain.Entry, ctx identity.Context, key identity.SigningKey, replay Replayer) {
	b.Helper()
	costtest.Ratio(b, 1.3, replayAll(b, log, replay), verifyAll(b, log[len(log)-LogLength:], ctx, key.Public()))
}

// replayAll returns what takes the next entry in.
func replayAll(b *testing.B, log []*chain.Entry, replay Replayer) func() {
	raw := make([][]byte, len(log))
	for i, e := range log {
		raw[i] = e.Encode()
	}
	check, next := replay(), 0
	return func() {
		if next == len(raw) {
			check, next = replay(), 0
		}
		e, err := chain.Parse(raw[next])
		if err != nil {
			b.Fatal(err)
		}
		step, err := check(e)
		if err != nil {
			b.Fatalf("entry %d: %v", next, err)
		}
		step()
		next++
	}
}

// verifyAll returns what verifies the next signature.
func verifyAll(b *testing.B, log []*chain.Entry, ctx identity.Context, key identity.VerifyKey) func() {
	messages, signatures := make([][]byte, len(log)), make([][]byte, len(log))
	for i, e := range log {
		messages[i], signatures[i] = e.Message(), e.Sigs[0]
	}
	next, options := 0, &ed25519.Options{Context: string(ctx)}
	return func() {
		next = (next + 1) % len(log)
		if err := ed25519.VerifyWithOptions(key[:], messages[next], signatures[next], options); err != nil {
			b.Fatal(err)
		}
	}
}
