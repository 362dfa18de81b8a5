package seal

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

// TestSealTimes: the first and the last time that a frame can say are sent and
// read, a millisecond beyond is refused.
func TestSealTimes(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		for ms, want := range map[int64]string{0: "", bus.MaxMillis: "", -1: "bad_record", bus.MaxMillis + 1: "bad_record"} {
			raw, err := p.Seal(head, time.UnixMilli(ms), []Record{text("x")})
			if code := codeOf(err); code != want {
				t.Errorf("%d ms: got %q, want %q", ms, code, want)
			}
			if want != "" {
				continue
			}
			if got, err := Open(p.epoch, raw, p.members); err != nil || got.At.UnixMilli() != ms {
				t.Errorf("%d ms: opened at %v, %v", ms, got.At, err)
			}
		}
	})
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return bus.CodeOf(err)
}

// TestPackLongestName: a name of MaxFileName bytes goes through, both ways.
func TestPackLongestName(t *testing.T) {
	t.Parallel()
	want := File{Name: strings.Repeat("n", MaxFileName), Size: 1}
	packed, err := Pack(strings.NewReader("x"), want)
	if err != nil {
		t.Fatal(err)
	}
	got, data, err := Unpack(packed)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	if b, err := io.ReadAll(data); err != nil || !bytes.Equal(b, []byte("x")) {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestPackClears: padding is zeros whatever stood in the reader's memory, or a
// blob would carry what its sender read before.
func TestPackClears(t *testing.T) {
	t.Parallel()
	f := File{Name: "n", Size: 1}
	packed, err := Pack(strings.NewReader("x"), f)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, f.PackedSize())
	for n := 0; n < len(got); {
		dirty := bytes.Repeat([]byte{0xaa}, 100)
		m, err := packed.Read(dirty)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		n += copy(got[n:], dirty[:m])
	}
	if behind := got[packHeader+len(f.Name)+1:]; !allZero(behind) {
		t.Errorf("padding holds %x", behind[:64])
	}
}

// TestOpenOnlyTime: a frame without records is held to its signature like any.
func TestOpenOnlyTime(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteClear)
	raw := p.frame(t, text("x"))[:bodyAt+timeSize]
	if _, err := Open(p.epoch, raw, p.members); codeOf(err) != "bad_signature" {
		t.Errorf("got %v, want bad_signature", err)
	}
}
