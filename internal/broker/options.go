package broker

import (
	"cmp"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Options says how to run the data plane. Dir, Listen, TLS and Directory are
// required; zero values of the rest mean the defaults named here.
type Options struct {
	Dir       string      // of the message store; made or set to 0700
	Listen    string      // host:port for clients; port 0 lets the system choose
	TLS       *tls.Config // the node's certificate; TLS 1.3 is enforced
	Directory Directory

	// Found makes the shard streams. It is true at the founding of a bus
	// alone: afterwards a missing stream is lost data, and an error.
	Found bool
	// StoreKey encrypts the message store; nil leaves it in clear. Frames are
	// sealed either way: this hides who writes where.
	StoreKey []byte
	// Sync is the interval between fsyncs; 0 means that every acknowledged
	// post is on disk.
	Sync time.Duration
	// MaxStore is the room for messages in bytes, reserved in equal parts for
	// the shards. Default 16 GiB.
	MaxStore int64
	// Retention is the longest that any room keeps messages. Default bus.DefaultRetention.
	Retention time.Duration
	// MaxConnections bounds clients: each may cost 200 KiB with all its rooms
	// open. Default 4096.
	MaxConnections int
	// PostRate is what one account may post, in bytes a second; twice that in
	// a burst. Default 32 MiB.
	PostRate int

	Now func() time.Time // default time.Now
	Log *slog.Logger     // discards by default
}

// What strangers and members can make a node hold or do.
const (
	maxPayload     = 1 << 20 // of one NATS message; frames are smaller still
	maxControlLine = 4 << 10 // of one protocol line, CONNECT included
	maxPending     = 8 << 20 // bytes that wait for a slow reader before it is cut off
	maxSubs        = 2 * bus.MaxOpenRooms
	authTimeout    = 10 * time.Second // from accept to a valid CONNECT
	tlsTimeout     = 5 * time.Second
	// storeLimit is beyond all streams together. What binds is the limit that
	// each stream must have: the server refuses to lower those while their sum
	// is over its own.
	storeLimit  = 1 << 50
	memoryStore = 256 << 20
	// ownConnections is how many of the connections are the node's own.
	ownConnections = historyReaders + 3
)

// complete checks o and fills in the defaults.
func (o Options) complete() (Options, error) {
	switch {
	case o.Dir == "" || o.Directory == nil:
		return o, bus.Errorf(bus.Invalid, "bad_options", "the data plane needs a directory for its store and one of its people")
	case o.TLS == nil:
		return o, bus.Errorf(bus.Unsafe, "no_tls", "the data plane does not run without TLS")
	case o.Sync < 0 || o.MaxStore < 0 || o.Retention < 0:
		return o, bus.Errorf(bus.Invalid, "bad_options", "an interval or size of the data plane is negative")
	}
	o.MaxStore = cmp.Or(o.MaxStore, 16<<30)
	o.Retention = cmp.Or(o.Retention, bus.DefaultRetention)
	o.MaxConnections = cmp.Or(o.MaxConnections, 4096)
	o.PostRate = cmp.Or(o.PostRate, 32<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// natsOptions is the configuration of the server: everything explicit, and
// nothing on that is not used. See assertSafe.
func (o Options) natsOptions(gate server.Authentication, a accounts) (*server.Options, error) {
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(o.Dir, 0o700), os.Chmod(o.Dir, 0o700)); err != nil {
		return nil, bus.Errorf(bus.Failed, "store_dir", "the directory of the message store cannot be made private").Because(err)
	}
	n := &server.Options{
		ServerName: "unibus",
		Host:       host, Port: port,
		NoSigs: true, NoLog: true,
		Accounts: a.all(), SystemAccount: a.sys.Name,
		CustomClientAuthentication: gate, AlwaysEnableNonce: true,
		TLSConfig: strict(o.TLS), TLS: true, TLSHandshakeFirst: true, TLSTimeout: tlsTimeout.Seconds(),
		AuthTimeout: authTimeout.Seconds(),
		MaxConn:     o.MaxConnections + ownConnections,
		MaxSubs:     maxSubs, MaxPayload: maxPayload, MaxControlLine: maxControlLine, MaxPending: maxPending,
		// A reader that is too slow must not hold up the one connection that
		// posts for all, nor may a flood of posts cut that connection off.
		NoFastProducerStall: true,
		PingInterval:        30 * time.Second, MaxPingsOut: 2, WriteDeadline: 10 * time.Second,
		MaxClosedClients: 100,
	}
	o.jetStream(n)
	return n, nil
}

func (o Options) jetStream(n *server.Options) {
	n.JetStream = true
	n.StoreDir = filepath.Clean(o.Dir)
	n.JetStreamMaxStore = storeLimit
	n.JetStreamMaxMemory = memoryStore
	n.SyncAlways = o.Sync == 0
	n.SyncInterval = o.Sync
	n.DisableJetStreamBanner = true
	n.JetStreamLimits.Duplicates = dedupWindow
	if o.StoreKey != nil {
		n.JetStreamKey = hex.EncodeToString(o.StoreKey)
		n.JetStreamCipher = server.ChaCha
	}
}

// shardBytes is the part of the store that one shard may fill.
func (o Options) shardBytes() int64 { return o.MaxStore / wire.Shards }

// strict refuses older protocols whatever the configuration says.
func strict(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = tls.VersionTLS13
	return c
}

// splitListen reads host:port; port 0 becomes what NATS calls a random port.
func splitListen(listen string) (host string, port int, err error) {
	bad := bus.Errorf(bus.Invalid, "bad_listen", "%q is not a host:port to listen on", listen)
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, bad.Because(err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, bad.Because(err)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}
