package node

import (
	"context"
	"fmt"
	"os"

	"unibus/internal/blob/disk"
	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/membership/sqlite"
	"unibus/internal/nonce/memory"
)

func (n *Node) openDir(context.Context) (err error) {
	if n.dir, err = openDir(n.o.Dir); err != nil {
		return err
	}
	n.began("data directory", func(context.Context) error { return n.dir.release() })
	return nil
}

// openState reads what the node has to know of its past.
func (n *Node) openState(context.Context) error {
	s, _, err := loadState(n.dir.stateFile())
	if err != nil {
		return err
	}
	if err := s.allows(n.o.Auth); err != nil {
		return err
	}
	n.state = s
	if n.o.Name != "" {
		n.state.Name = n.o.Name
	}
	return nil
}

// openMembership reads and verifies the facts of the bus, and compares them
// with the marker that stands outside the store.
func (n *Node) openMembership(ctx context.Context) error {
	path := n.dir.file("membership")
	if n.state.Bus != nil && !holdsAnything(path) {
		return errLost
	}
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	n.began("membership store", func(context.Context) error { return store.Close() })
	n.members, err = membership.Open(ctx, store, membership.Options{
		Now: n.o.Now, Log: n.o.Log, ClearRooms: n.o.Loopback(), AllowUnsigned: n.o.Auth != bus.ModeEnforce, Changed: n.changed,
		Frames: n.frames, Newest: n.newest,
	})
	if err != nil {
		return fmt.Errorf("open membership: %w", err)
	}
	return n.compareMarker()
}

// frames counts a room's messages behind a sequence: many of them let a member
// make a new key.
func (n *Node) frames(ctx context.Context, room membership.RoomRecord, after uint64) (uint64, error) {
	b := n.data.Load()
	if b == nil {
		return 0, errStarting
	}
	return b.Count(ctx, room.Shard, room.ID, after)
}

// newest is the newest sequence of the stream that holds a room.
func (n *Node) newest(ctx context.Context, room membership.RoomRecord) (uint64, error) {
	b := n.data.Load()
	if b == nil {
		return 0, errStarting
	}
	return b.Newest(ctx, room.Shard)
}

func holdsAnything(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

var errLost = bus.Errorf(bus.Integrity, "store_lost", "the membership store is empty, but this data directory holds a bus").
	WithHint("bring the directory membership back, or restore a backup; nothing was changed")

func (n *Node) compareMarker() error {
	id, _, _ := n.members.Identity()
	switch marked := n.state.Bus; {
	case marked != nil && !n.members.Founded():
		return errLost
	case marked != nil && *marked != id:
		return bus.Errorf(bus.Integrity, "store_lost", "the membership store is another bus's than this data directory").
			WithHint("bring the directory membership back, or restore a backup; nothing was changed")
	case marked == nil && n.members.Founded() && n.o.Auth != bus.ModeEnforce && !exists(n.dir.stateFile()):
		// Who removed node.json does not lower what it promised.
		return state{Enforced: true}.allows(n.o.Auth)
	case !n.members.Founded() && n.o.Found == nil && !n.o.NoAdmin:
		return bus.Errorf(bus.Invalid, "not_founded", "this data directory holds no bus").
			WithHint("start it with 'unibus serve', which founds one")
	}
	return nil
}

// checkRooms refuses to let others reach a node with rooms in clear text.
func (n *Node) checkRooms(context.Context) error {
	if n.o.Loopback() {
		return nil
	}
	for _, room := range n.members.RoomRecords() {
		if room.Clear && !room.Closed {
			return bus.Errorf(bus.Unsafe, "clear_rooms", "--listen, --nats: room %s is in clear text, and others could reach this node", room.ID).
				WithHint("listen on 127.0.0.1, or delete that room first")
		}
	}
	return nil
}

// openCredentials opens everything else that is kept beside the facts: the
// certificate, nonces, blobs, and the promise that signatures are demanded.
func (n *Node) openCredentials(ctx context.Context) (err error) {
	if err := n.change(func(s *state) { s.Enforced = s.Enforced || n.o.Auth == bus.ModeEnforce }); err != nil {
		return err
	}
	if n.nonces, err = memory.Open(memory.Options{Path: n.dir.file("nonces"), Now: n.o.Now}); err != nil {
		return unusable(n.dir.path, err)
	}
	n.began("nonces", func(context.Context) error { return n.nonces.Close() })
	if n.blobs, err = disk.Open(n.dir.file("blobs")); err != nil {
		return err
	}
	switch {
	case n.members.Founded():
		return n.openCertificate(ctx)
	case n.o.NoAdmin:
		return n.openLink(ctx)
	}
	return nil
}

// checkCredentials is openCredentials without changing anything.
func (n *Node) checkCredentials(context.Context) error {
	if n.state.StoreKey != "" {
		if _, err := n.openStoreKey(); err != nil {
			return err
		}
	}
	if !n.members.Founded() {
		return nil
	}
	c, err := n.busCertificate()
	if err != nil {
		return err
	}
	if why := n.refused(c); why != nil && n.o.Certify == nil {
		return why
	}
	return nil
}
