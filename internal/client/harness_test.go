package client_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
)

// dirVariable names the directory of the node that this test binary runs
// instead of its tests; see canary_linux_test.go.
const dirVariable = "CLIENT_TEST_NODE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		os.Exit(runNode(dir))
	}
	os.Exit(m.Run())
}

// long says whether to run the counts of the acceptance; else a part of them.
func long() bool { return os.Getenv("UNIBUS_LONG") != "" }

// count is how many of something a test does.
func count(short, full int) int {
	if long() {
		return full
	}
	return short
}

func text(words string) seal.Record {
	return seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, c *client.Client, room bus.RoomID, words string) client.Ack {
	t.Helper()
	ack, err := c.SendOne(nodetest.Context(t), room, text(words))
	if err != nil {
		t.Fatalf("%s sends %q: %v", c.Handle(), words, err)
	}
	return ack
}

// read returns the events of a room's history.
func read(t testing.TB, c *client.Client, room bus.RoomID) (all []bus.Event) {
	t.Helper()
	err := c.Read(nodetest.Context(t), room, client.ReadOptions{Limit: bus.MaxPageMessages}, func(e bus.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatalf("%s reads: %v", c.Handle(), err)
	}
	return all
}

// newRoom makes a room of the admin's with others in it.
func newRoom(t testing.TB, b *nodetest.Bus, name string, with ...bus.Handle) bus.RoomID {
	t.Helper()
	ctx := nodetest.Context(t)
	id, err := b.Admin.CreateRoom(ctx, name, client.RoomOptions{})
	must(t, err)
	if len(with) > 0 {
		_, err = b.Admin.AddMembers(ctx, id, bus.RoleMember, with...)
		must(t, err)
	}
	return id
}

// seen collects what a follow tells of one room.
type seen struct {
	mu     sync.Mutex
	texts  []string    // of messages, late ones too
	late   int         // of them
	faults []bus.Event // gaps and what could not be opened
	others []bus.Event
	more   chan struct{} // something was added since it was read
}

func newSeen() *seen { return &seen{more: make(chan struct{}, 1)} }

func (s *seen) add(e bus.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Message != nil:
		s.texts = append(s.texts, e.Message.Text)
	case e.Late != nil:
		s.texts = append(s.texts, e.Late.Message.Text)
		s.late++
	case e.Gap != nil, e.Undecryptable != nil:
		s.faults = append(s.faults, e)
	default:
		s.others = append(s.others, e)
	}
	select {
	case s.more <- struct{}{}:
	default:
	}
	return nil
}

// until waits for what done looks for. It is for one goroutine.
func (s *seen) until(t testing.TB, what string, done func(*seen) bool) {
	t.Helper()
	ctx := nodetest.Context(t)
	for {
		s.mu.Lock()
		ok := done(s)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("waited in vain for %s: %d messages, %d faults, %d other events", what, len(s.texts), len(s.faults), len(s.others))
		}
	}
}

func (s *seen) untilTexts(t testing.TB, n int) {
	t.Helper()
	s.until(t, "messages", func(s *seen) bool { return len(s.texts) >= n })
}

func (s *seen) untilText(t testing.TB, words string) {
	t.Helper()
	s.until(t, words, func(s *seen) bool { return slices.Contains(s.texts, words) })
}

// wantOnce checks that s saw each of want once, and nothing that was wrong.
func (s *seen) wantOnce(t testing.TB, want []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	times := map[string]int{}
	for _, words := range s.texts {
		times[words]++
	}
	lost, doubled := 0, 0
	for _, words := range want {
		switch n := times[words]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
		delete(times, words)
	}
	if lost+doubled+len(times) > 0 {
		t.Errorf("of %d messages: got %d lost, %d doubled, %d of no sender", len(want), lost, doubled, len(times))
	}
	if len(s.faults) > 0 {
		t.Errorf("got %d gaps or messages that cannot be opened, the first %s", len(s.faults), describe(s.faults[0]))
	}
}

func describe(e bus.Event) string {
	switch {
	case e.Gap != nil:
		return "a gap"
	case e.Undecryptable != nil:
		return string(e.Undecryptable.Reason)
	}
	return "another event"
}

// running is a follow, or anything else that lives until it is stopped.
type running struct {
	stop context.CancelFunc
	done chan error
}

// start runs f until the test ends, or stop is called, or it ends by itself.
func start(t testing.TB, f func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- f(ctx) }()
	t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	r.stop()
	r.done <- <-r.done
}

// wait returns what the run ended with by itself.
func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-nodetest.Context(t).Done():
		t.Fatal("a run did not end")
		return nil
	}
}

// online lets a test wait for lives of a connection.
type online chan struct{}

func newOnline() online { return make(online, 1024) }

func (o online) state(e bus.StateEvent) {
	if e.State == "online" {
		o <- struct{}{}
	}
}

func (o online) wait(t testing.TB) {
	t.Helper()
	select {
	case <-o:
	case <-nodetest.Context(t).Done():
		t.Fatal("no life began")
	}
}

// follow reads a room from its beginning on, and returns once it is live.
func follow(t testing.TB, c *client.Client, room bus.RoomID) (*seen, *running) {
	t.Helper()
	s, up := newSeen(), newOnline()
	r := start(t, func(ctx context.Context) error {
		return c.Read(ctx, room, client.ReadOptions{Limit: bus.MaxPageMessages, Follow: true, State: up.state}, s.add)
	})
	up.wait(t)
	return s, r
}
