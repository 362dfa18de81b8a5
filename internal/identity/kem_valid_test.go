package identity

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"
)

// sealable is what Valid must say, asked of the library itself.
func sealable(p KEMPublic) bool {
	_, err := p.Seal(nil, nil)
	return err == nil
}

func checkValid(t *testing.T, name string, p KEMPublic, want bool) {
	t.Helper()
	if got, truth := p.Valid(), sealable(p); got != want || truth != want {
		t.Errorf("%s: Valid says %v, Seal %v; want %v", name, got, truth, want)
	}
}

// TestValidPoints tries all that stands around the points of small order: what
// is next to them is a key, the top bit never counts.
func TestValidPoints(t *testing.T) {
	t.Parallel()
	key := NewKEMKey().Public()
	for _, weak := range smallOrderU {
		for step := range int64(5) {
			u := new(big.Int).Add(littleEndian(weak[:]), big.NewInt(step-2))
			if u.Sign() < 0 || u.BitLen() > 255 {
				continue
			}
			var point [32]byte
			u.FillBytes(point[:])
			slices.Reverse(point[:])
			for _, top := range []byte{0, 0x80} {
				p := key
				copy(p[kemPoint:], point[:])
				p[len(p)-1] |= top
				checkValid(t, u.String(), p, !slices.Contains(smallOrderU[:], point))
			}
		}
	}
}

func littleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// TestValidCoefficients tries values on both sides of q in every coefficient
// that stands first, last, or in an even or odd place.
func TestValidCoefficients(t *testing.T) {
	t.Parallel()
	key := NewKEMKey().Public()
	for _, at := range []int{0, 1, 2, 255, 256, 257, 511, 512, 766, 767} {
		for value, want := range map[uint16]bool{0: true, kemPrime - 1: true, kemPrime: false, kemPrime + 1: false, 0xfff: false} {
			p := key
			setCoefficient(&p, at, value)
			checkValid(t, "coefficient", p, want)
		}
	}
}

func setCoefficient(p *KEMPublic, at int, value uint16) {
	b, shift := p[at*12/8:], at%2*4
	old := binary.LittleEndian.Uint16(b)
	binary.LittleEndian.PutUint16(b, old&^(0xfff<<shift)|value<<shift)
}

// FuzzValid holds Valid to Seal, with a true key of which parts are replaced.
func FuzzValid(f *testing.F) {
	key := NewKEMKey().Public()
	f.Add(uint16(0), key[:32])
	f.Add(uint16(kemPoint), smallOrderU[5][:])
	f.Add(uint16(kemVector-2), []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint16, part []byte) {
		p := key
		copy(p[int(at)%len(p):], part)
		if got, want := p.Valid(), sealable(p); got != want {
			t.Errorf("Valid says %v, Seal %v", got, want)
		}
	})
}
