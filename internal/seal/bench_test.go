package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/costtest"
)

// many is what a producer that coalesces sends at once.
const many = 100

// load is count records with a body of 256 bytes.
func load(count int) []Record {
	records := make([]Record, count)
	for i := range records {
		records[i] = text(strings.Repeat("x", 256))
	}
	return records
}

// BenchmarkSend compares making a frame with what it cannot do without: an
// Ed25519ctx signature over, and AES-256-GCM of, as many bytes.
func BenchmarkSend(b *testing.B) {
	p, one := newParty(bus.SuiteSealed), load(1)
	bare := newBare(len(p.frame(b, one...)))
	costtest.Ratio(b, 1.6, func() { _, _ = p.Seal(head, now, one) }, bare.seal)
}

// BenchmarkReceive compares opening a frame with decrypting and verifying as
// many bytes.
func BenchmarkReceive(b *testing.B) {
	p := newParty(bus.SuiteSealed)
	raw := p.frame(b, load(1)...)
	bare := newBare(len(raw))
	costtest.Ratio(b, 1.3, func() { p.mustOpen(b, raw) }, func() { bare.mustOpen(b) })
}

// BenchmarkSendRecords is what one record costs its sender among many.
func BenchmarkSendRecords(b *testing.B) {
	p, records := newParty(bus.SuiteSealed), load(many)
	costtest.Each(b, 3, many, func() { _, _ = p.Seal(head, now, records) })
}

// BenchmarkReceiveRecords is what one record costs a receiver among many.
func BenchmarkReceiveRecords(b *testing.B) {
	p := newParty(bus.SuiteSealed)
	raw := p.frame(b, load(many)...)
	costtest.Each(b, 3, many, func() { p.mustOpen(b, raw) })
}

func (p party) mustOpen(b *testing.B, raw []byte) {
	if _, err := Open(p.epoch, raw, p.members); err != nil {
		b.Fatal(err)
	}
}

// bare is the primitives alone, with keys that are ready and memory that is
// used again.
type bare struct {
	key       ed25519.PrivateKey
	pub       ed25519.PublicKey
	aead      keyed
	msg, sig  []byte
	box, room []byte
}

var bareContext = &ed25519.Options{Context: "unibus/1 frame"}

func newBare(size int) *bare {
	pub, key, _ := ed25519.GenerateKey(rand.Reader)
	x := &bare{key: key, pub: pub, aead: useOnce(make([]byte, keySize+nonceSize)), msg: make([]byte, size)}
	x.sig, _ = key.Sign(nil, x.msg, bareContext)
	x.box = x.aead.seal(nil, x.msg, nil)
	x.room = make([]byte, 0, size+tagSize)
	return x
}

func (x *bare) seal() {
	_, _ = x.key.Sign(nil, x.msg, bareContext)
	x.aead.seal(x.room, x.msg, nil)
}

func (x *bare) mustOpen(b *testing.B) {
	plain, err := x.aead.open(x.room, x.box, nil)
	if err != nil || ed25519.VerifyWithOptions(x.pub, plain, x.sig, bareContext) != nil {
		b.Fatal("does not open")
	}
}
