package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"unibus/internal/bus"
)

// page is two messages and an end, as bytes.
func page(t testing.TB) (raw []byte, messages []StoredMessage, end PageEnd) {
	t.Helper()
	at := time.UnixMilli(1_700_000_000_123).UTC()
	messages = []StoredMessage{{Seq: 5, At: at, Frame: []byte("frame")}, {Seq: 1 << 60, At: at, Frame: bytes.Repeat([]byte{7}, bus.MaxFrame)}}
	end = PageEnd{Through: 1<<60 + 1, More: true}
	var b bytes.Buffer
	for _, m := range messages {
		if err := WriteMessage(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := WritePageEnd(&b, end); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), messages, end
}

func read(raw []byte) (got []StoredMessage, end PageEnd, err error) {
	end, err = ReadPage(bytes.NewReader(raw), func(m StoredMessage) error { got = append(got, m); return nil })
	return got, end, err
}

// TestPage: a page reads back; cut anywhere it is an error, never a short page.
func TestPage(t *testing.T) {
	t.Parallel()
	raw, messages, end := page(t)
	got, gotEnd, err := read(raw)
	if err != nil || gotEnd != end || !reflect.DeepEqual(got, messages) {
		t.Fatalf("%d messages, %+v, %v", len(got), gotEnd, err)
	}
	for n := 0; n < len(raw); n += 1 + n/50 {
		if _, _, err := read(raw[:n]); !errors.Is(err, errPage) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	stop := errors.New("enough")
	if _, err := ReadPage(bytes.NewReader(raw), func(StoredMessage) error { return stop }); err != stop {
		t.Errorf("got %v, want the caller's error", err)
	}
	for name, bad := range map[string][]byte{
		"kind":      append([]byte{2}, raw[1:]...),
		"length":    {1, 16: 0, 17: 0xff, 18: 0xff, 19: 0xff, 20: 0xff},
		"more of 2": {0, 9: 2},
	} {
		if _, _, err := read(bad); !errors.Is(err, errNoPage) {
			t.Errorf("%s: %v, want bad_page", name, err)
		}
	}
}

func FuzzPage(f *testing.F) {
	raw, _, _ := page(f)
	f.Add(raw[:60])
	f.Add([]byte{0, 9: 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var again bytes.Buffer
		end, err := ReadPage(bytes.NewReader(raw), func(m StoredMessage) error { return WriteMessage(&again, m) })
		if err != nil {
			return
		}
		_ = WritePageEnd(&again, end)
		if !bytes.HasPrefix(raw, again.Bytes()) {
			t.Errorf("%x reads as %x", raw, again.Bytes())
		}
	})
}

// TestEnvelopes: a staged body reads back, and a cut one is refused.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	want := []Envelope{{Endpoint: me, Serial: 3, Sealed: []byte("sealed")}, {Serial: 1 << 31, Sealed: []byte{}}}
	var raw []byte
	for _, e := range want {
		raw = AppendEnvelope(raw, e)
	}
	if got, err := ParseEnvelopes(raw); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	first := len(AppendEnvelope(nil, want[0]))
	for n := 1; n < len(raw); n++ {
		if _, err := ParseEnvelopes(raw[:n]); (err == nil) != (n == first) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	many := bytes.Repeat(AppendEnvelope(nil, Envelope{}), bus.MaxEnvelopes)
	if got, err := ParseEnvelopes(many); err != nil || len(got) != bus.MaxEnvelopes {
		t.Errorf("%d envelopes, %v; want all", len(got), err)
	}
	if _, err := ParseEnvelopes(AppendEnvelope(many, Envelope{})); !errors.Is(err, ErrEnvelopes) {
		t.Errorf("one too many: %v", err)
	}
}

// TestGrants: what is handed on reads back, and what is cut or too long is
// refused.
func TestGrants(t *testing.T) {
	t.Parallel()
	want := []Grant{{Epoch: 1 << 40, Endpoint: me, Serial: 1 << 31, Sealed: []byte("sealed")}, {Epoch: 2, Sealed: []byte{}}}
	var raw []byte
	for _, g := range want {
		raw = AppendGrant(raw, g)
	}
	if got, err := ParseGrants(raw); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	first := len(AppendGrant(nil, want[0]))
	for n := 1; n < len(raw); n++ {
		if _, err := ParseGrants(raw[:n]); (err == nil) != (n == first) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	many := bytes.Repeat(AppendGrant(nil, want[1]), bus.MaxEnvelopes)
	if got, err := ParseGrants(many); err != nil || len(got) != bus.MaxEnvelopes {
		t.Errorf("%d grants: got %d, %v", bus.MaxEnvelopes, len(got), err)
	}
	if _, err := ParseGrants(AppendGrant(many, want[1])); !errors.Is(err, ErrGrants) {
		t.Errorf("one too many: %v", err)
	}
}

func FuzzGrants(f *testing.F) {
	f.Add(AppendGrant(nil, Grant{Epoch: 7, Endpoint: me, Serial: 3, Sealed: []byte("sealed")}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		grants, err := ParseGrants(raw)
		if err != nil {
			return
		}
		var again []byte
		for _, g := range grants {
			again = AppendGrant(again, g)
		}
		if !bytes.Equal(raw, again) {
			t.Errorf("%x reads as %x", raw, again)
		}
	})
}
