package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// refusal is what no reader may take, and the rule that it breaks: those words
// are for readers in other languages.
type refusal struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // frame, name, envelope, grant, blob, content
	Reason string `json:"reason"`

	Suite    uint8  `json:"suite,omitempty"` // of a frame, and of its epoch
	Room     octets `json:"room,omitempty"`
	Epoch    uint64 `json:"epoch,omitempty"`
	Entry    octets `json:"entry,omitempty"`
	Secret   octets `json:"secret,omitempty"`
	Endpoint octets `json:"endpoint,omitempty"` // the one that is in the audience
	Content  octets `json:"content,omitempty"`  // its C

	KEMSeed octets `json:"kemSeed,omitempty"` // of an envelope or a grant
	Info    octets `json:"info,omitempty"`

	Key   octets `json:"key,omitempty"` // of a blob
	Scope octets `json:"scope,omitempty"`

	Raw octets `json:"raw"`
}

// codes are what our readers say where a reason has a word of its own.
var codes = map[string]map[string]string{
	"frame":    {"signature": "bad_signature", "endpoint": "not_in_audience", "": "bad_frame"},
	"name":     {"": "bad_sealed_name"},
	"envelope": {"": "bad_envelope"},
	"grant":    {"": "bad_handed_key"},
	"blob":     {"": "bad_blob"},
	"content":  {"": "bad_blob"},
}

func (r refusal) code() string {
	if c, ok := codes[r.Kind][r.Reason]; ok {
		return c
	}
	return codes[r.Kind][""]
}

