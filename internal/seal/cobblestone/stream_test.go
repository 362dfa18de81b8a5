package cobblestone

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"unibus/internal/bus"
)

var (
	key     = bytes.Repeat([]byte{7}, KeySize)
	salt    = [SaltSize]byte{8}
	context = []byte("place")
)

// lengths are those around which chunks begin and end.
var lengths = []int{0, 1, 100, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2*ChunkSize - 1, 2 * ChunkSize, 3*ChunkSize + 5}

func message(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 31 >> 3)
	}
	return b
}

func encrypt(t testing.TB, plain []byte) []byte {
	t.Helper()
	out, err := io.ReadAll(Encrypt(bytes.NewReader(plain), key, salt, context))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func decrypt(b []byte) ([]byte, error) {
	return io.ReadAll(Decrypt(bytes.NewReader(b), key, context))
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range lengths {
		plain := message(n)
		sealed := encrypt(t, plain)
		if int64(len(sealed)) != Size(int64(n)) {
			t.Errorf("%d bytes become %d, Size says %d", n, len(sealed), Size(int64(n)))
		}
		for name, src := range map[string]io.Reader{
			"whole": bytes.NewReader(sealed), "bytes": iotest.OneByteReader(bytes.NewReader(sealed)),
			"end with data": iotest.DataErrReader(bytes.NewReader(sealed)),
		} {
			got, err := io.ReadAll(Decrypt(src, key, context))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, %s: got %d bytes, %v", n, name, len(got), err)
			}
		}
		ended := iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(plain)))
		if again, err := io.ReadAll(iotest.OneByteReader(Encrypt(ended, key, salt, context))); err != nil || !bytes.Equal(again, sealed) {
			t.Errorf("%d bytes read otherwise give another ciphertext (%v)", n, err)
		}
	}
}

func TestStreamsKeepToReader(t *testing.T) {
	t.Parallel()
	plain := message(2*ChunkSize + 9)
	sealed := encrypt(t, plain)
	if err := iotest.TestReader(Encrypt(bytes.NewReader(plain), key, salt, context), sealed); err != nil {
		t.Error(err)
	}
	if err := iotest.TestReader(Decrypt(bytes.NewReader(sealed), key, context), plain); err != nil {
		t.Error(err)
	}
}

