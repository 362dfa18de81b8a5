// Package cobblestone encrypts and decrypts streams in the published format
// c2sp.org/chunked-encryption, instance Cobblestone-256: HKDF-Expand with
// SHA-512, AES-256-GCM, and a commitment to the key.
//
//	salt 24 | commitment 32 | chunks of 16 KiB, each with a tag of 16
//
// The last chunk is always shorter than 16 KiB, if need be empty, and so marks
// the end. Nothing that was not authenticated is ever returned; a stream that
// was cut, lengthened, reordered, or made under another key or context ends in
// an error and never in io.EOF. One chunk is held in memory.
//
// It must not know what is encrypted or where: keys, contexts and meaning are
// those of package seal, which is the only caller.
package cobblestone
