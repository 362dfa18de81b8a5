package control

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/limit"
	"unibus/internal/membership"
	"unibus/internal/nonce"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// Options are the parts that the control plane is made of. Those without a
// default must be set; the control plane owns and closes none of them.
type Options struct {
	Membership *membership.Service
	Blobs      blob.Store
	Nonces     nonce.Store
	History    History

	// Authorities are the names that the node answers under. They are asked
	// for every request, since they may change while the node runs.
	Authorities func() signing.Authorities
	// Mode is bus.ModeEnforce by default. Soft and off need a Membership that
	// allows unsigned requests, and are for development alone.
	Mode bus.Mode
	// Posture, Server and Status are what anybody may know of the node.
	Posture func() bus.Posture
	Server  func() wire.Server // without Time
	Status  func() string      // see wire.Health

	// Founding is the key of the founding link, which may sign POST /found; ok
	// is false where there is none. Found takes that founding. Without both a
	// bus cannot be founded over HTTP.
	Founding func() (link identity.TransportID, ok bool)
	Found    func(ctx context.Context, f wire.Found) error

	// Cuts counts the connections that were closed since the node started
	// because their identity was revoked. By how much it grew while an entry
	// was appended is told to its author. Without it that is 0.
	Cuts func() int

	Inflight *limit.Inflight           // budget of bodies in memory; bus.MaxInflight by default
	Rate     *limit.Rate[netip.Prefix] // requests of an address, see limit.Source; DefaultRate by default
	Now      func() time.Time          // time.Now by default
	Log      *slog.Logger              // discards by default
}

// complete checks o and fills in the defaults.
func (o Options) complete() (Options, error) {
	if o.Mode == "" {
		o.Mode = bus.ModeEnforce
	}
	if _, err := bus.ParseMode(string(o.Mode)); err != nil {
		return o, err
	}
	for name, missing := range map[string]bool{
		"Membership": o.Membership == nil, "Blobs": o.Blobs == nil, "Nonces": o.Nonces == nil,
		"History": o.History == nil, "Authorities": o.Authorities == nil, "Posture": o.Posture == nil,
		"Server": o.Server == nil, "Status": o.Status == nil,
		"Founding and Found together": (o.Founding == nil) != (o.Found == nil),
	} {
		if missing {
			return o, bus.Errorf(bus.Invalid, "bad_options", "the control plane needs %s", name)
		}
	}
	return o.withDefaults(), nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Cuts == nil {
		o.Cuts = func() int { return 0 }
	}
	if o.Founding == nil {
		o.Founding = func() (identity.TransportID, bool) { return identity.TransportID{}, false }
	}
	if o.Inflight == nil {
		o.Inflight = limit.NewInflight(bus.MaxInflight)
	}
	if o.Rate == nil {
		o.Rate = DefaultRate(o.Now)
	}
	return o
}
