package broker

import (
	"sync/atomic"

	"unibus/internal/wire"
)

// Facts is how safe the data plane really is, read from the running server.
type Facts struct {
	TLS  bool   // every client speaks TLS 1.3, from the first byte
	ACL  bool   // subjects are granted per identity, and to proven ones alone
	Sync string // "always", or the interval between fsyncs
}

// Facts reads them anew.
func (b *Broker) Facts() Facts {
	v, err := b.srv.Varz(nil)
	if err != nil || v.JetStream.Config == nil {
		return Facts{}
	}
	f := Facts{TLS: v.TLSRequired, ACL: v.AuthRequired && assertSafe(b.srv, b.nats, b.accounts) == nil}
	if f.Sync = "always"; !v.JetStream.Config.SyncAlways {
		f.Sync = v.JetStream.Config.SyncInterval.String()
	}
	return f
}

// Stats are counts since the start, and gauges where the name says so.
type Stats struct {
	Connections  int // clients now
	WaitingPosts int // now
	Stored       uint64
	Duplicates   uint64
	Live         uint64            // frames of rooms that keep nothing
	Refused      map[string]uint64 // posts, by the reasons of wire.PostReply
	Silent       uint64            // requests without a legal reply, not answered
	Opens        uint64
	Notices      uint64
	Kicks        uint64 // connections that were cut off
	Bars         uint64 // endpoints that were cut off for flooding
	Denied       uint64 // connections that were not admitted
	Junk         uint64 // stored messages that are no frame of their room
	ErrorsAsync  uint64 // of the node's own connections
	LogDropped   uint64 // lines of nats-server over the rate
	SlowReaders  int64  // clients that were cut off because they did not read
}

// Stats counts what the broker did.
func (b *Broker) Stats() Stats {
	return Stats{
		Connections:  b.Connections(),
		WaitingPosts: b.posts.quota.waiting(),
		Stored:       b.posts.stored.Load(),
		Duplicates:   b.posts.duplicate.Load(),
		Live:         b.posts.live.Load(),
		Refused:      b.posts.refused.read(),
		Silent:       b.posts.silent.Load() + b.opens.silent.Load(),
		Opens:        b.opens.served.Load(),
		Notices:      b.notices.Load(),
		Kicks:        b.sessions.kicks.Load(),
		Bars:         b.gate.guard.bars.Load(),
		Denied:       b.gate.refused.Load(),
		Junk:         b.history.junk.Load(),
		ErrorsAsync:  b.pipes.errors.Load(),
		LogDropped:   b.natsLog.dropped.Load(),
		SlowReaders:  b.srv.NumSlowConsumers(),
	}
}

// refusals counts refused posts by reason.
type refusals [len(postReasons)]atomic.Uint64

var postReasons = [...]string{wire.PostFrame, wire.PostRoom, wire.PostRate, wire.PostBusy, wire.PostFull, wire.PostRetry}

func (r *refusals) count(reason string) {
	for i, known := range postReasons {
		if known == reason {
			r[i].Add(1)
		}
	}
}

func (r *refusals) read() map[string]uint64 {
	out := make(map[string]uint64, len(r))
	for i, reason := range postReasons {
		out[reason] = r[i].Load()
	}
	return out
}
