package memory

import (
	"encoding/binary"
	"hash/crc32"

	"unibus/internal/identity"
)

// The file is a header and records, all of recordSize bytes, so that none
// straddles a page. Integers are big endian; sum is the CRC-32 (IEEE) of the
// bytes before it: it tells torn writes, not attackers.
//
//	header: magic 16 | boot 16 | ready 8 | newest 8 | zero 12 | sum 4
//	record: signer 32 | digest 16 | until 8 | zero 4 | sum 4
//
// Behind them stand blanks, for records to come: no record, and not zero, which
// a file system might leave out.
const (
	recordSize = 64
	magic      = "unibus nonces 1\n"
	blank      = "-"
)

// record is one claimed nonce.
type record struct {
	signer identity.TransportID
	digest digest
	until  int64 // Unix second in which it expires
}

// header says whose memory the file is.
type header struct {
	boot   boot
	ready  int64 // creation times before this Unix second are denied
	newest int64 // last expiry of all records that were ever in the file
}

func (r record) encode() []byte {
	b := make([]byte, 0, recordSize)
	b = append(b, r.signer[:]...)
	b = append(b, r.digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.until))
	return withSum(b)
}

func (h header) encode() []byte {
	b := make([]byte, 0, recordSize)
	b = append(b, magic...)
	b = append(b, h.boot[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.ready))
	b = binary.BigEndian.AppendUint64(b, uint64(h.newest))
	return withSum(b)
}

// withSum fills b with zeros and ends it with the sum.
func withSum(b []byte) []byte {
	b = append(b, make([]byte, recordSize-4-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func whole(b []byte) bool {
	return len(b) == recordSize && binary.BigEndian.Uint32(b[recordSize-4:]) == crc32.ChecksumIEEE(b[:recordSize-4])
}

func parseRecord(b []byte) (r record, ok bool) {
	if !whole(b) {
		return r, false
	}
	b = b[copy(r.signer[:], b):]
	b = b[copy(r.digest[:], b):]
	r.until = int64(binary.BigEndian.Uint64(b))
	return r, true
}

func parseHeader(b []byte) (h header, ok bool) {
	if !whole(b) || string(b[:len(magic)]) != magic {
		return h, false
	}
	b = b[len(magic):]
	b = b[copy(h.boot[:], b):]
	h.ready = int64(binary.BigEndian.Uint64(b))
	h.newest = int64(binary.BigEndian.Uint64(b[8:]))
	return h, true
}
