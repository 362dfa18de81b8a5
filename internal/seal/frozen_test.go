package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"unibus/internal/identity"
)

var update = flag.Bool("update", false, "write the vectors that are made here anew")

// frozen holds what we make to a file of vectors, or writes it with -update,
// and reads it back.
func frozen[T any](t *testing.T, name string, made T) (v T) {
	t.Helper()
	path := filepath.Join("testdata", "vectors", name)
	got, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: the vectors have changed", name)
	}
	if err := json.Unmarshal(want, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// blobVector is a blob too long to stand here: byte i of its data is 7·i + i/256.
type blobVector struct {
	Key    octets `json:"key"`
	Salt   octets `json:"salt"`
	Scope  octets `json:"scope"`
	Size   int    `json:"size"`
	ToEnd  bool   `json:"toEnd"`  // packed without a size, or padding
	Length int    `json:"length"` // of the ciphertext
	Sum    octets `json:"sum"`    // SHA-256 of the ciphertext
}

func (v blobVector) data() []byte {
	b := make([]byte, v.Size)
	for i := range b {
		b[i] = byte(7*i + i>>8)
	}
	return b
}

func (v blobVector) made(t *testing.T) []byte {
	t.Helper()
	f := File{Size: int64(v.Size)}
	if v.ToEnd {
		f.Size = SizeUnknown
	}
	packed, err := Pack(bytes.NewReader(v.data()), f)
	if err != nil {
		t.Fatal(err)
	}
	key, err := BlobKeyFrom(v.Key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(EncryptBlob(packed, key, Salt(v.Salt), Scope(v.Scope)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectorsOfLongBlobs holds chunks, padding and their ends.
func TestVectorsOfLongBlobs(t *testing.T) {
	t.Parallel()
	var made []blobVector
	for i, size := range []int{0, 1, 4096 - 11, 16<<10 - 11, 16<<10 - 10, 64<<10 - 12, 64<<10 - 11} {
		for _, toEnd := range []bool{false, true} {
			n := byte(2*i + 1)
			v := blobVector{Key: bytes.Repeat([]byte{n}, 32), Salt: bytes.Repeat([]byte{n + 1}, 24),
				Scope: make([]byte, 16), Size: size, ToEnd: toEnd}
			if toEnd {
				v.Salt[0], v.Scope = 0, bytes.Repeat([]byte{9}, 16)
			}
			b := v.made(t)
			sum := sha256.Sum256(b)
			v.Length, v.Sum = len(b), sum[:]
			made = append(made, v)
		}
	}
	for _, v := range frozen(t, "blob.json", made) {
		key, err := BlobKeyFrom(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := Unpack(DecryptBlob(bytes.NewReader(v.made(t)), key, Scope(v.Scope)))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "data", data, v.data())
	}
}

// TestVectorsOfAnother opens envelopes that another implementation sealed, with
// randomness that it tells: ours tells none.
func TestVectorsOfAnother(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/vectors/envelope.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		KEMSeed, Randomness, Info, Secret, Envelope octets
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 {
		t.Fatalf("%d envelopes, want 2", len(list))
	}
	for _, v := range list {
		got, err := identity.KEMKeyFromSeed([32]byte(v.KEMSeed)).Open(v.Info, v.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "secret", got, v.Secret)
	}
}
