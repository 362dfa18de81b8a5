package cobblestone

import (
	"crypto/subtle"
	"io"

	"unibus/internal/bus"
)

// ErrBlob is what a damaged, cut or foreign ciphertext ends in.
var ErrBlob = bus.Errorf(bus.Integrity, "bad_blob", "the blob cannot be opened: it is damaged, or this is not its key and place")

// Encrypt returns the ciphertext of src as a stream. The key has KeySize
// uniformly random bytes, any other size is an error at the first Read; a salt
// must never meet the same key with another message, since that would use a
// nonce twice. The context must be given again to Decrypt. An error of src
// ends the stream with that error.
//
// The returned reader is for one goroutine.
func Encrypt(src io.Reader, key []byte, salt [SaltSize]byte, context []byte) io.Reader {
	c, commitment, err := derive(key, salt[:], context)
	if err != nil {
		return &chunkReader{err: err}
	}
	e := &encrypter{src: src, counter: c}
	return &chunkReader{out: append(salt[:], commitment...), next: e.chunk}
}

// Decrypt returns the plaintext of src as a stream. Every byte it returns was
// authenticated at its place; the message is whole only when the stream ends
// in io.EOF. Damage ends it with ErrBlob, an error of src with that error,
// again and again when it is read on.
//
// The returned reader is for one goroutine.
func Decrypt(src io.Reader, key, context []byte) io.Reader {
	d := &decrypter{src: src, key: key, context: context}
	return &chunkReader{next: d.chunk}
}

// chunkReader cuts chunks to the sizes that its caller reads.
type chunkReader struct {
	next func() ([]byte, error) // the last chunk comes with io.EOF
	out  []byte                 // not read yet
	err  error                  // said for ever once out is empty
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 && r.err == nil {
		r.out, r.err = r.next()
	}
	if len(r.out) == 0 {
		return 0, r.err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

type encrypter struct {
	src io.Reader
	counter
	buf [sealedSize]byte
}

// chunk encrypts the next 16 KiB in place.
func (e *encrypter) chunk() ([]byte, error) {
	n, err := fill(e.src, e.buf[:ChunkSize])
	if err != nil {
		return nil, err
	}
	nonce, err := e.counter.next()
	if err != nil {
		return nil, err
	}
	return e.aead.Seal(e.buf[:0], nonce, e.buf[:n], nil), endAfter(n, ChunkSize)
}

type decrypter struct {
	src          io.Reader
	key, context []byte
	counter      // without a cipher until the header was read
	buf          [sealedSize]byte
}

// chunk decrypts the next chunk in place.
func (d *decrypter) chunk() ([]byte, error) {
	if d.aead == nil {
		if err := d.header(); err != nil {
			return nil, err
		}
	}
	n, err := fill(d.src, d.buf[:])
	if err != nil {
		return nil, err
	}
	nonce, err := d.counter.next()
	if err != nil {
		return nil, err
	}
	plain, err := d.aead.Open(d.buf[:0], nonce, d.buf[:n], nil)
	if err != nil {
		return nil, ErrBlob
	}
	return plain, endAfter(n, sealedSize)
}

// header reads the salt and refuses another key's commitment before any chunk
// is decrypted.
func (d *decrypter) header() error {
	n, err := fill(d.src, d.buf[:headerSize])
	if err != nil {
		return err
	}
	if n < headerSize {
		return ErrBlob
	}
	c, commitment, err := derive(d.key, d.buf[:SaltSize], d.context)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(commitment, d.buf[SaltSize:headerSize]) != 1 {
		return ErrBlob
	}
	d.counter = c
	return nil
}

// endAfter says that a chunk of n bytes was the last one: only that is short.
func endAfter(n, full int) error {
	if n < full {
		return io.EOF
	}
	return nil
}

// fill reads until buf is full or src ends; a short count means the end. It is
// not io.ReadFull, which reports the end of src by io.ErrUnexpectedEOF: that
// is also what a body cut off on the network says, and such a body must never
// be taken for a whole file.
func fill(src io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) {
		m, err := src.Read(buf[n:])
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
