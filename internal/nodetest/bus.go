// Package nodetest boots real nodes on loopback for tests, founded by the same
// steps as `unibus serve` takes, and the people that tests are about: an admin,
// alice and bob, and mallory, who is on the bus and in no room.
//
// Everything runs in this process and in temporary directories, on ports that
// the system chooses, so that tests can run in parallel. What Boot starts ends
// with the test. Nothing but tests may import it.
package nodetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/node"
	"unibus/internal/profile"
)

// patience bounds everything a test waits for; the machine may be busy.
const patience = time.Minute

// Bus is a bus of one node. It is for one goroutine; its people are not bound
// to it.
type Bus struct {
	*node.Node // running now; another one after Restart
	Admin      *Person
	General    bus.RoomID // the room that every bus begins with; the admin's
	Options    node.Options

	t testing.TB
}

// Boot founds a bus and runs its node. Options may be changed before it starts.
func Boot(t testing.TB, with ...func(*node.Options)) *Bus {
	t.Helper()
	b := &Bus{t: t, Options: node.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", NATS: "127.0.0.1:0", Version: "test"}}
	for _, change := range with {
		change(&b.Options)
	}
	b.Admin = &Person{Name: "admin", Home: profile.At(t.TempDir()), t: t, now: b.clock()}
	b.Options.Found = b.found
	b.start()
	b.confirm()
	t.Cleanup(b.Stop)
	general, err := b.Admin.CreateRoom(Context(t), "general", client.RoomOptions{})
	if err != nil {
		t.Fatalf("create room general: %v", err)
	}
	b.General = general
	return b
}

// found keeps the admin's identity and hands the node the public parts.
func (b *Bus) found(_ context.Context, r node.Request) (*node.Founding, error) {
	id, f, err := client.Found(client.FoundOptions{Handle: b.Admin.Name, Endpoint: "laptop",
		Node: r.Name, NodeKey: r.Key, Hosts: r.Hosts, Now: b.clock()})
	if err != nil {
		return nil, err
	}
	b.Admin.Identity = id
	c := profile.Context{Name: contextName, URL: r.URL, NATS: r.NATS, CAPEM: f.CAPEM, Bus: f.Bus, Org: f.Org,
		Handle: id.Handle, Pending: true}
	return (*node.Founding)(f), b.Admin.Home.Create(c, id, nil)
}

// confirm tells the admin's client that the founding was taken.
func (b *Bus) confirm() {
	b.t.Helper()
	c, err := b.Admin.Home.Context(contextName)
	if err != nil {
		b.t.Fatalf("read the admin's context: %v", err)
	}
	c.Pending = false
	if err := b.Admin.Home.Save(c); err != nil {
		b.t.Fatalf("confirm the admin's context: %v", err)
	}
	b.Admin.open()
}

func (b *Bus) clock() func() time.Time {
	if b.Options.Now != nil {
		return b.Options.Now
	}
	return time.Now
}

func (b *Bus) start() {
	b.t.Helper()
	n, err := node.Start(Context(b.t), b.Options)
	if err != nil {
		b.t.Fatalf("start node: %v", err)
	}
	b.Node = n
}

// Clock is what a bus and its people go by when a test sets it: the real time,
// and what Pass added to it.
type Clock struct{ ahead atomic.Int64 }

// Now is for node.Options.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Pass lets time pass for everybody at once.
func (c *Clock) Pass(d time.Duration) { c.ahead.Add(int64(d)) }

// Stop stops the node. It may be called twice.
func (b *Bus) Stop() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Node.Stop(ctx); err != nil {
		b.t.Errorf("stop node: %v", err)
	}
}

// Restart stops the node and starts it again on the same directory and ports.
func (b *Bus) Restart() {
	b.t.Helper()
	b.Stop()
	b.Options.Found = func(context.Context, node.Request) (*node.Founding, error) {
		return nil, bus.Errorf(bus.Integrity, "founded_again", "a node that has a bus asked for another founding")
	}
	b.start()
}

// Context ends with the test, or when it has waited too long.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
