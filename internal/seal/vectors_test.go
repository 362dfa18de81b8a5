package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// octets are bytes that stand as hex in the vectors.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

// vectors is testdata/vectors/seal-v1.json: what another implementation has to
// reproduce. It never changes; a new version gets a file of its own.
type vectors struct {
	Confirm struct{ Secret, Fields, Tag octets }
	Name    struct {
		Secret, Room octets
		Epoch        uint64
		Name         string
		Sealed       octets
	}
	Envelope struct {
		KEMSeed, Bus, Room, Prev octets
		Epoch                    uint64
		Actor, Recipient         octets
		Serial                   uint32
		Info, Envelope, Secret   octets
	}
	Blob struct {
		Key, Salt, Scope, Context octets
		Name                      string
		Data, Ciphertext          octets
	}
	Frames []frameVector
}

type frameVector struct {
	Suite                    uint8
	Room                     octets
	Epoch                    uint64
	Entry, Secret            octets
	HeadIndex                uint32
	HeadHash, ContentSeed    octets
	Endpoint, Session        octets
	Index                    uint32
	Salt                     octets
	AtMillis                 uint64
	Records                  octets
	SenderKey, FrameKeyNonce octets
	Signed, Frame            octets
}

func (v frameVector) epoch(t *testing.T) Epoch {
	ep := Epoch{Room: bus.RoomID(v.Room), Number: bus.Epoch(v.Epoch), Entry: bus.Hash(v.Entry), Suite: bus.Suite(v.Suite)}
	if len(v.Secret) > 0 {
		ep.Secret = secretOf(t, v.Secret)
	}
	return ep
}

func (v frameVector) header() frame.Header {
	return frame.Header{Suite: bus.Suite(v.Suite), Room: bus.RoomID(v.Room), Epoch: bus.Epoch(v.Epoch),
		Head: bus.Ref{Index: v.HeadIndex, Hash: bus.Prefix(v.HeadHash)}, Endpoint: bus.EndpointID(v.Endpoint),
		Session: frame.Session(v.Session), Index: v.Index, Salt: frame.Salt(v.Salt)}
}

func (v frameVector) key() identity.SigningKey {
	return identity.SigningKeyFromSeed([32]byte(v.ContentSeed))
}

func secretOf(t *testing.T, b []byte) Secret {
	t.Helper()
	s, err := SecretFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors/seal-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, want %x", what, got, want)
	}
}

func TestVectorsOfFrames(t *testing.T) {
	t.Parallel()
	frames := readVectors(t).Frames
	if len(frames) != 3 {
		t.Fatalf("%d frames, want 3", len(frames))
	}
	for _, v := range frames {
		ep, h := v.epoch(t), v.header()
		records, err := ParseRecords(v.Records)
		if err != nil {
			t.Fatal(err)
		}
		made := NewSender(ep, h.Endpoint, v.key()).build(h, v.AtMillis, records, len(v.Records))
		same(t, "frame", made, v.Frame)
		if ep.Suite == bus.SuiteSealed {
			same(t, "sender key", ep.senderKey(h.Endpoint), v.SenderKey)
			same(t, "frame key", frameKey(v.SenderKey, h), v.FrameKeyNonce)
		}
		signed, _, err := ep.open(h, v.Frame)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "signed", signed, v.Signed)
		o, err := Open(ep, v.Frame, func(bus.EndpointID) (identity.VerifyKey, bool) { return v.key().Public(), true })
		if err != nil || o.Header != h || !o.At.Equal(time.UnixMilli(int64(v.AtMillis))) {
			t.Fatalf("got %+v, %v", o, err)
		}
		again, err := EncodeRecords(o.Records)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "records", again, v.Records)
	}
}

func TestVectorsOfSecrets(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	tag := secretOf(t, v.Confirm.Secret).Confirm(v.Confirm.Fields)
	same(t, "confirm", tag[:], v.Confirm.Tag)

	n := v.Name
	name, err := secretOf(t, n.Secret).OpenName(bus.RoomID(n.Room), bus.Epoch(n.Epoch), n.Sealed)
	if err != nil || name != n.Name {
		t.Errorf("name: got %q, %v; want %q", name, err, n.Name)
	}

	e := v.Envelope
	b := Binding{Bus: bus.ID(e.Bus), Room: bus.RoomID(e.Room), Prev: bus.Hash(e.Prev), Epoch: bus.Epoch(e.Epoch),
		Actor: bus.EndpointID(e.Actor), Recipient: bus.EndpointID(e.Recipient), Serial: e.Serial}
	same(t, "info", b.info(), e.Info)
	secret, err := OpenEnvelope(identity.KEMKeyFromSeed([32]byte(e.KEMSeed)), e.Envelope, b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "envelope", secret.Bytes(), e.Secret)
}

func TestVectorsOfBlobs(t *testing.T) {
	t.Parallel()
	v := readVectors(t).Blob
	key, err := BlobKeyFrom(v.Key)
	if err != nil {
		t.Fatal(err)
	}
	scope := Scope(v.Scope)
	same(t, "context", scope.context(), v.Context)
	packed, err := Pack(bytes.NewReader(v.Data), File{Name: v.Name, Size: int64(len(v.Data))})
	if err != nil {
		t.Fatal(err)
	}
	made, err := io.ReadAll(EncryptBlob(packed, key, Salt(v.Salt), scope))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "blob", made, v.Ciphertext)
	f, r, err := Unpack(DecryptBlob(bytes.NewReader(v.Ciphertext), key, scope))
	if err != nil || f.Name != v.Name {
		t.Fatalf("got %+v, %v", f, err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "data", data, v.Data)
}
