package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unibus/internal/bus"
)

// octets are bytes that stand as hex in the vectors.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

// frozen holds what we make to a file of vectors, or writes it with -update,
// and reads it back into v.
func frozen[T any](t *testing.T, name string, made T) (v T) {
	t.Helper()
	path := filepath.Join("testdata", "vectors", name)
	got, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: the vectors have changed", name)
	}
	if err := json.Unmarshal(want, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// linkVector is a link of every kind and form of address, and what it says.
type linkVector struct {
	Text    string `json:"text"`
	Kind    string `json:"kind"`
	Address string `json:"address"`
	CA      octets `json:"ca"`
	Org     octets `json:"org"`
	ID      string `json:"id,omitempty"`
	Seed    octets `json:"seed,omitempty"`
}

// lineVector is a key line with and without kem keys, and the seeds it was
// made of.
type lineVector struct {
	Text          string `json:"text"`
	ContentSeed   octets `json:"content_seed"`
	AccountSeed   octets `json:"account_seed"`
	TransportSeed octets `json:"transport_seed"`
	KEMSeed       octets `json:"kem_seed,omitempty"`
	RecoverySeed  octets `json:"recovery_seed,omitempty"`
}

type textVectors struct {
	Links    []linkVector `json:"links"`
	KeyLines []lineVector `json:"key_lines"`
}

func madeTexts() (v textVectors) {
	addresses := map[LinkKind]string{LinkInvite: "[2001:db8::1]:8443", LinkFounding: "127.0.0.1:1",
		LinkDevice: "a-1.bus.example:65535", LinkBus: "localhost:443"}
	for kind := LinkInvite; kind <= LinkBus; kind++ {
		l := testLink(kind, addresses[kind])
		one := linkVector{Text: l.String(), Kind: kind.String(), Address: l.Addr, CA: l.CA[:], Org: l.Org[:]}
		if kind.hasSecrets() {
			one.ID, one.Seed = l.ID.String(), l.Seed[:]
		}
		v.Links = append(v.Links, one)
	}
	for flags := range 4 {
		v.KeyLines = append(v.KeyLines, madeLine(flags))
	}
	return v
}

func madeLine(flags int) lineVector {
	seed := func(b byte) octets { return bytes.Repeat([]byte{b}, 32) }
	v := lineVector{ContentSeed: seed(1), AccountSeed: seed(2), TransportSeed: seed(3)}
	var kem, recovery *KEMPublic
	if flags&flagKEM != 0 {
		v.KEMSeed = seed(4)
		k := KEMKeyFromSeed([32]byte(v.KEMSeed)).Public()
		kem = &k
	}
	if flags&flagRecovery != 0 {
		v.RecoverySeed = seed(5)
		k := KEMKeyFromSeed([32]byte(v.RecoverySeed)).Public()
		recovery = &k
	}
	v.Text = NewKeyLine(SigningKeyFromSeed([32]byte(v.ContentSeed)), TransportKeyFromSeed([32]byte(v.TransportSeed)).Public(),
		SigningKeyFromSeed([32]byte(v.AccountSeed)), kem, recovery)
	return v
}

func TestVectorsOfTexts(t *testing.T) {
	t.Parallel()
	v := frozen(t, "text.json", madeTexts())
	for _, one := range v.Links {
		l, err := ParseLink(one.Text)
		if err != nil || l.Kind.String() != one.Kind || l.Addr != one.Address {
			t.Errorf("%s: got %s, %v", one.Text, l.Redacted(), err)
		}
	}
	for _, one := range v.KeyLines {
		k, err := ParseKeyLine(one.Text)
		if err != nil || (k.KEM != nil) != (one.KEMSeed != nil) || (k.Recovery != nil) != (one.RecoverySeed != nil) {
			t.Errorf("%.40s: got %+v, %v", one.Text, k, err)
		}
	}
}

// refusal is a text, key or signature that no reader may take, and the rule
// that it breaks: those words are for readers in other languages.
type refusal struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"` // link, key line, kem key, signature
	Reason    string `json:"reason"`
	Text      string `json:"text,omitempty"`
	Key       octets `json:"key,omitempty"`
	Context   string `json:"context,omitempty"` // of a signature; empty: plain Ed25519
	Message   octets `json:"message,omitempty"`
	Signature octets `json:"signature,omitempty"`
}