// Every cut is noticed, also between two chunks, and nothing false comes before.
func TestTruncated(t *testing.T) {
	t.Parallel()
	plain := message(2*ChunkSize + 3)
	sealed := encrypt(t, plain)
	cuts := []int{headerSize + sealedSize, headerSize + 2*sealedSize, headerSize + 2*sealedSize + tagSize}
	for n := 0; n < len(sealed); n += 211 {
		cuts = append(cuts, n)
	}
	for _, n := range cuts {
		got, err := decrypt(sealed[:n])
		if !errors.Is(err, ErrBlob) || !bytes.HasPrefix(plain, got) {
			t.Errorf("%d of %d bytes: got %d bytes, %v", n, len(sealed), len(got), err)
		}
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	plain := message(2*ChunkSize + 3)
	sealed := encrypt(t, plain)
	first, second := sealed[headerSize:headerSize+sealedSize], sealed[headerSize+sealedSize:headerSize+2*sealedSize]
	front, last := sealed[:headerSize], sealed[headerSize+2*sealedSize:]
	for name, b := range map[string][]byte{
		"salt":             flip(sealed, 0),
		"commitment":       flip(sealed, SaltSize),
		"first chunk":      flip(sealed, headerSize),
		"last tag":         flip(sealed, len(sealed)-1),
		"appended":         append(bytes.Clone(sealed), 0),
		"appended chunk":   bytes.Join([][]byte{sealed, last}, nil),
		"reordered":        bytes.Join([][]byte{front, second, first, last}, nil),
		"repeated":         bytes.Join([][]byte{front, first, first, last}, nil),
		"without a middle": bytes.Join([][]byte{front, first, last}, nil),
		"only the last":    bytes.Join([][]byte{front, last}, nil),
	} {
		got, err := decrypt(b)
		if !errors.Is(err, ErrBlob) || !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	sealed := encrypt(t, message(10))
	for name, r := range map[string]io.Reader{
		"key":     Decrypt(bytes.NewReader(sealed), bytes.Repeat([]byte{9}, KeySize), context),
		"context": Decrypt(bytes.NewReader(sealed), key, []byte("other")),
	} {
		if got, err := io.ReadAll(r); !errors.Is(err, ErrBlob) || len(got) > 0 {
			t.Errorf("another %s: got %d bytes, %v", name, len(got), err)
		}
	}
	for _, n := range []int{0, 16, 31, 33} {
		_, open := io.ReadAll(Decrypt(bytes.NewReader(sealed), make([]byte, n), context))
		_, close := io.ReadAll(Encrypt(bytes.NewReader(nil), make([]byte, n), salt, context))
		if bus.CodeOf(open) != "bad_key" || bus.CodeOf(close) != "bad_key" {
			t.Errorf("a key of %d bytes: %v, %v", n, open, close)
		}
	}
}

func TestErrorsStay(t *testing.T) {
	t.Parallel()
	r := Decrypt(bytes.NewReader(make([]byte, 200)), key, context)
	for range 3 {
		if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, ErrBlob) {
			t.Errorf("got %d, %v", n, err)
		}
	}
}

// A network that breaks says io.ErrUnexpectedEOF. It must not end a file.
func TestSourceBreaks(t *testing.T) {
	t.Parallel()
	sealed := encrypt(t, message(ChunkSize+100))
	for _, broken := range []error{io.ErrUnexpectedEOF, errors.New("cable")} {
		for _, n := range []int64{0, 10, headerSize, headerSize + 30, headerSize + sealedSize, headerSize + sealedSize + 50} {
			src := io.MultiReader(io.LimitReader(bytes.NewReader(sealed), n), iotest.ErrReader(broken))
			if _, err := io.ReadAll(Decrypt(src, key, context)); !errors.Is(err, broken) {
				t.Errorf("decrypt, %v after %d bytes: got %v", broken, n, err)
			}
			src = io.MultiReader(io.LimitReader(bytes.NewReader(sealed), n), iotest.ErrReader(broken))
			if _, err := io.ReadAll(Encrypt(src, key, salt, context)); !errors.Is(err, broken) {
				t.Errorf("encrypt, %v after %d bytes: got %v", broken, n, err)
			}
		}
	}
}

func TestNoncesCountAndEnd(t *testing.T) {
	t.Parallel()
	c := counter{base: [nonceSize]byte{0: 0xAA, 11: 0xFF}, number: 0x0102}
	nonce, err := c.next()
	if want := []byte{0xAA, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF ^ 2}; err != nil || !bytes.Equal(nonce, want) {
		t.Errorf("got %x, %v; want %x", nonce, err, want)
	}
	c.number = maxChunks - 1
	if _, err := c.next(); err != nil {
		t.Error(err)
	}
	if _, err := c.next(); bus.CodeOf(err) != "too_large" {
		t.Errorf("after the last chunk: %v", err)
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func FuzzDecrypt(f *testing.F) {
	f.Add(encrypt(f, message(5)))
	f.Add(encrypt(f, message(ChunkSize)))
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := decrypt(b)
		if err == nil && int64(len(b)) != Size(int64(len(plain))) {
			t.Fatalf("%d bytes open to %d", len(b), len(plain))
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	plain := message(1 << 20)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Copy(io.Discard, Encrypt(bytes.NewReader(plain), key, salt, context))
	}
}

func BenchmarkDecrypt(b *testing.B) {
	sealed := encrypt(b, message(1<<20))
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Copy(io.Discard, Decrypt(bytes.NewReader(sealed), key, context))
	}
}
