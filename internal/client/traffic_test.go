package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/frame"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// stored returns the frames of a room as a member of it gets them.
func stored(t testing.TB, p *nodetest.Person, room bus.RoomID) (all []wire.StoredMessage) {
	t.Helper()
	for after := uint64(0); ; {
		res := p.Do(p.Request(http.MethodGet, wire.MessagesAfter(room, after, bus.MaxPageMessages), nil))
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s asks for frames: %s", p.Name, res.Status)
		}
		end, err := wire.ReadPage(res.Body, func(m wire.StoredMessage) error {
			all = append(all, m)
			return nil
		})
		must(t, err)
		if after = end.Through; !end.More {
			return all
		}
	}
}

// frames returns their headers.
func frames(t testing.TB, p *nodetest.Person, room bus.RoomID) (all []frame.Header) {
	t.Helper()
	for _, m := range stored(t, p, room) {
		h, err := frame.Parse(m.Frame)
		must(t, err)
		all = append(all, h)
	}
	return all
}

// Eight processes of one identity send at once, each message by a connection
// of its own, as `unibus send` does.
func TestParallelSendersOfOneIdentity(t *testing.T) {
	t.Parallel()
	const senders = 8
	each := count(15, 50)
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	got, _ := follow(t, bob.Client, b.General)

	began := time.Now()
	var all sync.WaitGroup
	var want []string
	var slowest longest
	for s := range senders {
		for n := range each {
			want = append(want, fmt.Sprintf("%d/%d", s, n))
		}
		process := alice.Again()
		all.Go(func() {
			for n := range each {
				asked := time.Now()
				_, err := process.SendOne(nodetest.Context(t), b.General, text(fmt.Sprintf("%d/%d", s, n)))
				slowest.take(time.Since(asked))
				if err != nil {
					t.Errorf("sender %d, message %d: %v", s, n, err)
				}
			}
		})
	}
	all.Wait()
	got.untilTexts(t, len(want))
	t.Logf("%d messages of %d processes in %v, the slowest took %v", len(want), senders,
		time.Since(began).Round(time.Millisecond), slowest.get().Round(time.Millisecond))
	got.wantOnce(t, want)
	wantDistinctNonces(t, frames(t, bob, b.General), len(want))
}

// wantDistinctNonces checks that no two frames could have been sealed under
// one key and nonce: those are derived from the fields compared here.
func wantDistinctNonces(t *testing.T, sent []frame.Header, n int) {
	t.Helper()
	type input struct {
		endpoint bus.EndpointID
		epoch    bus.Epoch
		session  frame.Session
		index    uint32
		salt     frame.Salt
	}
	known, salts := map[input]bool{}, map[frame.Salt]bool{}
	for _, h := range sent {
		known[input{h.Endpoint, h.Epoch, h.Session, h.Index, frame.Salt{}}] = true
		salts[h.Salt] = true
	}
	if len(sent) != n || len(known) != n || len(salts) != n {
		t.Errorf("got %d frames with %d places in a session and %d salts, want %d of each", len(sent), len(known), len(salts), n)
	}
}

// A fast producer's lines arrive complete and in order, many to a frame.
func TestLinesArriveInOrder(t *testing.T) {
	t.Parallel()
	lines := count(5000, 20_000)
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	got, _ := follow(t, bob.Client, b.General)

	began := time.Now()
	live := alice.NewLive(nil)
	box := live.Post(b.General, client.Linger)
	acks := make(chan client.Ack, lines)
	start(t, live.Run)
	ctx := nodetest.Context(t)
	for n := range lines {
		must(t, box.Send(ctx, text(fmt.Sprint(n+1)), acks))
	}
	got.untilTexts(t, lines)
	took := time.Since(began)
	t.Logf("%d lines in %v", lines, took.Round(time.Millisecond))
	if long() && took > 5*time.Second {
		t.Errorf("%d lines took %v, want at most 5s", lines, took)
	}
	for n, words := range got.texts {
		if words != fmt.Sprint(n+1) {
			t.Fatalf("line %d: got %q", n+1, words)
		}
	}
	wantAcks(t, ctx, acks, lines)
	if len(got.faults) > 0 {
		t.Errorf("got %d faults", len(got.faults))
	}
}

// wantAcks takes n acknowledgements and checks that each is a success.
func wantAcks(t testing.TB, ctx context.Context, acks <-chan client.Ack, n int) {
	t.Helper()
	for i := range n {
		select {
		case a := <-acks:
			if a.Err != nil {
				t.Fatalf("message %d: %v", i, a.Err)
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d messages were not acknowledged", n-i, n)
		}
	}
}

// longest keeps the longest of several times.
type longest struct{ atomic.Int64 }

func (l *longest) take(d time.Duration) {
	for had := l.Load(); int64(d) > had && !l.CompareAndSwap(had, int64(d)); had = l.Load() {
	}
}

func (l *longest) get() time.Duration { return time.Duration(l.Load()) }

// sealer makes frames of a person's in the epoch of a room in force, for a test
// that posts them in its own way.
func sealer(t testing.TB, p *nodetest.Person, room bus.RoomID) func(words string) []byte {
	t.Helper()
	ctx := nodetest.Context(t)
	log, err := p.Log(ctx, room)
	must(t, err)
	now := log[len(log)-1]
	read(t, p.Client, room) // opens its envelope
	store, err := p.Home.Open(ctx, p.Info.Name, p.Identity.ProfileKey)
	must(t, err)
	defer store.Close()
	raw, err := store.Secret(ctx, room, now.Epoch)
	must(t, err)
	secret, err := seal.SecretFrom(raw)
	must(t, err)
	sender := seal.NewSender(seal.Epoch{Room: room, Number: now.Epoch, Entry: now.Hash, Suite: bus.SuiteSealed, Secret: secret},
		p.Endpoint(), p.Identity.Content)
	return func(words string) []byte {
		frame, err := sender.Seal(bus.Ref{Index: now.Index, Hash: now.Hash.Prefix()}, time.Now(), []seal.Record{text(words)})
		must(t, err)
		return frame
	}
}

// A frame that the node refused for now is stored behind those that came after
// it. Nobody takes it for a repeat.
func TestFramesStoredOutOfOrder(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	send(t, alice.Client, b.General, "first")
	got, _ := follow(t, bob.Client, b.General)
	frame := sealer(t, alice, b.General)
	frames := map[string][]byte{}
	for _, words := range []string{"a", "b", "c", "d"} {
		frames[words] = frame(words)
	}
	e := newEar(t, alice, b.General)
	post := wire.PostSubject(wire.ServerToken(e.ConnectedServerId()), b.General, alice.Endpoint())
	for _, words := range []string{"a", "d", "b", "b", "c"} {
		var reply wire.PostReply
		must(t, json.Unmarshal(e.ask(t, post, frames[words]), &reply))
		if reply.Err != "" {
			t.Fatalf("post %s: %s", words, reply.Err)
		}
	}
	send(t, alice.Client, b.General, "last")
	got.untilText(t, "last")
	got.mu.Lock()
	defer got.mu.Unlock()
	if want := []string{"first", "a", "d", "b", "c", "last"}; !slices.Equal(got.texts, want) {
		t.Errorf("got %q, want %q", got.texts, want)
	}
	if len(got.faults) != 1 || got.faults[0].Gap == nil || got.faults[0].Gap.Missed != 2 {
		t.Errorf("got %d faults, want one gap of 2", len(got.faults))
	}
}
