package bus

import (
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// idLen is the size in bytes of every identifier that names a thing by its hash.
const idLen = 16

// idText is the length of the printed form: 16 bytes in base32 without padding.
const idText = 26

// encoding is RFC 4648 base32 in lower case: its alphabet is legal in a NATS
// subject token, a host name, a file name and a URL path segment.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID names one bus: the first 16 bytes of the hash of its genesis entry.
type ID [idLen]byte

// AccountID names a user's account chain for ever, also after the account key
// was rotated: the first 16 bytes of a hash over the first account key.
type AccountID [idLen]byte

// EndpointID names one device, bot process or CI job: the first 16 bytes of
// SHA-256 over its content and transport public keys.
type EndpointID [idLen]byte

// RoomID names one room: the first 16 bytes of the hash of its creation entry.
type RoomID [idLen]byte

// InviteID names one invite; 16 random bytes.
type InviteID [idLen]byte

// RecordID names one record for ever, however often its frame is sent again.
type RecordID [idLen]byte

func (id ID) String() string         { return encoding.EncodeToString(id[:]) }
func (id AccountID) String() string  { return encoding.EncodeToString(id[:]) }
func (id EndpointID) String() string { return encoding.EncodeToString(id[:]) }
func (id RoomID) String() string     { return encoding.EncodeToString(id[:]) }
func (id InviteID) String() string   { return encoding.EncodeToString(id[:]) }
func (id RecordID) String() string   { return encoding.EncodeToString(id[:]) }

// Compare orders rooms by their ids as they are written, which is not the order of
// their bytes: digits come before letters there. Of two rooms of the same two people
// the first counts, so that all clients must order alike.
func (id RoomID) Compare(other RoomID) int { return strings.Compare(id.String(), other.String()) }

func (id ID) MarshalText() ([]byte, error)         { return []byte(id.String()), nil }
func (id AccountID) MarshalText() ([]byte, error)  { return []byte(id.String()), nil }
func (id EndpointID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }
func (id RoomID) MarshalText() ([]byte, error)     { return []byte(id.String()), nil }
func (id InviteID) MarshalText() ([]byte, error)   { return []byte(id.String()), nil }

func (id *ID) UnmarshalText(b []byte) error         { return parseInto((*[idLen]byte)(id), b) }
func (id *AccountID) UnmarshalText(b []byte) error  { return parseInto((*[idLen]byte)(id), b) }
func (id *EndpointID) UnmarshalText(b []byte) error { return parseInto((*[idLen]byte)(id), b) }
func (id *RoomID) UnmarshalText(b []byte) error     { return parseInto((*[idLen]byte)(id), b) }
func (id *InviteID) UnmarshalText(b []byte) error   { return parseInto((*[idLen]byte)(id), b) }

// ParseID reads the 26-character form of a bus id.
func ParseID(s string) (id ID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// ParseAccountID reads the 26-character form of an account id.
func ParseAccountID(s string) (id AccountID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// ParseEndpointID reads the 26-character form of an endpoint id.
func ParseEndpointID(s string) (id EndpointID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// ParseRoomID reads the 26-character form of a room id.
func ParseRoomID(s string) (id RoomID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// ParseInviteID reads the 26-character form of an invite id.
func ParseInviteID(s string) (id InviteID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// parseInto is strict: one text for one id, so that an id may be compared as text.
func parseInto(dst *[idLen]byte, text []byte) error {
	var got [idLen + 1]byte
	if len(text) == idText {
		n, err := encoding.Decode(got[:], text)
		if err == nil && n == idLen && encoding.EncodeToString(got[:idLen]) == string(text) {
			copy(dst[:], got[:idLen])
			return nil
		}
	}
	return Errorf(Invalid, "bad_id", "not an id: want %d characters a-z and 2-7", idText)
}

// Hash is a SHA-256 digest.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes 64 lower-case hex digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 lower-case hex digits and nothing else.
func (h *Hash) UnmarshalText(b []byte) error {
	var got Hash
	if len(b) != 64 {
		return errHash
	}
	if _, err := hex.Decode(got[:], b); err != nil || got.String() != string(b) {
		return errHash
	}
	*h = got
	return nil
}

// ParseHash reads 64 lower-case hex digits.
func ParseHash(s string) (h Hash, err error) {
	err = h.UnmarshalText([]byte(s))
	return h, err
}

var errHash = Errorf(Invalid, "bad_hash", "not a SHA-256 digest: want 64 lower-case hex digits")

// Prefix is the part of a hash that stands in frames and references, where 16
// bytes are enough: forging one takes a second preimage of 128 bits.
type Prefix [idLen]byte

// Prefix returns the first 16 bytes of h.
func (h Hash) Prefix() (p Prefix) { copy(p[:], h[:]); return p }

func (p Prefix) String() string { return hex.EncodeToString(p[:]) }

// MarshalText writes 32 lower-case hex digits.
func (p Prefix) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads 32 lower-case hex digits and nothing else.
func (p *Prefix) UnmarshalText(b []byte) error {
	var got Prefix
	if len(b) != 32 {
		return errHash
	}
	if _, err := hex.Decode(got[:], b); err != nil || got.String() != string(b) {
		return errHash
	}
	*p = got
	return nil
}

// Head is the newest entry of a chain that somebody knows. Index counts from
// 0; a chain without entries has no Head.
type Head struct {
	Index uint32 `json:"index"`
	Hash  Hash   `json:"hash"`
}

// Ref is the short form of a Head that is written into entries and frames.
type Ref struct {
	Index uint32
	Hash  Prefix
}

// Ref shortens h.
func (h Head) Ref() Ref { return Ref{Index: h.Index, Hash: h.Hash.Prefix()} }

// Epoch counts the key generations of a room from 1; 0 means none.
type Epoch uint64
