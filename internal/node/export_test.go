package node

import (
	"context"
	"time"

	"unibus/internal/bus"
)

// Sweep sweeps now.
func (n *Node) Sweep(ctx context.Context) { n.sweep.all(ctx) }

// Stored counts the stored messages of a room, by its record.
func (n *Node) Stored(ctx context.Context, room bus.RoomID) (uint64, error) {
	for _, r := range n.members.RoomRecords() {
		if r.ID == room {
			return n.data.Load().Count(ctx, r.Shard, room, 0)
		}
	}
	return 0, bus.ErrNotMember
}

// RenewLink does what the node does now and then.
func (n *Node) RenewLink() { n.renewLink() }

// KeepCertificate does what the node does now and then.
func (n *Node) KeepCertificate(ctx context.Context) { n.keepCertificate(ctx) }

// CertificateEnds is when the certificate in use does.
func (n *Node) CertificateEnds() time.Time { return n.creds.current.Load().pair.Leaf.NotAfter }
