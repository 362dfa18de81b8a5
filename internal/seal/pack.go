package seal

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"unibus/internal/bus"
)

// File is what is known of the content of a blob. What is encrypted is, with
// integers big endian:
//
//	ver 1 | size 8 | name 2+n | data | zeros
//
// A pipe whose size nobody knows before its end has the size 2^64-1: its data
// go to the end and are not padded.
type File struct {
	Name string // of the file alone, without a folder; "" when it has none
	Size int64  // of the data in bytes, or SizeUnknown
}

const (
	// SizeUnknown is the Size of data that go to the end of the blob.
	SizeUnknown = -1
	// MaxFileName is what file systems take, in bytes.
	MaxFileName = 255

	packVersion = 1
	packHeader  = 1 + 8 + 2 // without the name
	sizeToEnd   = math.MaxUint64
)

// Padding hides the length of files below padLimit: fine steps for small
// ones, where a coarse one would cost more than the file, coarse ones above.
const (
	padLimit  = 1 << 20
	padCoarse = 64 << 10
	padFine   = 4 << 10
)

var (
	errPack     = bus.Errorf(bus.Integrity, "bad_blob", "the content of the blob is not what it says it is")
	errFileName = bus.Errorf(bus.Invalid, "bad_file_name", "not the name of a file: at most %d bytes without slashes", MaxFileName)
	errFileSize = bus.Errorf(bus.Conflict, "file_changed", "the file is not as long as it was: it changed while it was read")
)

// PackedSize returns the size in bytes of Pack's stream, or SizeUnknown.
func (f File) PackedSize() int64 {
	if f.Size == SizeUnknown {
		return SizeUnknown
	}
	return packPadded(packHeader + int64(len(f.Name)) + f.Size)
}

func packPadded(n int64) int64 {
	step := int64(1)
	switch {
	case n < padCoarse:
		step = padFine
	case n < padLimit:
		step = padCoarse
	}
	return (n + step - 1) / step * step
}

// header writes what stands before the data.
func (f File) header() []byte {
	size := uint64(sizeToEnd)
	if f.Size != SizeUnknown {
		size = uint64(f.Size)
	}
	b := binary.BigEndian.AppendUint64([]byte{packVersion}, size)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Name)))
	return append(b, f.Name...)
}

// Pack returns what EncryptBlob is to encrypt: f, the data and the padding, as
// a stream. Errors: bad_file_name (Invalid); in the stream file_changed
// (Conflict) when data has not exactly f.Size bytes, and errors of data.
func Pack(data io.Reader, f File) (io.Reader, error) {
	if !safeName(f.Name) {
		return nil, errFileName
	}
	if f.Size < SizeUnknown || f.Size > math.MaxInt64/2 {
		return nil, errFileSize
	}
	head := f.header()
	if f.Size == SizeUnknown {
		return io.MultiReader(bytes.NewReader(head), data), nil
	}
	pad := f.PackedSize() - int64(len(head)) - f.Size
	exact := &exactReader{src: data, left: f.Size, wrong: errFileSize}
	return io.MultiReader(bytes.NewReader(head), exact, io.LimitReader(zeros{}, pad)), nil
}

// Unpack reads what Pack wrote from src (a DecryptBlob): first the File, then
// the data as a stream. The data are whole only when that ends in io.EOF,
// which it does after the padding was checked and src has ended too; else it
// ends in bad_blob (Integrity) or an error of src. The name is a stranger's
// word: a bare file name, to be cleaned before it is shown.
func Unpack(src io.Reader) (File, io.Reader, error) {
	head := make([]byte, packHeader, packHeader+MaxFileName)
	if err := readAll(src, head); err != nil {
		return File{}, nil, err
	}
	size, n := binary.BigEndian.Uint64(head[1:]), int(binary.BigEndian.Uint16(head[9:]))
	if head[0] != packVersion || n > MaxFileName || (size != sizeToEnd && size > math.MaxInt64/2) {
		return File{}, nil, errPack
	}
	name := head[:n]
	if err := readAll(src, name); err != nil {
		return File{}, nil, err
	}
	f := File{Name: string(name), Size: int64(size)}
	if !safeName(f.Name) {
		return File{}, nil, errPack
	}
	if f.Size == SizeUnknown {
		return f, src, nil
	}
	pad := f.PackedSize() - packHeader - int64(n) - f.Size
	return f, &exactReader{src: src, left: f.Size, pad: pad, wrong: errPack}, nil
}

// safeName keeps a stranger's name from leading out of the folder it is saved in.
func safeName(name string) bool {
	return len(name) <= MaxFileName && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}
