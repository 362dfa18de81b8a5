package seal

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"unibus/internal/bus"
	"unibus/internal/seal/cobblestone"
)

func encryptBlob(t *testing.T, plain []byte, key BlobKey, salt Salt, scope Scope) []byte {
	t.Helper()
	out, err := io.ReadAll(EncryptBlob(bytes.NewReader(plain), key, salt, scope))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBlob(t *testing.T) {
	t.Parallel()
	key, salt := NewBlobKey()
	plain, room := bytes.Repeat([]byte("blob "), 10000), Scope{1}
	for _, scope := range []Scope{{}, room} {
		sealed := encryptBlob(t, plain, key, salt, scope)
		if EncryptedSize(int64(len(plain))) != int64(len(sealed)) {
			t.Errorf("size: got %d, EncryptedSize says %d", len(sealed), EncryptedSize(int64(len(plain))))
		}
		got, err := io.ReadAll(DecryptBlob(bytes.NewReader(sealed), key, scope))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("scope %v: got %d bytes, %v", scope, len(got), err)
		}
		if !bytes.Equal(sealed, encryptBlob(t, plain, key, salt, scope)) {
			t.Error("an upload that goes on would not give the same pieces")
		}
	}
	sealed := encryptBlob(t, plain, key, salt, room)
	other, _ := NewBlobKey()
	for name, r := range map[string]io.Reader{
		"moved to the bus":      DecryptBlob(bytes.NewReader(sealed), key, Scope{}),
		"moved to another room": DecryptBlob(bytes.NewReader(sealed), key, Scope{2}),
		"another key":           DecryptBlob(bytes.NewReader(sealed), other, room),
		"cut":                   DecryptBlob(bytes.NewReader(sealed[:len(sealed)-1]), key, room),
		"cut between chunks":    DecryptBlob(bytes.NewReader(sealed[:56+16400]), key, room),
		"appended":              DecryptBlob(bytes.NewReader(append(bytes.Clone(sealed), 0)), key, room),
	} {
		_, err := io.ReadAll(r)
		wantErr(t, name, err, cobblestone.ErrBlob)
	}
}

func TestFragment(t *testing.T) {
	t.Parallel()
	key, _ := NewBlobKey()
	raw := key.Fragment(Scope{3})
	got, scope, err := ParseFragment(raw)
	if err != nil || len(raw) != FragmentSize || scope != (Scope{3}) || !bytes.Equal(got.Bytes(), key.Bytes()) {
		t.Errorf("got %v, %v", scope, err)
	}
	for _, bad := range [][]byte{nil, raw[:47], append(bytes.Clone(raw), 0)} {
		if _, _, err := ParseFragment(bad); bus.CodeOf(err) != "bad_key" {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// pack returns what Pack makes of data.
func pack(t *testing.T, data string, f File) ([]byte, error) {
	t.Helper()
	r, err := Pack(strings.NewReader(data), f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestPack(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 4000, padFine - packHeader - 5, padFine, 70000, padLimit - packHeader - 5, padLimit, padLimit + 1} {
		data := strings.Repeat("d", n)
		f := File{Name: "notes", Size: int64(n)}
		packed, err := pack(t, data, f)
		if err != nil || int64(len(packed)) != f.PackedSize() {
			t.Fatalf("%d bytes: packed %d, %v; want %d", n, len(packed), err, f.PackedSize())
		}
		got, r, err := Unpack(iotest.HalfReader(bytes.NewReader(packed)))
		if err != nil || got != f {
			t.Fatalf("%d bytes: got %+v, %v", n, got, err)
		}
		if err := iotest.TestReader(r, []byte(data)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestPackPipe(t *testing.T) {
	t.Parallel()
	packed, err := pack(t, "from a pipe", File{Name: "", Size: SizeUnknown})
	if err != nil {
		t.Fatal(err)
	}
	f, r, err := Unpack(bytes.NewReader(packed))
	if err != nil || f.Size != SizeUnknown || f.PackedSize() != SizeUnknown {
		t.Fatalf("got %+v, %v", f, err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "from a pipe" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPackSteps(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{
		11: 4096, 4096: 4096, 4097: 8192, 65535: 65536, 65536: 65536, 65537: 131072,
		padLimit - 1: padLimit, padLimit: padLimit, 1<<20 + 1: 1<<20 + 1, 1 << 40: 1 << 40,
	} {
		if got := packPadded(n); got != want {
			t.Errorf("%d bytes take %d, want %d", n, got, want)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a/b", `a\b`, "..", ".", "a\x00b", strings.Repeat("n", MaxFileName+1)} {
		if _, err := pack(t, "", File{Name: name}); bus.CodeOf(err) != "bad_file_name" {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, size := range []int64{-2, 2, 4, 1 << 62} {
		if _, err := pack(t, "abc", File{Size: size}); bus.CodeOf(err) != "file_changed" {
			t.Errorf("a file of 3 bytes said to have %d: %v", size, err)
		}
	}
	broken, err := Pack(iotest.ErrReader(io.ErrUnexpectedEOF), File{Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(broken); err != io.ErrUnexpectedEOF {
		t.Errorf("an error while reading: %v", err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	good, err := pack(t, "abc", File{Name: "n", Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) []byte { return File{Name: name, Size: SizeUnknown}.header() }
	for name, b := range map[string][]byte{
		"empty":             nil,
		"cut in the front":  good[:5],
		"cut in the name":   good[:packHeader],
		"cut in the data":   good[:packHeader+2],
		"cut in the zeros":  good[:len(good)-1],
		"more zeros":        append(bytes.Clone(good), 0),
		"words in zeros":    flip(good, len(good)*8-1),
		"other version":     flip(good, 0),
		"size out of range": flip(good, 8+6),
		"name out of range": flip(good, 9*8),
		"up and out":        named("../.ssh"),
		"folder":            named(".."),
	} {
		_, r, err := Unpack(bytes.NewReader(b))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		wantErr(t, name, err, errPack)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(File{Name: "n", Size: SizeUnknown}.header())
	f.Add(append(File{Size: 3}.header(), make([]byte, padFine-packHeader)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, r, err := Unpack(bytes.NewReader(b))
		if err != nil {
			return
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return
		}
		packed, err := Pack(bytes.NewReader(data), file)
		if err != nil {
			t.Fatalf("%+v: %v", file, err)
		}
		if again, err := io.ReadAll(packed); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("unpacked content packs to other bytes (%v)", err)
		}
	})
}
