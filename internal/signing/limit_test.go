package signing

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestTargetLength: what is as long as allowed passes, one byte more does not.
func TestTargetLength(t *testing.T) {
	t.Parallel()
	longest := "/" + strings.Repeat("a", maxTarget-1)
	if _, _, err := splitTarget(longest); err != nil {
		t.Errorf("%d bytes: %v", len(longest), err)
	}
	if _, _, err := splitTarget(longest + "a"); err == nil {
		t.Errorf("%d bytes pass", len(longest)+1)
	}
}

// stutter is a source that goes on after it has failed.
type stutter struct{ reads []error }

func (s *stutter) Read(p []byte) (int, error) {
	err := s.reads[0]
	s.reads = s.reads[1:]
	return copy(p, "x"), err
}

// TestBodyStaysEnded: a body that has ended, well or not, does not go on even
// if its source does. Each source would have the right digest one read later.
func TestBodyStaysEnded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ first, want error }{
		"wrong digest": {io.EOF, ErrBody},
		"broken":       {io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
	} {
		b := Body(&stutter{reads: []error{tt.first, io.EOF}}, sha256.Sum256([]byte("xx")))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if n, err := b.Read(make([]byte, 1)); n != 0 || !errors.Is(err, tt.want) {
			t.Errorf("%s: read on: %d, %v; want %v", name, n, err, tt.want)
		}
	}
}
