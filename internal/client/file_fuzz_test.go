package client

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
)

// A file record is a member's, who may write anything: what is read of it is
// all that stands there.
func FuzzParseFile(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(FileRecord(bus.File{Name: "a.txt", Size: 5, Ref: "blob:x#y"}).Body)
	f.Add(FileRecord(bus.File{Size: -1}).Body)
	f.Add(bytes.Repeat([]byte{0xff}, 9))
	f.Fuzz(func(t *testing.T, body []byte) {
		file := parseFile(body)
		if file == nil {
			return
		}
		if again := FileRecord(*file).Body; !bytes.Equal(again, body) {
			t.Errorf("%x is read as %+v, which is %x", body, file, again)
		}
	})
}
