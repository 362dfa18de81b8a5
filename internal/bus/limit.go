package bus

import "time"

// Limits that protect something, each with what it protects from.
const (
	// MaxHandle bounds names that other people's screens must show.
	MaxHandle = 32
	// MaxRoomName is what fits, with its length, in the 64 sealed bytes of a room's name.
	MaxRoomName = 62
	// MaxEndpointName bounds device names, in bytes: they stand in account chains
	// for ever, and on other people's screens.
	MaxEndpointName = 64

	// ClockSkew is how far a request's created may be from the node's clock, both ways.
	ClockSkew = 30 * time.Second
	// NonceLife is how long after created a claimed nonce is remembered: thrice
	// ClockSkew, after which a replay passes no clock any more.
	NonceLife = 90 * time.Second
	// ChainSkew is how far time may go back along a chain: clocks of writers differ.
	ChainSkew = 5 * time.Minute

	// MaxJSONBody bounds what an authenticated request may make the node hold.
	MaxJSONBody = 1 << 20
	// MaxPieceBody bounds a streamed upload; pieces are PieceSize, envelopes less.
	MaxPieceBody = 16 << 20
	// MaxInflight is the node's budget of request bytes in memory.
	MaxInflight = 128 << 20
	// PieceReserve is what a streamed body takes of that budget.
	PieceReserve = 256 << 10

	// PieceSize is the size of every piece of a blob but the last.
	PieceSize = 8 << 20
	// MaxPieces is the most pieces a blob can have, just under 4 TiB: as many as a
	// manifest can name that still fits in one request, which is what keeps a
	// stranger's manifest from taking more of a node or client than a piece does.
	MaxPieces = (MaxPieceBody - 30) / 32 // a manifest is a head of 30 bytes and hashes

	// MaxEntry bounds one chain entry: an epoch of the largest room fits.
	MaxEntry = 512 << 10
	// MaxEndpoints is how many endpoints a room's key is sealed to: each costs every
	// author of an epoch a sealing, and the node an envelope of 1168 bytes.
	MaxEndpoints = 2000
	// MaxEnvelopes is how many envelopes one request may stage: together they stay
	// below MaxJSONBody.
	MaxEnvelopes = 512
	// MaxGrantEpochs is how far back keys are handed on to who comes: a room of many
	// changes has more epochs than anybody should seal for each newcomer.
	MaxGrantEpochs = 512
	// MaxHeirGrants is how many keys of earlier epochs others hand on to the endpoints
	// of one user in one room: with each device that he lists they would seal the
	// whole past once more.
	MaxHeirGrants = 2048
	// MaxMembers bounds the accounts of a room, each of which stands in every entry
	// that starts an epoch.
	MaxMembers = 2000

	// MaxRecords is the size of the encoded records of one frame, in bytes.
	MaxRecords = 64 << 10
	// MaxFrame is the size of a whole frame: header, signature, padding, tag.
	MaxFrame = MaxRecords + 2048

	// MaxOpenRooms is how many rooms one connection may have open: each costs
	// the node about 2 KiB of permissions.
	MaxOpenRooms = 64
	// MaxPageMessages bounds one page of history, which the node holds in memory.
	MaxPageMessages = 1000

	// EpochAge and EpochFrames are when any member may start a new epoch.
	EpochAge    = 24 * time.Hour
	EpochFrames = 5000
	// EpochLife is when clients stop sending in an epoch (its not-after).
	EpochLife = 7 * 24 * time.Hour
	// KEMLife is how long a kem key is used; KEMGrace how long after that an
	// endpoint is still sealed to before it is listed as asleep.
	KEMLife  = 7 * 24 * time.Hour
	KEMGrace = 60 * 24 * time.Hour
	// KEMPause is how long an endpoint waits between two kem keys: each moves the
	// chain that removals and revocations name, so that without end they starve both.
	KEMPause = time.Hour
	// SharedKEMLife is how long the kem key of an endpoint is used of which copies
	// are in use: a new one ends them, none at all would put it to sleep.
	SharedKEMLife = KEMGrace
	// LateFrames is how long frames of a closed epoch are still taken: who was
	// removed has the key and could go on for ever.
	LateFrames = time.Minute
	// DefaultRetention is how long a room keeps messages.
	DefaultRetention = 30 * 24 * time.Hour

	// KeptFrames and KeptBytes bound what a client keeps of the rooms that it reads,
	// KeptRoomFrames and KeptRoomBytes what of one of them: who floods a room
	// pushes its own oldest messages out, and other rooms are cut after the
	// largest. What a search reads counts four times.
	KeptFrames     = 250_000
	KeptRoomFrames = 150_000
	KeptBytes      = 256 << 20
	KeptRoomBytes  = 192 << 20
	// KeptTerms is how many words and beginnings of words a frame is found by: those
	// of 64 KiB of a language. More are noise, and each costs every search.
	KeptTerms = 16_000

	// InviteLife is how long an invite is open unless said otherwise, MaxInviteLife the most.
	InviteLife    = 24 * time.Hour
	MaxInviteLife = 30 * 24 * time.Hour
	// AdminAge is how long an account is an admin before it counts, with another,
	// against a third: else one admin alone makes a second one and removes all.
	AdminAge = 7 * 24 * time.Hour
	// MaxLinkLife is how long a device link is open at most: whoever finds it
	// becomes an endpoint of its maker.
	MaxLinkLife = time.Hour
)
