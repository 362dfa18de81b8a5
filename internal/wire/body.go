package wire

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Health is what anybody may know of a node.
type Health struct {
	Status  string      `json:"status"` // "ok", "starting", "failing", "draining"
	Posture bus.Posture `json:"posture"`
	Version string      `json:"version"`
}

// Server is what a client needs to begin; it is believed only as far as the
// CA hash and the organisation key of the client's link say.
type Server struct {
	Bus     bus.ID               `json:"bus"`
	Org     identity.VerifyKey   `json:"org"`            // in force
	Orgs    []identity.VerifyKey `json:"orgs,omitempty"` // those before it, oldest first
	CA      string               `json:"ca"`             // PEM
	Name    string               `json:"name"`
	Version string               `json:"version"`
	NATS    string               `json:"nats"` // host:port of the data plane
	Time    time.Time            `json:"time"`
	Founded bool                 `json:"founded"`
}

// Entries is a page of a chain, oldest first.
type Entries struct {
	Entries [][]byte  `json:"entries"`
	More    bool      `json:"more"` // ask again from the next index
	Head    *bus.Head `json:"head"` // of the whole chain; null while it is empty
}

// Append offers the next entry of a chain, with the envelopes that an
// epoch-starting one needs, if they were not staged before.
type Append struct {
	Entry     []byte     `json:"entry"`
	Envelopes []Envelope `json:"envelopes,omitempty"`
}

// Envelope is an epoch secret sealed for one endpoint.
type Envelope struct {
	Endpoint bus.EndpointID `json:"endpoint"`
	Serial   uint32         `json:"serial"`
	Sealed   []byte         `json:"sealed"`
}

// Appended answers an append.
type Appended struct {
	Head    bus.Head       `json:"head"`
	Account *bus.AccountID `json:"account,omitempty"` // whose chain that is; only of an account chain
	Cut     int            `json:"cut,omitempty"`     // connections closed by it
}

// Accept takes an invite up: the bus-log entry and the first entries of the
// account chain, committed together.
type Accept struct {
	Entry   []byte   `json:"entry"`
	Account [][]byte `json:"account"`
}

// Link says whose a device link is, to who holds its one-time key.
type Link struct {
	Account bus.AccountID `json:"account"`
}

// Found begins a bus on a node that was started without an admin: the genesis,
// the first entries of the admin's account chain, further bus-log entries such
// as the node's own, and the certificates that the node is to serve with.
type Found struct {
	Genesis []byte   `json:"genesis"`
	Account [][]byte `json:"account"`
	More    [][]byte `json:"more"`
	CA      string   `json:"ca"`   // PEM
	Cert    string   `json:"cert"` // PEM, for the node's own key
}

// NewRoom makes a room: its creation entry, the entry of its first epoch, and
// the envelopes.
type NewRoom struct {
	Create    []byte     `json:"create"`
	Start     []byte     `json:"start"`
	Envelopes []Envelope `json:"envelopes"`
}

// User is one user as the node knows him.
type User struct {
	Name      bus.Handle         `json:"name"`
	Role      string             `json:"role"`
	State     string             `json:"state"` // "active", "revoked"
	Account   bus.AccountID      `json:"account"`
	Key       identity.VerifyKey `json:"key"`  // A in force; his account chain proves it
	Head      *bus.Head          `json:"head"` // of that chain; null before its first entry
	Endpoints int                `json:"endpoints"`
	Created   time.Time          `json:"created"`
}

// Room is a room as the node knows it: it does not know the name.
type Room struct {
	ID      bus.RoomID `json:"room_id"`
	Subject string     `json:"subject"`
	Epoch   bus.Epoch  `json:"epoch"`
	Policy  Policy     `json:"policy"`
	Role    string     `json:"role"` // of the asking endpoint: "owner", "member", "reader", or RoleGuest
	Members int        `json:"members"`
	Last    uint64     `json:"last_seq"`
	Log     bus.Head   `json:"log"`
	Tip     bus.Prefix `json:"tip"`
	Created time.Time  `json:"created"`
}

// RoleGuest is the role of who was invited to a room and has not accepted yet.
const RoleGuest = "guest"

// Policy is what a room's creation fixed, and its retention.
type Policy struct {
	Encrypted bool   `json:"encrypted"`
	Persist   bool   `json:"persist"`
	History   string `json:"history"`
	Recovery  bool   `json:"recovery"`
	Direct    bool   `json:"direct"`
	Retention int64  `json:"retention"` // seconds
}

// Member is an account in a room.
type Member struct {
	User    bus.Handle    `json:"user"`
	Account bus.AccountID `json:"account"`
	Role    string        `json:"role"`
	Since   time.Time     `json:"since"`
	Head    bus.Head      `json:"head"`              // of his account chain
	Invited bool          `json:"invited,omitempty"` // an open invite
}

// List is how every listing is answered.
type List[T any] struct {
	Items []T `json:"items"`
	// Next, in listings that come in pages, is what to ask for the rest after;
	// "" when there is none.
	Next string `json:"next,omitempty"`
}

// Key is the envelope of one endpoint and what its audience root is made of.
type Key struct {
	Sealed []byte `json:"sealed"`
	Leaves []Leaf `json:"leaves"`
}

// Leaf is one endpoint under an audience root.
type Leaf struct {
	Endpoint bus.EndpointID `json:"endpoint"`
	Serial   uint32         `json:"serial"`
	Envelope bus.Hash       `json:"envelope"`
}

// Grant is the secret of an epoch, sealed for an endpoint that came later.
type Grant struct {
	Epoch    bus.Epoch
	Endpoint bus.EndpointID
	Serial   uint32 // of the endpoint's kem key
	Sealed   []byte
}

// Granted is a grant as its recipient gets it.
type Granted struct {
	Epoch  bus.Epoch      `json:"epoch"`
	Since  bus.Epoch      `json:"since"` // that let the recipient in
	Actor  bus.EndpointID `json:"actor"` // who hands it on
	Serial uint32         `json:"serial"`
	Sealed []byte         `json:"sealed"`
}

// Grants is a page of them, by epoch.
type Grants struct {
	Items []Granted `json:"items"`
	More  bool      `json:"more"` // ask again from the last epoch on
}

// Blob is what a node tells of a stored blob, as who put it said it is.
type Blob struct {
	ID       bus.Hash   `json:"id"`
	Size     int64      `json:"size"` // bytes of ciphertext, in all pieces
	Pieces   int        `json:"pieces"`
	Uploader bus.Handle `json:"uploader"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
}

// Limit is a cap of the asking user, and what is used of it.
type Limit struct {
	Name string `json:"name"`
	Used int64  `json:"used"`
	Cap  int64  `json:"cap"`
	Unit string `json:"unit"`
}

// Failure is the body of every answer that is an error.
type Failure struct {
	Error FailureBody `json:"error"`
	// Head is the newest entry of the chain on which somebody else was first: a
	// signer that the bus does not know yet cannot read it, and needs it to
	// write the next entry.
	Head *bus.Head `json:"head,omitempty"`
	// Account is whose chain that is: who recovers an account with a later key
	// does not know the key that it is named after.
	Account *bus.AccountID `json:"account,omitempty"`
}

// FailureBody is a bus.Error on the wire.
type FailureBody struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Hint      string `json:"hint"`
	RequestID string `json:"request_id"`
	Retryable bool   `json:"retryable"`
}