func (r refusal) read(t *testing.T) error {
	switch r.Kind {
	case "frame":
		ep := Epoch{Room: bus.RoomID(r.Room), Number: bus.Epoch(r.Epoch), Entry: bus.Hash(r.Entry), Suite: bus.Suite(r.Suite)}
		if len(r.Secret) > 0 {
			ep.Secret = secretOf(t, r.Secret)
		}
		_, err := Open(ep, r.Raw, func(e bus.EndpointID) (identity.VerifyKey, bool) {
			return identity.VerifyKey(r.Content), e == bus.EndpointID(r.Endpoint)
		})
		return err
	case "name":
		_, err := secretOf(t, r.Secret).OpenName(bus.RoomID(r.Room), bus.Epoch(r.Epoch), r.Raw)
		return err
	case "envelope":
		_, err := OpenEnvelope(identity.KEMKeyFromSeed([32]byte(r.KEMSeed)), r.Raw, bindingOf(r.Info))
		return err
	case "grant":
		_, err := OpenGrant(identity.KEMKeyFromSeed([32]byte(r.KEMSeed)), r.Raw, grantOf(r.Info))
		return err
	case "blob":
		key, err := BlobKeyFrom(r.Key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(DecryptBlob(bytes.NewReader(r.Raw), key, Scope(r.Scope)))
		return err
	}
	_, data, err := Unpack(bytes.NewReader(r.Raw))
	if err == nil {
		_, err = io.ReadAll(data)
	}
	return err
}

// bindingOf reads what Binding.info writes.
func bindingOf(info []byte) (b Binding) {
	at := info[len("unibus/1 envelope"):]
	for _, field := range [][]byte{b.Bus[:], b.Room[:], b.Prev[:]} {
		at = at[copy(field, at):]
	}
	b.Epoch, at = bus.Epoch(binary.BigEndian.Uint64(at)), at[8:]
	at = at[copy(b.Actor[:], at):]
	at = at[copy(b.Recipient[:], at):]
	b.Serial = binary.BigEndian.Uint32(at)
	return b
}

// grantOf reads what Grant.info writes.
func grantOf(info []byte) (g Grant) {
	at := info[len("unibus/1 grant"):]
	for _, field := range [][]byte{g.Bus[:], g.Room[:], g.Entry[:]} {
		at = at[copy(field, at):]
	}
	g.Epoch, at = bus.Epoch(binary.BigEndian.Uint64(at)), at[8:]
	at = at[copy(g.Actor[:], at):]
	at = at[copy(g.Recipient[:], at):]
	g.Serial = binary.BigEndian.Uint32(at)
	return g
}

func TestVectorsRefused(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	var made []refusal
	for _, f := range v.Frames[:1] {
		made = append(made, refusedFrames(t, f)...)
	}
	made = append(made, refusedFrames(t, v.Frames[2])...)
	made = append(made, refusedNames(t, v)...)
	made = append(made, refusedEnvelopes(v)...)
	made = append(made, refusedGrants(readGrants(t)[0])...)
	made = append(made, refusedBlobs(t, v)...)
	made = append(made, refusedContents()...)
	for _, r := range frozen(t, "refused.json", made) {
		if err := r.read(t); bus.CodeOf(err) != r.code() {
			t.Errorf("%s, %s: got %v (%s), want %s", r.Kind, r.Name, err, bus.CodeOf(err), r.code())
		}
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func with(b []byte, at int, part ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], part)
	return b
}

func longer(b []byte) []byte { return append(bytes.Clone(b), 0) }

// refusedFrames spoils a good frame of its suite.
func refusedFrames(t *testing.T, v frameVector) (out []refusal) {
	ep, key := v.epoch(t), v.key()
	c := key.Public()
	good := refusal{Kind: "frame", Suite: v.Suite, Room: v.Room, Epoch: v.Epoch, Entry: v.Entry, Secret: v.Secret,
		Endpoint: v.Endpoint, Content: c[:], Raw: v.Frame}
	add := func(name, reason string, change func(*refusal)) {
		r := good
		r.Name, r.Reason = fmt.Sprintf("%s, suite %d", name, v.Suite), reason
		change(&r)
		out = append(out, r)
	}
	raw := func(name, reason string, b []byte) { add(name, reason, func(r *refusal) { r.Raw = b }) }
	// Without encryption only the signature tells; with it the tag comes first.
	changed := "signature"
	if ep.Suite == bus.SuiteSealed {
		changed = "tag"
	}
	raw("version 2", "version", with(v.Frame, 0, 2))
	raw("suite 2", "suite", with(v.Frame, 1, 2))
	raw("the other suite", "suite", with(v.Frame, 1, 1-v.Suite))
	raw("of another room", "room", flipped(v.Frame, 2))
	raw("of another epoch", "epoch", flipped(v.Frame, 25))
	raw("head index", changed, flipped(v.Frame, 29))
	raw("head hash", changed, flipped(v.Frame, 45))
	raw("endpoint outside of the audience", "endpoint", flipped(v.Frame, 46))
	raw("session", changed, flipped(v.Frame, 62))
	raw("index", changed, flipped(v.Frame, 81))
	raw("salt", changed, flipped(v.Frame, 97))
	raw("first byte behind the header", changed, flipped(v.Frame, 98))
	raw("last byte", changed, flipped(v.Frame, len(v.Frame)-1))
	raw("longer by a byte", changed, longer(v.Frame))
	raw("cut by a byte", changed, v.Frame[:len(v.Frame)-1])
	raw("cut behind the header", map[uint8]string{0: "short", 1: "tag"}[v.Suite], v.Frame[:98])
	raw("cut in the header", "short", v.Frame[:97])
	raw("nothing", "short", nil)
	add("read in an epoch of another entry", changed, func(r *refusal) { r.Entry = flipped(r.Entry, 31) })
	add("under another C", "signature", func(r *refusal) { r.Content = bytes.Repeat([]byte{3}, 32) })
	add("under a C of small order", "signature", func(r *refusal) { r.Content = make([]byte, 32) })
	if v.Suite == 1 {
		add("under another secret", "tag", func(r *refusal) { r.Secret = flipped(r.Secret, 0) })
	}
	return append(out, crookedFrames(t, good, ep, key, v)...)
}

// crookedFrames are written by a member who has the secret and signs.
func crookedFrames(t *testing.T, good refusal, ep Epoch, key identity.SigningKey, v frameVector) (out []refusal) {
	yes, reply := text("yes"), everyKind()[1]
	record := yes.append(nil)
	region := func(b ...byte) []byte { return append(b, make([]byte, padded(len(b))-len(b))...) }
	type crooked struct {
		name, reason string
		region       []byte
		ms           uint64
		ctx          identity.Context
	}
	for _, c := range []crooked{
		{"no records", "empty", make([]byte, 32), 1, identity.ContextFrame},
		{"nothing at all", "empty", nil, 1, identity.ContextFrame},
		{"no padding", "padding", record, 1, identity.ContextFrame},
		{"padding to 64", "padding", append(region(record...), make([]byte, 32)...), 1, identity.ContextFrame},
		{"padding to the next size", "padding", append(region(record...), make([]byte, 224)...), 1, identity.ContextFrame},
		{"words in the padding", "padding", with(region(record...), 31, 1), 1, identity.ContextFrame},
		{"body longer than the frame", "short", with(region(record...), 18, 0, 200), 1, identity.ContextFrame},
		{"body of 65535", "short", with(region(record...), 18, 255, 255), 1, identity.ContextFrame},
		{"has reference 2", "flags", with(region(record...), 17, 2), 1, identity.ContextFrame},
		{"a text with a reference", "reference", with(region(reply.append(nil)...), 0, 1), 1, identity.ContextFrame},
		{"a reply without one", "reference", with(region(record...), 0, 2), 1, identity.ContextFrame},
		{"cut in the id", "short", region(record...)[:10], 1, identity.ContextFrame},
		{"time after 9999", "time", region(record...), bus.MaxMillis + 1, identity.ContextFrame},
		{"time of all ones", "time", region(record...), 1<<64 - 1, identity.ContextFrame},
		{"signed as a room entry", "signature", region(record...), 1, identity.ContextRoom},
		{"signed as an account entry", "signature", region(record...), 1, identity.ContextAccount},
	} {
		l := letter{header: v.header(), entry: ep.Entry, ms: c.ms, region: c.region}
		r := good
		r.Name, r.Reason = fmt.Sprintf("%s, suite %d", c.name, v.Suite), c.reason
		r.Raw = l.frame(ep, key.Sign(c.ctx, l.signed()))
		out = append(out, r)
	}
	return out
}

func refusedNames(t *testing.T, v vectors) (out []refusal) {
	n := v.Name
	good := refusal{Kind: "name", Room: n.Room, Epoch: n.Epoch, Secret: n.Secret, Raw: n.Sealed}
	add := func(name, reason string, change func(*refusal)) {
		r := good
		r.Name, r.Reason = name, reason
		change(&r)
		out = append(out, r)
	}
	for _, at := range []int{0, 15, 16, 79, 80, 95} {
		add(fmt.Sprintf("bit 0 of byte %d", at), "tag", func(r *refusal) { r.Raw = flipped(r.Raw, at) })
	}
	add("longer by a byte", "length", func(r *refusal) { r.Raw = longer(r.Raw) })
	add("cut by a byte", "length", func(r *refusal) { r.Raw = r.Raw[:95] })
	add("nothing", "length", func(r *refusal) { r.Raw = octets{} })
	add("of another room", "tag", func(r *refusal) { r.Room = flipped(r.Room, 0) })
	add("of another epoch", "tag", func(r *refusal) { r.Epoch++ })
	add("under another secret", "tag", func(r *refusal) { r.Secret = flipped(r.Secret, 31) })
	sealed := func(plain []byte) octets {
		salt := bytes.Repeat([]byte{8}, nameSalt)
		return secretOf(t, n.Secret).nameKey(bus.RoomID(n.Room), bus.Epoch(n.Epoch), salt).seal(bytes.Clone(salt), plain, nil)
	}
	plain := append([]byte{0, 2, 'h', 'i'}, make([]byte, 60)...)
	add("a length of 63", "length", func(r *refusal) { r.Raw = sealed(with(plain, 0, 0, 63)) })
	add("a length of 65535", "length", func(r *refusal) { r.Raw = sealed(with(plain, 0, 255, 255)) })
	add("words in the zeros", "padding", func(r *refusal) { r.Raw = sealed(with(plain, 63, 1)) })
	return out
}

// refusedEnvelopes move a good envelope to every other place, and damage it.
func refusedEnvelopes(v vectors) (out []refusal) {
	e := v.Envelope
	good := refusal{Kind: "envelope", KEMSeed: e.KEMSeed, Info: e.Info, Raw: e.Envelope}
	add := func(name, reason string, change func(*refusal)) {
		r := good
		r.Name, r.Reason = name, reason
		change(&r)
		out = append(out, r)
	}
	at := len("unibus/1 envelope")
	for _, field := range []struct {
		name string
		size int
	}{{"bus", 16}, {"room", 16}, {"prev", 32}, {"epoch", 8}, {"actor", 16}, {"recipient", 16}, {"serial", 4}} {
		end := at + field.size - 1
		add("of another "+field.name, "tag", func(r *refusal) { r.Info = flipped(r.Info, end) })
		at += field.size
	}
	add("for another key", "tag", func(r *refusal) { r.KEMSeed = flipped(r.KEMSeed, 0) })
	for _, i := range []int{0, 959, 960, 1087, 1088, 1118, 1120, 1151, 1152, 1167} {
		add(fmt.Sprintf("bit 0 of byte %d", i), "tag", func(r *refusal) { r.Raw = flipped(r.Raw, i) })
	}
	add("X25519 share of small order", "tag", func(r *refusal) { r.Raw = with(r.Raw, 1088, make([]byte, 32)...) })
	add("longer by a byte", "length", func(r *refusal) { r.Raw = longer(r.Raw) })
	add("cut by a byte", "length", func(r *refusal) { r.Raw = r.Raw[:1167] })
	add("without a ciphertext", "length", func(r *refusal) { r.Raw = r.Raw[:1120] })
	add("nothing", "length", func(r *refusal) { r.Raw = octets{} })
	return out
}

// refusedGrants are grants in another place, and what is sealed as something
// else.
func refusedGrants(v grantVector) (out []refusal) {
	good := refusal{Kind: "grant", KEMSeed: v.KEMSeed, Info: v.Info, Raw: v.Grant}
	add := func(name, reason string, change func(*refusal)) {
		r := good
		r.Name, r.Reason = name, reason
		change(&r)
		out = append(out, r)
	}
	at := len("unibus/1 grant")
	for _, field := range []struct {
		name string
		size int
	}{{"bus", 16}, {"room", 16}, {"entry", 32}, {"epoch", 8}, {"actor", 16}, {"recipient", 16}, {"serial", 4}} {
		end := at + field.size - 1
		add("of another "+field.name, "tag", func(r *refusal) { r.Info = flipped(r.Info, end) })
		at += field.size
	}
	add("for another key", "tag", func(r *refusal) { r.KEMSeed = flipped(r.KEMSeed, 0) })
	add("last byte", "tag", func(r *refusal) { r.Raw = flipped(r.Raw, 1167) })
	add("longer by a byte", "length", func(r *refusal) { r.Raw = longer(r.Raw) })
	add("cut by a byte", "length", func(r *refusal) { r.Raw = r.Raw[:1167] })
	add("nothing", "length", func(r *refusal) { r.Raw = octets{} })
	add("a grant in place of an envelope", "tag", func(r *refusal) {
		r.Kind, r.Info = "envelope", append(octets("unibus/1 envelope"), r.Info[len("unibus/1 grant"):]...)
	})
	return out
}

func refusedBlobs(t *testing.T, v vectors) (out []refusal) {
	b := v.Blob
	good := refusal{Kind: "blob", Key: b.Key, Scope: b.Scope, Raw: b.Ciphertext[:0:0]}
	key, err := BlobKeyFrom(b.Key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(plain []byte) []byte {
		c, err := io.ReadAll(EncryptBlob(bytes.NewReader(plain), key, Salt(b.Salt), Scope(b.Scope)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	small, whole := sealed([]byte("some bytes")), sealed(make([]byte, 16<<10))
	good.Raw = small
	add := func(name, reason string, change func(*refusal)) {
		r := good
		r.Name, r.Reason = name, reason
		change(&r)
		out = append(out, r)
	}
	raw := func(name, reason string, b []byte) { add(name, reason, func(r *refusal) { r.Raw = b }) }
	raw("nothing", "short", octets{})
	raw("cut in the salt", "short", small[:23])
	raw("cut in the commitment", "short", small[:55])
	raw("no chunk", "short", small[:56])
	raw("less than a tag", "short", small[:56+15])
	raw("cut by a byte", "tag", small[:len(small)-1])
	raw("longer by a byte", "tag", longer(small))
	raw("bit 0 of the salt", "commitment", flipped(small, 0))
	raw("bit 0 of the commitment", "commitment", flipped(small, 24))
	raw("bit 0 of the first chunk", "tag", flipped(small, 56))
	raw("bit 0 of the tag", "tag", flipped(small, len(small)-1))
	add("of another scope", "commitment", func(r *refusal) { r.Scope = flipped(r.Scope, 0) })
	add("under another key", "commitment", func(r *refusal) { r.Key = flipped(r.Key, 31) })
	raw("a last chunk that is missing", "short", whole[:56+16<<10+16])
	return out
}

// refusedContents are what a sender may have put into a blob.
func refusedContents() (out []refusal) {
	add := func(name, reason string, raw []byte) {
		out = append(out, refusal{Name: name, Kind: "content", Reason: reason, Raw: raw})
	}
	packed := func(file string, size uint64, data ...byte) []byte {
		b := binary.BigEndian.AppendUint64([]byte{packVersion}, size)
		b = binary.BigEndian.AppendUint16(b, uint16(len(file)))
		b = append(append(b, file...), data...)
		return append(b, make([]byte, packPadded(int64(len(b)))-int64(len(b)))...)
	}
	// Where all of it is read as data, nothing need stand behind.
	short := func(b []byte) []byte { return b[:40] }
	good := packed("n", 2, 'h', 'i')
	add("version 2", "version", with(short(good), 0, 2))
	add("version 0", "version", with(short(good), 0, 0))
	add("nothing", "short", []byte{})
	add("cut in the header", "short", good[:10])
	add("a name longer than all", "short", with(short(good), 9, 0, 200))
	add("a name of 65535", "name", with(short(good), 9, 255, 255))
	for _, file := range []string{".", "..", "a/b", `a\b`, "a\x00b"} {
		add(fmt.Sprintf("the name %q", file), "name", short(packed(file, 1<<64-1)))
	}
	add("data that are not there", "short", with(good, 1, 0, 0, 0, 0, 0, 1, 0, 0))
	add("a size of 2^63", "size", with(short(good), 1, 128))
	add("a size of 2^64-2", "size", with(short(good), 1, 255, 255, 255, 255, 255, 255, 255, 254))
	add("no padding", "padding", good[:14])
	add("padding cut by a byte", "padding", good[:4095])
	add("a byte behind the padding", "padding", longer(good))
	add("words in the padding", "padding", with(good, 4095, 1))
	return out
}
