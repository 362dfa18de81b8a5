package signing

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"unibus/internal/bus"
)

func TestBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, signed, sent string
		want               error
	}{
		{"same", "hello", "hello", nil},
		{"empty", "", "", nil},
		{"one byte changed", "hello", "hellO", ErrBody},
		{"longer", "hello", "hello\n", ErrBody},
		{"shorter", "hello", "hell", ErrBody},
		{"nothing sent", "hello", "", ErrBody},
		{"something sent", "", "x", ErrBody},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"at once":  func(r io.Reader) io.Reader { return r },
		"by bytes": iotest.OneByteReader,
		"with EOF": iotest.DataErrReader,
	}
	for _, tt := range tests {
		for how, wrap := range readers {
			r := Body(wrap(strings.NewReader(tt.sent)), sha256.Sum256([]byte(tt.signed)))
			got, err := io.ReadAll(r)
			if !errors.Is(err, tt.want) || (tt.want == nil && string(got) != tt.sent) {
				t.Errorf("%s, %s: got %q, %v; want %v", tt.name, how, got, err, tt.want)
			}
			if n, again := r.Read(make([]byte, 1)); n != 0 || (tt.want != nil && !errors.Is(again, ErrBody)) {
				t.Errorf("%s, %s: read on after the end: %d, %v", tt.name, how, n, again)
			}
		}
	}
	if bus.KindOf(ErrBody) != bus.Unauthenticated {
		t.Error("a changed body is answered with 401")
	}
}

func TestBodyPassesErrors(t *testing.T) {
	t.Parallel()
	r := Body(iotest.ErrReader(io.ErrUnexpectedEOF), sha256.Sum256(nil))
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the error of the source", err)
	}
}
