// Package seal is what only members of a room can open: epoch secrets, the
// envelopes that carry them and the grants that hand them on, sealed room names,
// frames, and the encryption of blobs.
//
// It promises that a frame which Open returns was signed by the endpoint it
// names, for this room and epoch, and was not changed; that no two frames, of
// whatever process, copy or restored snapshot, are encrypted under one key and
// nonce; that an envelope, a grant, a name or a blob opens only at the place it was
// made for; and that lengths show only in steps.
//
// It decides nothing: who is in an audience, which epoch counts and which
// frame is a repeat is for its callers to say. It does no I/O, keeps no state
// but a sender's counter, and nothing that a node runs may import it.
//
// All secrets are derived by HKDF-Expand with SHA-256 (RFC 5869) under labels
// of which none begins another:
//
//	confirm key      = Expand(epoch secret, "unibus/1 confirm")            32
//	name key ‖ nonce = Expand(epoch secret, "unibus/1 name" ‖ room 16 ‖
//	                          epoch 8 ‖ salt 16)                           44
//	sender key       = Expand(epoch secret, "unibus/1 sender" ‖
//	                          epoch entry hash 32 ‖ endpoint 16)           32
//	frame key ‖ nonce = Expand(sender key, "unibus/1 frame" ‖ session 16 ‖
//	                          index 4 ‖ salt 16)                           44
//	blob context     = SHA-256("unibus/1 blob" ‖ scope 16)
package seal
