// Package signing says which bytes of a request are signed, and signs and
// checks them: a fixed profile of HTTP Message Signatures (RFC 9421) with the
// digest of the body in Content-Digest (RFC 9530).
//
// A signature covers method, authority, path, query, the declared digest of the
// body (of POST, PUT, PATCH and DELETE, also when it is empty), the time, a
// nonce, the bus and the key. The headers are
//
//	Content-Digest: sha-256=:<base64>:
//	Signature-Input: unibus=("@method" "@authority" "@path" "@query" "content-digest");created=<unix seconds>;nonce="<22 base64url>";keyid="<bus id>:<key in hex>";alg="ed25519";tag="unibus-1"
//	Signature: unibus=:<base64>:
//
// without "content-digest" on GET and HEAD.
//
// It promises that there is one text for one request: CanonicalRequest, used
// by both sides, refuses every target that a server might read in two ways, and
// Parse builds Signature-Input anew and compares bytes, so that no other
// component, parameter, order or spelling passes.
//
// It does not know who may sign, which nonces were used, or which bus this is:
// after Verify come Fresh, ForBus, the allowlist, the nonce store and, while
// the body is read, Body. It reads no clock and no network.
package signing
