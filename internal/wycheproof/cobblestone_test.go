package wycheproof

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"io"
	"slices"
	"testing"

	"unibus/internal/seal/cobblestone"
)

type cobblestoneCase struct {
	verdict
	Key, Ctx, Ct octets
	MsgLength    int
	MsgSha512    octets
}

// Whatever is returned before an error must be the prefix that the vector
// allows, and the error must stay. Valid messages are encrypted again.
func TestCobblestone256(t *testing.T) {
	run(t, "c2sp_chunked_encryption_aes_256_gcm_test.json", 35, func(t *testing.T, g struct{ Aead, Sha string }, c cobblestoneCase) bool {
		sealed := inflate(t, c.Ct)
		r := cobblestone.Decrypt(bytes.NewReader(sealed), c.Key, c.Ctx)
		plain, err := io.ReadAll(r)
		c.judge(t, err == nil)
		if _, again := r.Read(make([]byte, 1)); err != nil && again != err {
			t.Errorf("case %d: read on, %v became %v", c.ID, err, again)
		}
		partial := slices.Contains(c.Flags, "PartialPlaintext")
		if err != nil && !partial && len(plain) > 0 {
			t.Errorf("case %d: %d bytes of a message without a valid chunk", c.ID, len(plain))
		}
		if sum := sha512.Sum512(plain); (err == nil || partial) && (len(plain) != c.MsgLength || !bytes.Equal(sum[:], c.MsgSha512)) {
			t.Errorf("case %d: got %d bytes, want %d of another hash", c.ID, len(plain), c.MsgLength)
		}
		if err == nil {
			encryptAgain(t, c, plain, sealed)
		}
		return g.Aead == "AEAD_AES_256_GCM" && g.Sha == "SHA-512"
	})
}

func encryptAgain(t *testing.T, c cobblestoneCase, plain, sealed []byte) {
	t.Helper()
	salt := [cobblestone.SaltSize]byte(sealed)
	got, err := io.ReadAll(cobblestone.Encrypt(bytes.NewReader(plain), c.Key, salt, c.Ctx))
	if err != nil || !bytes.Equal(got, sealed) {
		t.Errorf("case %d: encrypted again, other bytes (%v)", c.ID, err)
	}
	if int64(len(sealed)) != cobblestone.Size(int64(len(plain))) {
		t.Errorf("case %d: Size says %d, want %d", c.ID, cobblestone.Size(int64(len(plain))), len(sealed))
	}
}

func inflate(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
