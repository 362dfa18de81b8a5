package wycheproof

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/sha256"
	"testing"
)

type none struct{}

// 96-bit nonces and full tags alone: the protocol uses no others.
func TestAESGCM(t *testing.T) {
	type params struct{ IvSize, TagSize int }
	type vector struct {
		verdict
		Key, Iv, Aad, Msg, Ct, Tag octets
	}
	run(t, "aes_gcm_test.json", 197, func(t *testing.T, p params, c vector) bool {
		if p.IvSize != 96 || p.TagSize != 128 {
			return false
		}
		block, err := aes.NewCipher(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		sealed := append(bytes.Clone(c.Ct), c.Tag...)
		plain, err := gcm.Open(nil, c.Iv, sealed, c.Aad)
		c.judge(t, err == nil && bytes.Equal(plain, c.Msg))
		if got := gcm.Seal(nil, c.Iv, c.Msg, c.Aad); bytes.Equal(got, sealed) != (c.Result == "valid") {
			t.Errorf("case %d: sealed %x, want %x, %s", c.ID, got, sealed, c.Result)
		}
		return true
	})
}

func TestHKDFSHA256(t *testing.T) {
	type vector struct {
		verdict
		Ikm, Salt, Info, Okm octets
		Size                 int
	}
	run(t, "hkdf_sha256_test.json", 86, func(t *testing.T, _ none, c vector) bool {
		got, err := hkdf.Key(sha256.New, c.Ikm, c.Salt, string(c.Info), c.Size)
		c.judge(t, err == nil && bytes.Equal(got, c.Okm))
		return true
	})
}

func TestEd25519(t *testing.T) {
	type params struct{ PublicKey struct{ Pk octets } }
	type vector struct {
		verdict
		Msg, Sig octets
	}
	run(t, "ed25519_test.json", 151, func(t *testing.T, p params, c vector) bool {
		c.judge(t, ed25519.Verify(ed25519.PublicKey(p.PublicKey.Pk), c.Msg, c.Sig))
		return true
	})
}

func TestMLKEM768(t *testing.T) {
	type vector struct {
		verdict
		Seed, Ek, C, K octets
	}
	run(t, "mlkem_768_test.json", 201, func(t *testing.T, _ none, c vector) bool {
		key, err := mlkem.NewDecapsulationKey768(c.Seed)
		if err != nil {
			c.judge(t, false)
			return true
		}
		shared, err := key.Decapsulate(c.C)
		c.judge(t, err == nil && bytes.Equal(shared, c.K) && bytes.Equal(key.EncapsulationKey().Bytes(), c.Ek))
		return true
	})
}

// "Acceptable" are points of small order, which the standard library refuses,
// and public keys that a strict reader may refuse.
func TestX25519(t *testing.T) {
	type vector struct {
		verdict
		Public, Private, Shared octets
	}
	run(t, "x25519_test.json", 518, func(t *testing.T, _ none, c vector) bool {
		private, err := ecdh.X25519().NewPrivateKey(c.Private)
		if err != nil {
			t.Fatal(err)
		}
		public, err := ecdh.X25519().NewPublicKey(c.Public)
		if err != nil {
			t.Fatal(err)
		}
		shared, err := private.ECDH(public)
		switch zero := make([]byte, len(c.Shared)); {
		case bytes.Equal(c.Shared, zero):
			if err == nil {
				t.Errorf("case %d (%s): a shared secret of zeros was accepted", c.ID, c.Comment)
			}
		case err != nil || !bytes.Equal(shared, c.Shared):
			t.Errorf("case %d (%s): got %x, %v; want %x", c.ID, c.Comment, shared, err, c.Shared)
		}
		return true
	})
}