// taken reports whether our reader takes what it must refuse.
func (r refusal) taken() bool {
	switch r.Kind {
	case "link":
		_, err := ParseLink(r.Text)
		return bus.CodeOf(err) != "bad_link"
	case "key line":
		_, err := ParseKeyLine(r.Text)
		return bus.CodeOf(err) != "bad_key_line" && bus.CodeOf(err) != "forged_key_line"
	case "kem key":
		return KEMPublic(r.Key).Valid()
	case "signature":
		if r.Context == "" {
			return TransportID(r.Key).Verify(r.Message, r.Signature)
		}
		return VerifyKey(r.Key).Verify(Context(r.Context), r.Message, r.Signature)
	}
	return true
}

func TestVectorsRefused(t *testing.T) {
	t.Parallel()
	made := refusedLinks()
	made = append(made, refusedLines()...)
	made = append(made, refusedKEMKeys()...)
	made = append(made, refusedSignatures(t)...)
	for _, r := range frozen(t, "refused.json", made) {
		if r.taken() {
			t.Errorf("%s: %s: taken, want a refusal: %s", r.Kind, r.Name, r.Reason)
		}
	}
}

// linkOf writes a link of any bytes, with a checksum that holds.
func linkOf(addr string, b []byte) string {
	sum := linkSum(b)
	return linkScheme + addr + "/#" + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(b), sum[:]...))
}

// linkBytes are those of a good link, without the checksum.
func linkBytes(kind LinkKind) []byte {
	l := testLink(kind, "a:1")
	b := append([]byte{linkVersion, byte(kind)}, l.CA[:]...)
	b = append(b, l.Org[:]...)
	if kind.hasSecrets() {
		b = append(append(b, l.ID[:]...), l.Seed[:]...)
	}
	return b
}

func changed(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	b[at] = to
	return b
}

func refusedLinks() (out []refusal) {
	add := func(name, reason, text string) {
		out = append(out, refusal{Name: name, Kind: "link", Reason: reason, Text: text})
	}
	const addr = "bus.example:8443"
	good, short := linkBytes(LinkInvite), linkBytes(LinkBus)
	text := linkOf(addr, good)
	add("version 2", "version", linkOf(addr, changed(good, 0, 2)))
	add("kind 0", "kind", linkOf(addr, changed(good, 1, 0)))
	add("kind 5", "kind", linkOf(addr, changed(good, 1, 5)))
	add("cut by a byte, summed anew", "short", linkOf(addr, good[:len(good)-1]))
	add("longer by a byte, summed anew", "trailing", linkOf(addr, append(bytes.Clone(good), 0)))
	add("a bus link with id and seed", "trailing", linkOf(addr, changed(good, 1, byte(LinkBus))))
	add("an invite without id and seed", "short", linkOf(addr, changed(short, 1, byte(LinkInvite))))
	add("nothing behind the CA", "short", linkOf(addr, good[:34]))
	add("an invite without O", "kind", linkOf(addr, append(append(bytes.Clone(good[:34]), make([]byte, 32)...), good[66:]...)))
	add("a founding link with O", "kind", linkOf(addr, changed(good, 1, byte(LinkFounding))))
	for _, at := range []int{2, 40, 70, 90} {
		flipped := changed(good, at, good[at]^1)
		sum := linkSum(good)
		add(fmt.Sprintf("bit 0 of byte %d", at), "checksum",
			linkScheme+addr+"/#"+base64.RawURLEncoding.EncodeToString(append(flipped, sum[:]...)))
	}
	add("padding of base64", "spelling", linkOf(addr, short)+"=")
	add("spare bits of base64", "spelling", linkOf(addr, append(bytes.Clone(good), 0, 0))[:len(text)+2]+"_")
	add("a line end", "spelling", text[:60]+"\n"+text[60:])
	add("a space behind", "spelling", text+" ")
	add("the scheme in upper case", "spelling", "UNIBUS"+text[6:])
	add("no slash before the fragment", "spelling", strings.Replace(text, "/#", "#", 1))
	for _, a := range []string{"Bus.example:8443", "bus.example", "bus.example:0", "bus.example:08443", "bus.example:65536",
		"bus..example:1", "-bus.example:1", "bus_1.example:1", "bus.7:1", "[2001:db8:0::1]:1", "[2001:DB8::1]:1", "[::1%25a]:1", "::1:1"} {
		add("address "+a, "address", linkOf(a, good))
	}
	return out
}

// keyLine signs any front of a key line.
func keyLine(c, a SigningKey, front []byte, ctx Context) string {
	b := append(bytes.Clone(front), c.Sign(ctx, front)...)
	return keyLineScheme + base64.RawURLEncoding.EncodeToString(append(b, a.Sign(ctx, front)...))
}

