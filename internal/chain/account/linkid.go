package account

import (
	"crypto/sha256"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// LinkID is the id of a device link: the first 16 bytes of SHA-256 over
// "unibus/1 device link", the account and the link's one-time C.
//
// Who takes a link up asks the node whose it is, and knows nothing but the link.
// Its one-time keys are no secret in their public halves: somebody else could
// list them in his own account, and with the node's help take the new device
// for his. The id that the link carries names the account.
func LinkID(id bus.AccountID, oneTime identity.VerifyKey) (link bus.InviteID) {
	sum := sha256.Sum256(append(append([]byte("unibus/1 device link"), id[:]...), oneTime[:]...))
	copy(link[:], sum[:])
	return link
}
