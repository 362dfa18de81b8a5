package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"io"

	"unibus/internal/bus"
	"unibus/internal/seal/cobblestone"
)

// BlobKey is the key of one blob. The zero value is no key; all but IsZero
// panic on it.
type BlobKey struct{ hidden }

// Salt makes the ciphertext of a blob its own. It is public.
type Salt = [cobblestone.SaltSize]byte

// Scope is where a blob belongs: a room's id, or zero for the whole bus.
type Scope [16]byte

// FragmentSize is the size in bytes of what a reference to a blob says behind
// its #: key 32, scope 16.
const FragmentSize = cobblestone.KeySize + len(Scope{})

var errBlobKey = bus.Errorf(bus.Invalid, "bad_key", "a blob key has %d bytes", cobblestone.KeySize)

// NewBlobKey makes the key and the salt of a new blob.
func NewBlobKey() (BlobKey, Salt) {
	var b [cobblestone.KeySize]byte
	var salt Salt
	_, _ = rand.Read(b[:]) // never fails
	_, _ = rand.Read(salt[:])
	return BlobKey{hide(b)}, salt
}

// BlobKeyFrom takes the bytes of a key that was stored. An error of kind
// Invalid and code bad_key for any size but 32.
func BlobKeyFrom(b []byte) (BlobKey, error) {
	if len(b) != cobblestone.KeySize {
		return BlobKey{}, errBlobKey
	}
	return BlobKey{hide([cobblestone.KeySize]byte(b))}, nil
}

// Fragment is what a reference says behind its #: whoever has it can open the
// blob. It never goes to a server.
func (k BlobKey) Fragment(scope Scope) []byte { return append(k.Bytes(), scope[:]...) }

// ParseFragment reads what Fragment wrote; code bad_key (Invalid) for any
// other size than FragmentSize.
func ParseFragment(b []byte) (BlobKey, Scope, error) {
	if len(b) != FragmentSize {
		return BlobKey{}, Scope{}, errBlobKey
	}
	key, err := BlobKeyFrom(b[:cobblestone.KeySize])
	return key, Scope(b[cobblestone.KeySize:]), err
}

// EncryptBlob returns the ciphertext of src (a Pack) as a stream, encrypted
// with Cobblestone-256 (c2sp.org/chunked-encryption) for one scope.
//
// The same src, key, salt and scope give the same bytes, so that an upload can
// go on where it stopped. A key and salt must never meet two contents: both
// would share a nonce, and whoever has the two ciphertexts could read their
// difference and forge. Whoever resumes must know that the file is the same,
// or take a new key and salt.
//
// Errors of src end the stream. The reader holds one 16 KiB chunk and is for
// one goroutine.
func EncryptBlob(src io.Reader, key BlobKey, salt Salt, scope Scope) io.Reader {
	return cobblestone.Encrypt(src, key.Bytes(), salt, scope.context())
}

// DecryptBlob returns the plaintext (to Unpack) of src as a stream. Each byte
// it returns is authentic, the blob whole only at io.EOF. Anything that was
// changed, cut, moved or meant for another scope ends in code bad_blob
// (Integrity); errors of src end the stream as they are. The reader holds one
// 16 KiB chunk and is for one goroutine.
func DecryptBlob(src io.Reader, key BlobKey, scope Scope) io.Reader {
	return cobblestone.Decrypt(src, key.Bytes(), scope.context())
}

// EncryptedSize returns the size of the ciphertext of size bytes.
func EncryptedSize(size int64) int64 { return cobblestone.Size(size) }

// context keeps a blob of one room from being passed off in another.
func (s Scope) context() []byte {
	sum := sha256.Sum256(append([]byte("unibus/1 blob"), s[:]...))
	return sum[:]
}
