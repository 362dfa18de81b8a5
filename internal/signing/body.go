package signing

import (
	"crypto/sha256"
	"hash"
	"io"

	"unibus/internal/bus"
)

// digestName is the algorithm of Content-Digest (RFC 9530).
const digestName = "sha-256"

// ErrBody is the answer to a body that is not the one whose digest was signed.
var ErrBody = bus.Errorf(bus.Unauthenticated, "bad_digest", "the body is not the one that was signed")

func contentDigest(digest bus.Hash) string { return namedBytes(digestName, digest[:]) }

// Body passes a body on and compares it with the signed digest at its end:
// instead of io.EOF it returns ErrBody when they differ. Until it has returned
// io.EOF nothing of what was read counts as signed, so read to the end before
// committing anything. It is for one goroutine and does not close src.
func Body(src io.Reader, signed bus.Hash) io.Reader {
	return &body{src: src, sum: sha256.New(), signed: signed}
}

type body struct {
	src    io.Reader
	sum    hash.Hash
	signed bus.Hash
	err    error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.sum.Write(p[:n])
	if err == io.EOF && bus.Hash(b.sum.Sum(nil)) != b.signed {
		err = ErrBody
	}
	b.err = err
	return n, err
}
