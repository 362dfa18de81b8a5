package seal

import (
	"math"
	"sync"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// keyring collects the key and nonce of every frame, as the frame's header
// gives them; that the frame opens shows that it was sealed with them.
type keyring struct {
	mu   sync.Mutex
	used map[[keySize + nonceSize]byte]bool
	keys map[[keySize]byte]bool
}

func (k *keyring) add(t *testing.T, p party, raw []byte) {
	t.Helper()
	o, err := Open(p.epoch, raw, p.members)
	if err != nil {
		t.Error(err)
		return
	}
	kn := [keySize + nonceSize]byte(frameKey(p.epoch.senderKey(o.Header.Endpoint), o.Header))
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used[kn] || k.keys[[keySize]byte(kn[:])] {
		t.Error("two frames were sealed under one key")
	}
	k.used[kn], k.keys[[keySize]byte(kn[:])] = true, true
}

func newKeyring() *keyring {
	return &keyring{used: map[[keySize + nonceSize]byte]bool{}, keys: map[[keySize]byte]bool{}}
}

// Processes, machines and goroutines of one endpoint, and other endpoints,
// with no word between them.
func TestNoKeyTwice(t *testing.T) {
	t.Parallel()
	p, ring := newParty(bus.SuiteSealed), newKeyring()
	var wg sync.WaitGroup
	for i := range 32 {
		s := NewSender(p.epoch, bus.EndpointID{byte(i / 8)}, p.key)
		for range 2 {
			wg.Go(func() {
				for range 20 {
					raw, err := s.Seal(head, now, []Record{text("x")})
					if err != nil {
						t.Error(err)
						return
					}
					ring.add(t, p, raw)
				}
			})
		}
	}
	wg.Wait()
	if len(ring.used) != 32*2*20 {
		t.Errorf("%d keys, want %d", len(ring.used), 32*2*20)
	}
}

// A machine is restored from a snapshot: session and counter go back.
func TestNoKeyTwiceAfterRestore(t *testing.T) {
	t.Parallel()
	p, ring := newParty(bus.SuiteSealed), newKeyring()
	session := p.session
	for range 50 {
		p.count, p.session = 0, session
		ring.add(t, p, p.frame(t, text("x")))
	}
}

func TestSenderCounts(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteSealed)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint32]bool{}
	for range 100 {
		wg.Go(func() {
			raw, err := p.Seal(head, now, []Record{text("x")})
			if err != nil {
				t.Error(err)
				return
			}
			h, _ := frame.Parse(raw)
			mu.Lock()
			defer mu.Unlock()
			seen[h.Index] = true
		})
	}
	wg.Wait()
	for i := range uint32(100) {
		if !seen[i] {
			t.Errorf("frame %d is missing", i)
		}
	}
}

func TestSessionRunsOut(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteSealed)
	p.count = math.MaxUint32
	last, _ := frame.Parse(p.frame(t, text("last")))
	first, _ := frame.Parse(p.frame(t, text("first")))
	if last.Index != math.MaxUint32 || first.Index != 0 || last.Session == first.Session {
		t.Errorf("after %d of %x comes %d of %x", last.Index, last.Session, first.Index, first.Session)
	}
}

func TestSendersDiffer(t *testing.T) {
	t.Parallel()
	p := newParty(bus.SuiteSealed)
	other := p.epoch
	other.Entry[0]++
	keys := map[string]bool{}
	for _, k := range [][]byte{
		p.epoch.senderKey(p.me), p.epoch.senderKey(bus.EndpointID{99}), other.senderKey(p.me), p.epoch.Secret.Bytes(),
	} {
		keys[string(k)] = true
	}
	if len(keys) != 4 {
		t.Error("two endpoints or two logs share a sender key")
	}
	if a, b := NewSender(p.epoch, p.me, identity.NewSigningKey()), NewSender(p.epoch, p.me, p.key); a.session == b.session {
		t.Error("two senders share a session")
	}
}
