package blob

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var errSource = errors.New("the source broke")

func TestVerify(t *testing.T) {
	t.Parallel()
	const data = "some bytes that are hashed"
	id, size := ID([]byte(data)), int64(len(data))
	tail := func(err error) io.Reader { return io.MultiReader(strings.NewReader(data), iotest.ErrReader(err)) }
	for name, c := range map[string]struct {
		src  io.Reader
		size int64
		want error
	}{
		"right":                    {strings.NewReader(data), size, nil},
		"byte by byte":             {iotest.OneByteReader(strings.NewReader(data)), size, nil},
		"end beside the data":      {iotest.DataErrReader(strings.NewReader(data)), size, nil},
		"other bytes":              {strings.NewReader(strings.ToUpper(data)), size, ErrDigest},
		"other bytes, end beside":  {iotest.DataErrReader(strings.NewReader(strings.ToUpper(data))), size, ErrDigest},
		"short":                    {strings.NewReader(data), size + 1, ErrSize},
		"long":                     {strings.NewReader(data), size - 1, ErrSize},
		"nothing said, some there": {strings.NewReader(data), 0, ErrSize},
		"negative":                 {strings.NewReader(data), -1, ErrSize},
		"empty":                    {strings.NewReader(""), size, ErrSize},
		"source breaks":            {io.MultiReader(strings.NewReader(data[:9]), iotest.ErrReader(errSource)), size, errSource},
		"source is cut off":        {io.MultiReader(strings.NewReader(data[:9]), iotest.ErrReader(io.ErrUnexpectedEOF)), size, io.ErrUnexpectedEOF},
		"error in place of end":    {tail(errSource), size, errSource},
		"never ends":               {io.MultiReader(strings.NewReader(data), idle{}), size, io.ErrNoProgress},
	} {
		v := Verify(c.src, id, c.size)
		_, err := io.ReadAll(v)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		want := c.want
		if want == nil {
			want = io.EOF
		}
		if n, again := v.Read(make([]byte, 1)); n != 0 || !errors.Is(again, want) {
			t.Errorf("%s: then %d, %v, want %v for ever", name, n, again, want)
		}
	}
}

func TestVerifyNothing(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]error{0: nil, -1: ErrSize} {
		if _, err := io.ReadAll(Verify(strings.NewReader(""), ID(nil), size)); !errors.Is(err, want) {
			t.Errorf("no bytes, %d said: %v, want %v", size, err, want)
		}
	}
}

// TestVerifyStops: a body without end costs one byte more than was said.
func TestVerifyStops(t *testing.T) {
	t.Parallel()
	src := &counter{r: bytes.NewReader(make([]byte, 1<<20))}
	if _, err := io.ReadAll(Verify(src, ID(nil), 1000)); !errors.Is(err, ErrSize) {
		t.Errorf("got %v, want ErrSize", err)
	}
	if src.n != 1001 {
		t.Errorf("%d bytes were read, want 1001", src.n)
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// idle never gives anything and never ends.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
