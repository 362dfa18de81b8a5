package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"unibus/internal/bus"
)

// loads are the frames that are measured: a message, and what a producer that
// coalesces sends at once.
func loads() map[string][]Record {
	one := text(strings.Repeat("x", 256))
	many := make([]Record, 100)
	for i := range many {
		many[i] = one
	}
	return map[string][]Record{"text256": {one}, "records100": many}
}

func BenchmarkSeal(b *testing.B) {
	p := newParty(bus.SuiteSealed)
	for name, records := range loads() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Seal(head, now, records); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	p := newParty(bus.SuiteSealed)
	for name, records := range loads() {
		b.Run(name, func(b *testing.B) {
			raw := p.frame(b, records...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Open(p.epoch, raw, p.members); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRaw is what Seal and Open cannot do without: an Ed25519ctx
// signature and AES-256-GCM over the bytes of the same frame.
func BenchmarkRaw(b *testing.B) {
	pub, priv, _ := ed25519.GenerateKey(rand.Reader)
	opts := &ed25519.Options{Context: "unibus/1 frame"}
	p := newParty(bus.SuiteSealed)
	for name, records := range loads() {
		msg := make([]byte, len(p.frame(b, records...)), 1<<17)
		once := useOnce(make([]byte, keySize+nonceSize))
		b.Run("seal/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = priv.Sign(nil, msg, opts)
				once.seal(msg[:0:len(msg)+tagSize], msg, nil)
			}
		})
		sig, _ := priv.Sign(nil, msg, opts)
		box := once.seal(nil, msg, nil)
		b.Run("open/"+name, func(b *testing.B) {
			dst := make([]byte, 0, len(msg))
			b.ReportAllocs()
			for b.Loop() {
				plain, err := once.open(dst, box, nil)
				if err != nil || ed25519.VerifyWithOptions(pub, plain, sig, opts) != nil {
					b.Fatal("does not open")
				}
			}
		})
	}
}
