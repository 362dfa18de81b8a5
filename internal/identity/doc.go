// Package identity makes and keeps the keys of unibus: account, content,
// transport and kem keys, the bus CA and its certificates, the identity file,
// and the two lines that people hand to each other, links and key lines.
//
// It promises that no key signs two kinds of thing (content signatures carry
// a context, the transport key signs request bases and NATS nonces alone),
// that a private key cannot be printed, logged, marshalled or compared by
// accident, that a link or key line has exactly one text, and that a client's
// TLS configuration trusts the bus CA and nothing else.
//
// It must not talk to a network, ask a person anything, or know what chains,
// rooms and frames mean. All its values are safe for concurrent use once made.
package identity