func refusedLines() (out []refusal) {
	add := func(name, reason, text string) {
		out = append(out, refusal{Name: name, Kind: "key line", Reason: reason, Text: text})
	}
	v := madeLine(flagKEM)
	c, a := SigningKeyFromSeed([32]byte(v.ContentSeed)), SigningKeyFromSeed([32]byte(v.AccountSeed))
	raw, _ := base64.RawURLEncoding.DecodeString(v.Text[len(keyLineScheme):])
	front := raw[:len(raw)-keyLineSigs]
	signed := func(front []byte) string { return keyLine(c, a, front, ContextKeyLine) }
	plain := append(changed(front[:3], 2, 0), front[3:keyLineFixed]...)
	with := func(b []byte, at int, key []byte) []byte { b = bytes.Clone(b); copy(b[at:], key); return b }

	add("version 2", "version", signed(changed(front, 0, 2)))
	add("algorithm 2", "algorithm", signed(changed(front, 1, 2)))
	add("flag 4", "flags", signed(changed(front, 2, 5)))
	add("flag 2 without R", "short", signed(changed(front, 2, 3)))
	add("flag 1 without K", "short", signed(changed(plain, 2, 1)))
	add("K without flag 1", "trailing", signed(changed(front, 2, 0)))
	add("a byte more", "trailing", signed(append(bytes.Clone(plain), 0)))
	add("T cut by a byte", "short", signed(plain[:len(plain)-1]))
	add("a signature cut by a byte", "short", keyLineScheme+base64.RawURLEncoding.EncodeToString(raw[:len(raw)-1]))
	add("C is A", "same key", keyLine(c, c, with(plain, 3+64, plain[3:35]), ContextKeyLine))
	add("T is C", "same key", signed(with(plain, 3+32, plain[3:35])))
	add("T is A", "same key", signed(with(plain, 3+32, plain[67:99])))
	add("T of small order", "key", signed(with(plain, 3+32, make([]byte, 32))))
	add("T written with a y of p+1", "key", signed(with(plain, 3+32, bigIdentity[:])))
	add("K with an X25519 half of zero", "key", signed(with(front, keyLineFixed+1184, make([]byte, 32))))
	add("K with an ML-KEM half of all ones", "key", signed(with(front, keyLineFixed, bytes.Repeat([]byte{255}, 1152))))
	for _, ctx := range []Context{ContextBus, ContextAccount, ContextRoom, ContextFrame} {
		add("signed under "+string(ctx), "signature", keyLine(c, a, plain, ctx))
	}
	add("signatures in the other order", "signature", keyLine(a, c, plain, ContextKeyLine))
	for _, at := range []int{3, 40, 70, len(raw) - 128, len(raw) - 1} {
		flipped := changed(raw, at, raw[at]^1)
		add(fmt.Sprintf("bit 0 of byte %d", at), "signature", keyLineScheme+base64.RawURLEncoding.EncodeToString(flipped))
	}
	add("padding of base64", "spelling", v.Text+"=")
	add("a line end behind", "spelling", v.Text+"\n")
	add("another scheme", "spelling", "unibus"+v.Text[len("unibus-key"):])
	return out
}

