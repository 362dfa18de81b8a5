package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"unibus/internal/blob/disk"
	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/control"
	"unibus/internal/membership"
	"unibus/internal/nonce/memory"
)

// Node is a running node. All methods are safe for concurrent use.
type Node struct {
	o     Options
	dir   *dir
	creds credentials

	listener net.Listener
	members  *membership.Service
	nonces   *memory.Store
	blobs    *disk.Store
	control  *control.Server
	http     *http.Server
	data     atomic.Pointer[broker.Broker] // nil until it runs

	mu    sync.Mutex // guards state
	state state

	beginning sync.Mutex // held while a founding is checked and taken
	waiting   atomic.Pointer[waiting]

	status  atomic.Pointer[string]
	posture atomic.Pointer[bus.Posture]
	enforce bool // unsigned requests were seen to be refused
	cuts    atomic.Int64
	hints   chan membership.Change
	sweep   sweeper
	failed  chan error // why the node cannot go on

	parts    []part // what runs, in the order of its start
	work     sync.WaitGroup
	stopOnce sync.Once
	stopErr  error
}

// part is something that was started and has to be ended.
type part struct {
	what string
	stop func(context.Context) error
}

// undoTime is how long a start that failed may take to end what it began.
const undoTime = 10 * time.Second

// Start runs a node and returns when it serves. When it fails nothing runs on.
// ctx bounds the start alone. Errors name the setting and what to do:
//
//	data_unusable, data_mode    Unsafe       the directory cannot be used, or others can look into it
//	data_in_use                 Conflict     another process runs a node in it
//	port_in_use, cannot_listen  Unavailable  an address cannot be had
//	weaker_auth, clear_rooms    Unsafe       what the directory has promised or holds does not allow it
//	store_lost, store_damaged   Integrity    what the directory must hold is not there, or not whole
//	not_founded                 Invalid      no bus is here and nobody is there to found one
//	cert_hosts, cert_expired    Invalid, Unsafe  the certificate does not serve, and nobody can renew it
func Start(ctx context.Context, o Options) (*Node, error) {
	n, err := newNode(o)
	if err != nil {
		return nil, err
	}
	for _, step := range n.steps() {
		if err := step(ctx); err != nil {
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
			defer cancel()
			_ = n.Stop(end) // logged; the first error is the one to tell
			return nil, err
		}
	}
	return n, nil
}

func newNode(o Options) (*Node, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	n := &Node{o: o, failed: make(chan error, 1), hints: make(chan membership.Change, maxHints)}
	n.sweep = sweeper{node: n, wake: make(chan struct{}, 1), looked: map[bus.RoomID]look{}, purged: map[bus.RoomID]bool{}}
	n.setStatus(statusStarting)
	return n, nil
}

// steps is the order of a start. Ports come early, so that a blocked one stops
// a start before anything is founded. The control plane answers "starting"
// while the message store is read back. The data plane comes before the
// founding, so that whoever founds can tell all addresses of the bus.
func (n *Node) steps() []func(context.Context) error {
	return append(n.opening(), n.bind, n.openCredentials, n.serve, n.startData, n.found, n.announce)
}

// opening is the part of a start that only reads what the directory holds.
func (n *Node) opening() []func(context.Context) error {
	return []func(context.Context) error{n.openDir, n.openState, n.openKey, n.openMembership, n.checkRooms}
}

// Check does what Start does up to the point where it would listen. It leaves
// no directory behind that was not there.
func Check(ctx context.Context, o Options) error {
	n, err := newNode(o)
	if err != nil {
		return err
	}
	if !exists((&dir{path: o.Dir}).stateFile()) {
		return creatable(o.Dir)
	}
	for _, step := range append(n.opening(), n.checkCredentials) {
		if err := step(ctx); err != nil {
			_ = n.Stop(context.WithoutCancel(ctx)) // logged; the first error is the one to tell
			return err
		}
	}
	return n.Stop(context.WithoutCancel(ctx))
}

// began remembers how to end what was just started.
func (n *Node) began(what string, stop func(context.Context) error) {
	n.parts = append(n.parts, part{what, stop})
}

// Stop tells the clients, lets what was begun end, and closes everything. What
// is not done when ctx ends is broken off; the stores are closed in any case.
// Only the first call does anything; all return its error.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		n.setStatus(statusDraining)
		var errs []error
		for len(n.parts) > 0 {
			last := n.parts[len(n.parts)-1]
			n.parts = n.parts[:len(n.parts)-1]
			if err := last.stop(ctx); err != nil {
				n.o.Log.Warn("not ended cleanly", "part", last.what, "err", err)
				errs = append(errs, err)
			}
		}
		n.stopErr = errors.Join(errs...)
	})
	return n.stopErr
}

// Wait returns nil when ctx ends, and an error when the node cannot go on.
// Stop it in either case.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case err := <-n.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// fail ends Wait; a later cause follows from the first.
func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// change alters the state and keeps it.
func (n *Node) change(f func(*state)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := n.state
	f(&next)
	if err := next.save(n.dir.stateFile()); err != nil {
		return unusable(n.dir.path, err)
	}
	n.state = next
	return nil
}

// now returns the state.
func (n *Node) now() state {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}
