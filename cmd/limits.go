package cmd

import (
	"context"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
	"unibus/internal/wire"
)

// limit is a bound that a bus puts on what people may do.
type limit struct {
	Name    string `json:"name"`
	Value   int64  `json:"value"`
	Unit    string `json:"unit"`           // bytes, seconds or count
	Used    *int64 `json:"used,omitempty"` // of it, by this user; absent where nothing is counted
	Meaning string `json:"meaning"`
}

func newLimitsCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "limits",
		Short: "Print how much of everything a bus takes, and what of it you use",
		Long: "Print how much of everything a bus takes. In a context the caps that it puts on\n" +
			"you come first, with what you use of them.",
		Example:     "  unibus limits\n  unibus limits -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runLimits(cmd.Context(), env) },
	}
}

// runLimits prints what is true of every bus also where the node is away.
func runLimits(ctx context.Context, env *Env) error {
	own, away := ownLimits(ctx, env)
	err := printList(env, "limit", append(own, limits()...),
		column[limit]{"name", func(l limit) text.Safe { return text.Line(l.Name) }},
		column[limit]{"limit", func(l limit) text.Safe { return text.Safe(l.plain(l.Value)) }},
		column[limit]{"used", limit.used},
		column[limit]{"meaning", func(l limit) text.Safe { return text.Safe(l.Meaning) }})
	if err != nil {
		return err
	}
	return away
}

// ownLimits are the caps of this user; none without a context.
func ownLimits(ctx context.Context, env *Env) (own []limit, err error) {
	err = env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		caps, err := c.Limits(ctx)
		for _, l := range caps {
			own = append(own, ownLimit(l))
		}
		return err
	})
	if code := bus.CodeOf(err); code == "no_context" || code == "no_address" || code == "no_home" {
		return nil, nil
	}
	return own, err
}

func ownLimit(l wire.Limit) limit {
	meanings := map[string]string{
		"rooms": "rooms that you made", "invites": "open invites of yours", "blobs": "what you store in blobs",
		"log": "what you wrote into the logs", "room_keys": "room keys that you made for others",
		"grants":           "earlier room keys that you handed on",
		"staged_envelopes": "room keys of yours on their way",
	}
	unit := "count"
	if l.Unit == "bytes" {
		unit = l.Unit
	}
	return limit{Name: l.Name, Value: l.Cap, Unit: unit, Used: &l.Used, Meaning: meanings[l.Name]}
}

func (l limit) used() text.Safe {
	if l.Used == nil {
		return ""
	}
	return text.Safe(l.plain(*l.Used))
}

// plain is a value as a person reads it.
func (l limit) plain(n int64) string {
	switch l.Unit {
	case "bytes":
		return humanize.IBytes(uint64(max(n, 0)))
	case "seconds":
		return spanText(time.Duration(n) * time.Second)
	}
	return strconv.FormatInt(n, 10)
}

func size(name string, n int64, meaning string) limit {
	return limit{Name: name, Value: n, Unit: "bytes", Meaning: meaning}
}
func count(name string, n int64, meaning string) limit {
	return limit{Name: name, Value: n, Unit: "count", Meaning: meaning}
}
func lasts(name string, d time.Duration, meaning string) limit {
	return limit{Name: name, Value: int64(d / time.Second), Unit: "seconds", Meaning: meaning}
}

// limits is every constant of the package bus that bounds something.
func limits() []limit {
	return []limit{
		size("max_handle", bus.MaxHandle, "name of a user"),
		size("max_room_name", bus.MaxRoomName, "name of a room"),
		size("max_endpoint_name", bus.MaxEndpointName, "name of an endpoint"),
		size("max_records", bus.MaxRecords, "the messages of one frame, together"),
		size("max_frame", bus.MaxFrame, "one frame as it is stored"),
		count("max_members", bus.MaxMembers, "members of a room"),
		count("max_endpoints", bus.MaxEndpoints, "endpoints that a room key is sealed to"),
		count("max_envelopes", bus.MaxEnvelopes, "envelopes in one request"),
		count("max_grant_epochs", bus.MaxGrantEpochs, "room keys back that a newcomer is handed on"),
		count("max_heir_grants", bus.MaxHeirGrants, "the same, of one user in a room, by others"),
		size("max_entry", bus.MaxEntry, "one entry of a chain"),
		count("max_open_rooms", bus.MaxOpenRooms, "rooms that one connection has open"),
		count("max_page_messages", bus.MaxPageMessages, "frames in one page of history"),
		size("piece_size", bus.PieceSize, "one piece of a blob"),
		count("max_pieces", bus.MaxPieces, "pieces of a blob"),
		size("max_json_body", bus.MaxJSONBody, "body of a request"),
		size("max_piece_body", bus.MaxPieceBody, "body of a request with a piece"),
		size("piece_reserve", bus.PieceReserve, "memory of a piece while it arrives"),
		size("max_inflight", bus.MaxInflight, "requests in a node's memory, by default"),
		lasts("clock_skew", bus.ClockSkew, "how far two clocks may differ"),
		lasts("nonce_life", bus.NonceLife, "how long no request can be sent again"),
		lasts("chain_skew", bus.ChainSkew, "how far time may go back along a chain"),
		lasts("epoch_age", bus.EpochAge, "age at which any member may rekey"),
		count("epoch_frames", bus.EpochFrames, "frames after which any member may rekey"),
		lasts("epoch_life", bus.EpochLife, "age at which a room key is used no more"),
		lasts("late_frames", bus.LateFrames, "how long an old room key is still taken"),
		lasts("kem_life", bus.KEMLife, "how long an endpoint uses one kem key"),
		lasts("kem_grace", bus.KEMGrace, "how long it is sealed to after that"),
		lasts("kem_pause", bus.KEMPause, "how long it waits between two kem keys"),
		lasts("shared_kem_life", bus.SharedKEMLife, "how long copies use one kem key"),
		lasts("default_retention", bus.DefaultRetention, "how long a room keeps messages, by default"),
		count("kept_frames", bus.KeptFrames, "frames that a client keeps to read and search"),
		count("kept_room_frames", bus.KeptRoomFrames, "of them, of one room"),
		size("kept_bytes", bus.KeptBytes, "what they take, with the index"),
		size("kept_room_bytes", bus.KeptRoomBytes, "of that, for one room"),
		count("kept_terms", bus.KeptTerms, "words and beginnings that a frame is found by"),
		lasts("invite_life", bus.InviteLife, "how long an invite is open, by default"),
		lasts("max_invite_life", bus.MaxInviteLife, "how long an invite can be open"),
		lasts("admin_age", bus.AdminAge, "admin for so long: counts against another"),
		lasts("max_link_life", bus.MaxLinkLife, "how long the link of a device can be open"),
	}
}
