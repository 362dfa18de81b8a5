// Package blob names, cuts and keeps stored ciphertext.
//
// A blob is a file after encryption. It is cut into pieces of bus.PieceSize,
// each stored under the SHA-256 of its bytes; a blob of more than one piece
// has a Manifest, stored in the same way. A Ref points to either and carries,
// behind '#', the key that no server ever sees.
//
// The package promises that memory stays flat whatever the size of a blob,
// that nothing is stored or joined whose hash does not match, and that a Ref
// does not print its key. It does not encrypt (seal does) and knows no rights,
// owners, quotas or expiry (membership does). Backends are in the packages
// below it; blobtest is the contract that all of them meet.
package blob