func refusedKEMKeys() (out []refusal) {
	good := KEMKeyFromSeed(secretSeed()).Public()
	add := func(name string, at int, part []byte) {
		k := good
		copy(k[at:], part)
		out = append(out, refusal{Name: name, Kind: "kem key", Reason: "key", Key: k[:]})
	}
	point := func(first, last byte) []byte { p := make([]byte, 32); p[0], p[31] = first, last; return p }
	add("X25519 half zero", 1184, point(0, 0))
	add("X25519 half one", 1184, point(1, 0))
	add("X25519 half one, with the bit that does not count", 1184, point(1, 0x80))
	add("X25519 half of order 8", 1184, fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"))
	add("a coefficient of 3329", 0, []byte{0x01, 0x0d | good[1]&0xf0})
	add("a coefficient of 4095", 1150, []byte{0xff | good[1150], 0xff})
	return out
}

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// bigIdentity is the neutral point, written with y = p+1 for 1.
var bigIdentity = func() (k [32]byte) {
	copy(k[:], bytes.Repeat([]byte{255}, 32))
	k[0], k[31] = 0xee, 0x7f
	return k
}()

// refusedSignatures are, above all, such as a library would take that does not
// look at the key: under a point of small order one signature holds for many
// messages.
func refusedSignatures(t *testing.T) (out []refusal) {
	add := func(name, reason string, key []byte, ctx Context, msg, sig []byte) {
		out = append(out, refusal{Name: name, Kind: "signature", Reason: reason, Key: key, Context: string(ctx), Message: msg, Signature: sig})
	}
	for _, y := range append(smallOrder[:], bigIdentity) {
		for _, sign := range []byte{0, 0x80} {
			key := y
			key[31] |= sign
			for _, ctx := range []Context{ContextBus, ""} {
				if msg, sig, ok := anybody(key, ctx); ok {
					add(fmt.Sprintf("key of small order %x…%x", key[:2], key[31:]), "signature", key[:], ctx, msg, sig)
				}
			}
		}
	}
	if len(out) < 10 {
		t.Fatalf("%d signatures under keys of small order", len(out))
	}
	hello := []byte("hello")
	k := SigningKeyFromSeed(secretSeed())
	public, sig := k.Public(), k.Sign(ContextBus, hello)
	tr := TransportKeyFromSeed(secretSeed())
	plain := ed25519.Sign(tr.key(), hello)
	for _, ctx := range []Context{ContextAccount, ContextRoom, ContextFrame, ContextKeyLine, ""} {
		add("made under unibus/1 bus", "signature", public[:], ctx, hello, sig)
	}
	add("made without a context", "signature", public[:], ContextBus, hello, plain)
	add("cut by a byte", "signature", public[:], ContextBus, hello, sig[:63])
	add("longer by a byte", "signature", public[:], ContextBus, hello, append(bytes.Clone(sig), 0))
	add("of another message", "signature", public[:], ContextBus, []byte("hellp"), sig)
	add("S and the order", "signature", public[:], ContextBus, hello, plusOrder(sig))
	for _, at := range []int{0, 31, 32, 62} {
		add(fmt.Sprintf("bit 0 of byte %d", at), "signature", public[:], ContextBus, hello, changed(sig, at, sig[at]^1))
	}
	// Made with another library, since no signer of ours makes them. They hold
	// where the equation is multiplied by the cofactor.
	mixed := fromHex("61485eb624d9786700ce78888fb6f475591f00567be8e573e9829b7df1f91acd")
	add("key with a part of order 8", "signature", fromHex("c071b7719870acebe8257c09074a37feef0f7eac8adbc2d2d2b6ee9d0bbb8abd"), ContextBus, []byte("message 4"),
		fromHex("5d2cab483e085b809c8c65d3daa749d59c7ef940aa121ded279d032bb1f37e8ce710dfd26478bfef5174383f5f39d40b38117c256a3fa16089a6df920c36200f"))
	add("R with a part of order 8", "signature", mixed, ContextBus, hello,
		fromHex("6b4bd8cd0b7a366c354130c588e2cfa977e56095cbcf17f8b9a0576419fabb58f411f646c48f70e70a562b687de9f6509e235e43ae94c7ed14ba1b9f579ea201"))
	add("R neutral, written with y = p+1", "signature", mixed, ContextBus, hello,
		fromHex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7ff723ff73c250b18362030e4ffb83ce3ced85107a47ae69125ffe26f38161ec04"))
	add("R neutral, with the other sign", "signature", mixed, ContextBus, hello,
		fromHex("01000000000000000000000000000000000000000000000000000000000000802ab37901dc9ee899285351af901f81d3220cddee7fe2a45b6e1b02d4b68b2002"))
	return out
}

// anybody finds a message that a signature of nobody holds for under a key of
// small order, as plain libraries see it.
func anybody(key [32]byte, ctx Context) (msg, sig []byte, ok bool) {
	sig = make([]byte, 64)
	sig[0] = 1 // R is neutral, S is zero
	for n := range 200 {
		sum := sha256.Sum256([]byte{byte(n)})
		if ed25519.VerifyWithOptions(key[:], sum[:8], sig, &ed25519.Options{Context: string(ctx)}) == nil {
			return sum[:8], sig, true
		}
	}
	return nil, nil, false
}

// plusOrder adds the order of the group to S: the same number to a reader who
// does not look.
func plusOrder(sig []byte) []byte {
	order := fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	out, carry := bytes.Clone(sig), 0
	for i, b := range order {
		carry += int(sig[32+i]) + int(b)
		out[32+i], carry = byte(carry), carry>>8
	}
	return out
}
