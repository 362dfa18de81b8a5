package seal

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

var (
	now  = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	head = bus.Ref{Index: 12, Hash: bus.Prefix{13}}
)

// party is an endpoint in an epoch, with a sender of its own.
type party struct {
	epoch Epoch
	me    bus.EndpointID
	key   identity.SigningKey
	*Sender
}

func newParty(suite bus.Suite) party {
	ep := Epoch{Room: bus.RoomID{1}, Number: 2, Entry: bus.Hash{3}, Suite: suite}
	if suite == bus.SuiteSealed {
		ep.Secret = NewSecret()
	}
	p := party{epoch: ep, me: bus.EndpointID{4}, key: identity.NewSigningKey()}
	p.Sender = NewSender(ep, p.me, p.key)
	return p
}

// members knows p, under whatever endpoint id.
func (p party) members(bus.EndpointID) (identity.VerifyKey, bool) { return p.key.Public(), true }

func (p party) frame(t testing.TB, records ...Record) []byte {
	t.Helper()
	raw, err := p.Seal(head, now, records)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// eachSuite runs a test in sealed and in clear rooms.
func eachSuite(t *testing.T, test func(*testing.T, party)) {
	t.Parallel()
	for name, suite := range map[string]bus.Suite{"sealed": bus.SuiteSealed, "clear": bus.SuiteClear} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newParty(suite))
		})
	}
}

func TestFrame(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		want := everyKind()
		for i := range uint32(3) {
			raw := p.frame(t, want...)
			before := bytes.Clone(raw)
			got, err := Open(p.epoch, raw, p.members)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Records, want) || !got.At.Equal(now) || got.Hash != frame.Hash(raw) {
				t.Errorf("got %+v", got)
			}
			h := got.Header
			h.Session, h.Salt = frame.Session{}, frame.Salt{}
			if w := (frame.Header{Suite: p.epoch.Suite, Room: p.epoch.Room, Epoch: 2, Head: head, Endpoint: p.me, Index: i}); h != w {
				t.Errorf("header: got %+v, want %+v", h, w)
			}
			if !bytes.Equal(raw, before) {
				t.Error("opening changed the frame")
			}
		}
	})
}

func TestFrameLargest(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		raw := p.frame(t, text(strings.Repeat("x", bus.MaxRecords-recordSize)))
		if len(raw) > bus.MaxFrame {
			t.Errorf("a frame of %d bytes, more than %d", len(raw), bus.MaxFrame)
		}
		if _, err := Open(p.epoch, raw, p.members); err != nil {
			t.Error(err)
		}
	})
}

func TestFrameHidesLengths(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		over := bodyAt + timeSize + tagSize
		if p.epoch.Suite == bus.SuiteClear {
			over -= tagSize
		}
		for n := range 2500 {
			if got, want := len(p.frame(t, text(strings.Repeat("x", n)))), over+padded(recordSize+n); got != want {
				t.Fatalf("a text of %d bytes: frame of %d, want %d", n, got, want)
			}
		}
	})
}

func TestFrameEveryBitCounts(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		raw := p.frame(t, text("short"))
		for bit := range len(raw) * 8 {
			if _, err := Open(p.epoch, flip(raw, bit), p.members); bus.KindOf(err) != bus.Integrity {
				t.Errorf("bit %d of byte %d: got %v", bit%8, bit/8, err)
			}
		}
	})
}

func TestFrameCut(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		raw := p.frame(t, text("short"))
		for n := range raw {
			if _, err := Open(p.epoch, raw[:n], p.members); bus.KindOf(err) != bus.Integrity {
				t.Errorf("%d of %d bytes: got %v", n, len(raw), err)
			}
		}
		if _, err := Open(p.epoch, append(bytes.Clone(raw), 0), p.members); bus.KindOf(err) != bus.Integrity {
			t.Errorf("a byte too many: got %v", err)
		}
	})
}

func TestFrameElsewhere(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		raw := p.frame(t, text("hello"))
		clear := p.epoch.Suite == bus.SuiteClear
		for name, change := range map[string]func(*Epoch){
			"room":  func(e *Epoch) { e.Room[0]++ },
			"epoch": func(e *Epoch) { e.Number++ },
			"suite": func(e *Epoch) { e.Suite ^= 1; e.Secret = NewSecret() },
		} {
			ep := p.epoch
			change(&ep)
			_, err := Open(ep, raw, p.members)
			wantErr(t, name, err, ErrFrame)
		}
		ep := p.epoch
		ep.Entry[0]++ // another log was shown
		_, err := Open(ep, raw, p.members)
		if clear {
			wantErr(t, "entry", err, ErrSignature)
			return
		}
		wantErr(t, "entry", err, ErrFrame)
		ep = p.epoch
		ep.Secret = NewSecret()
		_, err = Open(ep, raw, p.members)
		wantErr(t, "secret", err, ErrFrame)
	})
}

func TestFrameSender(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		raw := p.frame(t, text("hello"))
		_, err := Open(p.epoch, raw, func(id bus.EndpointID) (identity.VerifyKey, bool) {
			if id != p.me {
				t.Errorf("asked for %v", id)
			}
			return p.key.Public(), false
		})
		wantErr(t, "outsider", err, ErrNotInAudience)
		_, err = Open(p.epoch, raw, newParty(bus.SuiteClear).members)
		wantErr(t, "key of another", err, ErrSignature)
	})
}

func TestFrameWithoutKey(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteSealed)
	raw := p.frame(t, text("hello"))
	ep := p.epoch
	ep.Secret = Secret{}
	_, err := Open(ep, raw, p.members)
	wantErr(t, "open", err, ErrNoKey)
	_, err = NewSender(ep, p.me, p.key).Seal(head, now, []Record{text("hello")})
	wantErr(t, "seal", err, ErrNoKey)
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteSealed)
	for name, at := range map[string]time.Time{"before 1970": time.UnixMilli(-1), "after 9999": time.UnixMilli(bus.MaxMillis + 1)} {
		if _, err := p.Seal(head, at, []Record{text("x")}); bus.CodeOf(err) != "bad_record" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.Seal(head, now, nil); bus.CodeOf(err) != "bad_record" {
		t.Errorf("no records: %v", err)
	}
	if _, err := p.Seal(head, now, []Record{text(strings.Repeat("x", bus.MaxRecords))}); bus.CodeOf(err) != "too_large" {
		t.Errorf("too large: %v", err)
	}
	got, err := Open(p.epoch, p.frame(t, text("x")), p.members)
	if err != nil || got.Header.Index != 0 {
		t.Errorf("what was refused took a place in the session: %d, %v", got.Header.Index, err)
	}
}
