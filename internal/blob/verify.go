package blob

import (
	"crypto/sha256"
	"hash"
	"io"

	"unibus/internal/bus"
)

// Errors of bytes that are not what they were called.
var (
	ErrDigest = bus.Errorf(bus.Integrity, "blob_digest", "the bytes do not match the id of the blob")
	ErrSize   = bus.Errorf(bus.Integrity, "blob_size", "the bytes are fewer or more than was said")
)

// Verify returns a reader of r that ends in io.EOF only when r held exactly
// size bytes with the hash id; else in ErrSize or ErrDigest, or in the error
// of r as it came. It never asks r for more than one byte beyond size.
//
// Bytes come out before the verdict: act on nothing before io.EOF, unless
// every part is authenticated by other means. For one goroutine.
func Verify(r io.Reader, id bus.Hash, size int64) io.Reader {
	return &verifier{src: r, want: id, left: size, sum: sha256.New()}
}

type verifier struct {
	src  io.Reader
	want bus.Hash
	left int64
	sum  hash.Hash
	err  error // once set, for ever
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil || len(p) == 0 {
		return 0, v.err
	}
	if v.left <= 0 {
		v.err = v.end()
		return 0, v.err
	}
	n, err := v.src.Read(p[:min(int64(len(p)), v.left)])
	v.sum.Write(p[:n])
	v.left -= int64(n)
	switch {
	case err == io.EOF && v.left > 0:
		v.err = ErrSize
	case err == io.EOF:
		v.err = v.verdict()
	default:
		v.err = err
	}
	return n, v.err
}

// end looks for the end of the source, after the last byte that may be there.
func (v *verifier) end() error {
	var extra [1]byte
	for range 100 {
		n, err := v.src.Read(extra[:])
		switch {
		case n > 0 || v.left < 0:
			return ErrSize
		case err == io.EOF:
			return v.verdict()
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

func (v *verifier) verdict() error {
	if bus.Hash(v.sum.Sum(nil)) != v.want {
		return ErrDigest
	}
	return io.EOF
}
