package membership

import (
	"cmp"
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// Caps bound what one user can make the node keep. A zero field is its
// default.
type Caps struct {
	Rooms      int     // open rooms a user made
	AdminRooms int     // the same for an admin
	Invites    int     // open invites an admin made
	Staged     int     // envelopes waiting for their entry
	LogBytes   int64   // of entries a user wrote
	SealBytes  int64   // of envelopes that came with them, and of earlier keys handed on
	Grants     int     // earlier keys handed on
	BlobBytes  int64   // of stored blobs
	Appends    float64 // entries a second, in bursts of ten seconds' worth
}

// DefaultCaps are the caps where nothing else is said. The grants are those of four
// rooms of bus.MaxEndpoints that keep sixty epochs, and a seventh of the bytes of
// keys: whoever has newcomers sent to him all the time goes on to start epochs.
func DefaultCaps() Caps {
	return Caps{
		Rooms: 50, AdminRooms: 10_000, Invites: 1_000, Staged: 20_000,
		LogBytes: 256 << 20, SealBytes: 4 << 30, Grants: 500_000, BlobBytes: 16 << 30, Appends: 50,
	}
}

func (c Caps) withDefaults() Caps {
	d := DefaultCaps()
	return Caps{
		Rooms: cmp.Or(c.Rooms, d.Rooms), AdminRooms: cmp.Or(c.AdminRooms, d.AdminRooms),
		Invites: cmp.Or(c.Invites, d.Invites), Staged: cmp.Or(c.Staged, d.Staged),
		LogBytes: cmp.Or(c.LogBytes, d.LogBytes), BlobBytes: cmp.Or(c.BlobBytes, d.BlobBytes),
		SealBytes: cmp.Or(c.SealBytes, d.SealBytes), Grants: cmp.Or(c.Grants, d.Grants),
		Appends: cmp.Or(c.Appends, d.Appends),
	}
}

// Refusals of caps. Waiting does not help, so they are not retryable.
var (
	errRoomCap   = capError("room_cap", "you have made as many rooms as you may", "close one, or ask an admin")
	errInviteCap = capError("invite_cap", "you have made as many invites as you may", "revoke one that nobody takes up")
	errStageCap  = capError("stage_cap", "too many envelopes wait for their entry", "try again in an hour")
	errLogCap    = capError("log_cap", "you have written as many entries as you may", "ask an admin of the node")
	errSealCap   = capError("seal_cap", "you have made as many room keys as you may", "ask another member, or an admin of the node")
	errGrantCap  = capError("grant_cap", "you have handed on as many earlier room keys as you may", "ask another member, or an admin of the node")
	errBlobCap   = capError("blob_cap", "this does not fit the space you may use for files", "delete files you no longer need")
)

func capError(code, message, hint string) error {
	e := bus.Errorf(bus.Limited, code, "%s", message).WithHint("%s; see your caps: unibus limits", hint)
	e.Retryable = false
	return e
}

// allow holds the author of entries to his rate and to the bytes he may write.
// Urgent ones, which take rights away, always pass.
func (s *Service) allow(author bus.AccountID, bytes int, urgent bool) error {
	if urgent {
		return nil
	}
	s.mu.RLock()
	written := s.view.written[author]
	s.mu.RUnlock()
	if written+int64(bytes) > s.opts.Caps.LogBytes {
		return errLogCap
	}
	if wait, ok := s.rates.Take(author, 1); !ok {
		return bus.Errorf(bus.Limited, "rate", "you write entries too fast").
			WithHint("try again in %s", wait.Round(time.Second)+time.Second)
	}
	return nil
}

// allowSealed holds the author of an epoch to the bytes of envelopes that he may
// leave with the node: an entry of 300 bytes comes with one for every endpoint of
// the room. Removals pass.
func (s *Service) allowSealed(ctx context.Context, e entry, next *roomlog.State) error {
	if isUrgentRoom(e) {
		return nil
	}
	s.mu.RLock()
	bytes := s.view.sealed[e.Account] + sealedBytes(next)
	s.mu.RUnlock()
	if bytes+int64(s.opts.Caps.Grants)*envelopeSize <= s.opts.Caps.SealBytes {
		return nil // however many grants there are: they need not be counted
	}
	granted, err := within(ctx, func(ctx context.Context) (int, error) { return s.store.GrantCount(ctx, e.Account) })
	if err == nil && bytes+int64(granted)*envelopeSize > s.opts.Caps.SealBytes {
		err = errSealCap
	}
	return err
}

// addsAMinute is how many entries that add members one account may write into
// one room in a minute, and at once: each takes an index that a removal by
// somebody else was written for. Removals need no rate, as they need members.
const addsAMinute = 20

type adder struct {
	room bus.RoomID
	by   bus.AccountID
}

// allowEpoch is asked last, so that what is refused otherwise takes nothing of
// its author's rate.
func (s *Service) allowEpoch(ctx context.Context, at seat, e entry, next *roomlog.State) error {
	if err := s.allowSealed(ctx, e, next); err != nil || e.Op != roomlog.OpAdd {
		return err
	}
	if wait, ok := s.adds.Take(adder{at.state.ID, e.Account}, 1); !ok {
		return bus.Errorf(bus.Limited, "rate", "you add people too fast").
			WithHint("add several at once, or try again in %s", wait.Round(time.Second)+time.Second)
	}
	return nil
}

// Limits tells the signer his caps and what he used of each.
func (s *Service) Limits(ctx context.Context, by Signer) ([]wire.Limit, error) {
	by, err := s.user(by)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	staged, err := s.store.StagedCount(ctx, by.Account)
	if err != nil {
		return nil, err
	}
	blobs, err := s.store.BlobBytes(ctx, by.Account)
	if err != nil {
		return nil, err
	}
	granted, err := s.store.GrantCount(ctx, by.Account)
	if err != nil {
		return nil, err
	}
	caps := s.opts.Caps
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []wire.Limit{
		{Name: "rooms", Used: int64(s.view.made[by.Account]), Cap: int64(s.roomCap(by)), Unit: "rooms"},
		{Name: "staged_envelopes", Used: int64(staged), Cap: int64(caps.Staged), Unit: "envelopes"},
		{Name: "log", Used: s.view.written[by.Account], Cap: caps.LogBytes, Unit: "bytes"},
		{Name: "room_keys", Used: s.view.sealed[by.Account] + int64(granted)*envelopeSize, Cap: caps.SealBytes, Unit: "bytes"},
		{Name: "grants", Used: int64(granted), Cap: int64(caps.Grants), Unit: "keys"},
		{Name: "blobs", Used: blobs, Cap: caps.BlobBytes, Unit: "bytes"},
	}
	if by.Admin {
		open := s.view.openInvites(by.Account, s.opts.Now())
		out = append(out, wire.Limit{Name: "invites", Used: int64(open), Cap: int64(caps.Invites), Unit: "invites"})
	}
	return out, nil
}

func (s *Service) roomCap(by Signer) int {
	if by.Admin {
		return s.opts.Caps.AdminRooms
	}
	return s.opts.Caps.Rooms
}
