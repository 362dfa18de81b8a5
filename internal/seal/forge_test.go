package seal

import (
	"encoding/binary"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// letter is a frame before it is signed, as somebody with the epoch's secret
// may write it.
type letter struct {
	header frame.Header
	entry  bus.Hash
	ms     uint64
	region []byte // records and padding
}

func (l letter) signed() []byte {
	b := append(l.header.Append(nil), l.entry[:]...)
	return append(binary.BigEndian.AppendUint64(b, l.ms), l.region...)
}

// frame writes l under a signature, encrypted with the true keys of ep.
func (l letter) frame(ep Epoch, sig []byte) []byte {
	front := l.header.Append(nil)
	body := binary.BigEndian.AppendUint64(append([]byte(nil), sig...), l.ms)
	body = append(body, l.region...)
	if ep.Suite == bus.SuiteClear {
		return append(front, body...)
	}
	aad := ep.aad(front)
	return useOnce(frameKey(ep.senderKey(l.header.Endpoint), l.header)).seal(front, body, aad[:])
}

func (p party) letter(records ...Record) letter {
	region := make([]byte, 0, 4096)
	for _, r := range records {
		region = r.append(region)
	}
	h := frame.Header{Suite: p.epoch.Suite, Room: p.epoch.Room, Epoch: p.epoch.Number, Head: head, Endpoint: p.me}
	return letter{header: h, entry: p.epoch.Entry, ms: 1, region: region[:padded(len(region))]}
}

// A member has the epoch's secret and can make any frame that decrypts. The
// signature alone keeps him from changing, moving or taking another's frames.
func TestMemberCannotForge(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		l := p.letter(text("pay alice"))
		sig := p.key.Sign(identity.ContextFrame, l.signed())
		if _, err := Open(p.epoch, l.frame(p.epoch, sig), p.members); err != nil {
			t.Fatalf("the true frame: %v", err)
		}
		for name, change := range map[string]func(*letter){
			"head index": func(l *letter) { l.header.Head.Index++ },
			"head hash":  func(l *letter) { l.header.Head.Hash[0]++ },
			"endpoint":   func(l *letter) { l.header.Endpoint[0]++ },
			"session":    func(l *letter) { l.header.Session[0]++ },
			"index":      func(l *letter) { l.header.Index++ },
			"salt":       func(l *letter) { l.header.Salt[0]++ },
			"time":       func(l *letter) { l.ms++ },
			"records":    func(l *letter) { l.region = p.letter(text("pay mallo")).region },
			"padding":    func(l *letter) { l.region = append(l.region, make([]byte, 224)...) },
		} {
			forged := l
			change(&forged)
			_, err := Open(p.epoch, forged.frame(p.epoch, sig), p.members)
			wantErr(t, name, err, ErrSignature)
		}
	})
}

// A member of two rooms, or of two epochs of one, cannot carry a frame over.
func TestMemberCannotMove(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		l := p.letter(text("yes"))
		sig := p.key.Sign(identity.ContextFrame, l.signed())
		for name, change := range map[string]func(*Epoch){
			"room":  func(e *Epoch) { e.Room[0]++ },
			"epoch": func(e *Epoch) { e.Number++ },
			"entry": func(e *Epoch) { e.Entry[0]++ },
		} {
			there, moved := p.epoch, l
			change(&there)
			moved.header.Room, moved.header.Epoch = there.Room, there.Number
			_, err := Open(there, moved.frame(there, sig), p.members)
			wantErr(t, name, err, ErrSignature)
		}
	})
}

func TestSignatureOfAnotherContext(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		l := p.letter(text("yes"))
		for _, ctx := range []identity.Context{identity.ContextRoom, identity.ContextBus, identity.ContextAccount} {
			_, err := Open(p.epoch, l.frame(p.epoch, p.key.Sign(ctx, l.signed())), p.members)
			wantErr(t, string(ctx), err, ErrSignature)
		}
	})
}

// A true sender, too, has to keep to the one encoding.
func TestMalformedContent(t *testing.T) {
	eachSuite(t, func(t *testing.T, p party) {
		for name, change := range map[string]func(*letter){
			"no records":          func(l *letter) { l.region = make([]byte, 32) },
			"nothing at all":      func(l *letter) { l.region = nil },
			"no padding":          func(l *letter) { l.region = l.region[:recordSize+3] },
			"more padding":        func(l *letter) { l.region = append(l.region, make([]byte, 224)...) },
			"words in the zeros":  func(l *letter) { l.region[31] = 1 },
			"half a record":       func(l *letter) { l.region[recordSize-1]++; l.region[19] = 200 },
			"time after 9999":     func(l *letter) { l.ms = bus.MaxMillis + 1 },
			"time before the sun": func(l *letter) { l.ms = 1 << 63 },
		} {
			l := p.letter(text("yes"))
			change(&l)
			_, err := Open(p.epoch, l.frame(p.epoch, p.key.Sign(identity.ContextFrame, l.signed())), p.members)
			wantErr(t, name, err, ErrFrame)
		}
	})
}

func FuzzOpen(f *testing.F) {
	p, clear := newParty(bus.SuiteSealed), newParty(bus.SuiteClear)
	f.Add(p.frame(f, text("x")))
	f.Add(clear.frame(f, everyKind()...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, p := range []party{p, clear} {
			o, err := Open(p.epoch, raw, p.members)
			if err == nil && len(o.Records) == 0 {
				t.Fatal("a frame without records")
			}
		}
	})
}
