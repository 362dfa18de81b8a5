package identity

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unibus/internal/bus"
)

var update = flag.Bool("update", false, "write the vectors anew")

// TestVectors compares everything that is fixed for ever with
// testdata/vectors/identity.json, from which other implementations can check
// themselves. Keys and seeds in it are hex.
func TestVectors(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "vectors", "identity.json")
	got, err := json.MarshalIndent(vectors(), "", "  ")
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
	if string(got) != string(want) {
		t.Fatalf("the formats have changed: got\n%s", got)
	}
}

func vectors() map[string]string {
	var contentSeed, transportSeed [32]byte
	contentSeed[0], transportSeed[0] = 1, 2
	seed := SeedFrom(secretSeed())
	content, transport := SigningKeyFromSeed(contentSeed), TransportKeyFromSeed(transportSeed)
	account, recovery := seed.Account().Public(), seed.Recovery().Public()
	once := OneTimeKeys(secretSeed())
	onceKEM := once.KEM.Seed()
	recoverySeed := seed.Recovery().Seed()
	accountSeed := seed.Account().Seed()
	link := testLink(LinkInvite, "bus.example:8443")
	busLink := testLink(LinkBus, "bus.example:8443")
	return map[string]string{
		"seed":                     hex.EncodeToString(bytesOf(seed.Bytes())),
		"account_seed":             hex.EncodeToString(accountSeed[:]),
		"account_public":           account.String(),
		"account_id":               AccountIDOf(account).String(),
		"account_fingerprint":      Fingerprint(account),
		"words_of_seed":            strings.Join(Words(seed.Bytes()), " "),
		"safety_number":            SafetyNumber(Party{AccountIDOf(account), account}, Party{bus.AccountID{1}, content.Public()}),
		"recovery_seed":            hex.EncodeToString(recoverySeed[:]),
		"recovery_endpoint":        RecoveryEndpoint(recovery).String(),
		"one_time_content_public":  once.Content.Public().String(),
		"one_time_transport":       once.Transport.Public().String(),
		"one_time_kem_seed":        hex.EncodeToString(onceKEM[:]),
		"content_seed":             hex.EncodeToString(contentSeed[:]),
		"content_public":           content.Public().String(),
		"content_public_hash":      content.Public().Hash().String(),
		"transport_seed":           hex.EncodeToString(transportSeed[:]),
		"transport_public":         transport.Public().String(),
		"transport_nkey":           transport.Public().Nkey(),
		"endpoint_id":              EndpointOf(content.Public(), transport.Public()).String(),
		"frame_signature_of_hello": hex.EncodeToString(content.Sign(ContextFrame, []byte("hello"))),
		"link_invite":              link.String(),
		"link_bus":                 busLink.String(),
		"key_line":                 NewKeyLine(content, transport.Public(), seed.Account(), nil, nil),
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	a, b := Fingerprint(VerifyKey{1}), Fingerprint(VerifyKey{2})
	if a == b || a != Fingerprint(VerifyKey{1}) {
		t.Errorf("%q and %q", a, b)
	}
	if !regexp.MustCompile(`^\d{5}( \d{5}){5}$`).MatchString(a) {
		t.Errorf("%q is not 6 groups of 5 digits", a)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	c, tr := NewSigningKey(), NewTransportKey()
	id := EndpointOf(c.Public(), tr.Public())
	if len(id.String()) != 26 || strings.ToLower(id.String()) != id.String() {
		t.Errorf("%s is no endpoint id", id)
	}
	if EndpointOf(VerifyKey(tr.Public()), TransportID(c.Public())) == id {
		t.Error("swapped keys make the same endpoint")
	}
	if bus.EndpointID(AccountIDOf(c.Public())) == bus.EndpointID(AccountIDOf(VerifyKey(tr.Public()))) {
		t.Error("two accounts have one id")
	}
	one, two := NewSeed(), NewSeed()
	if one.Account().Seed() == two.Account().Seed() || one.Account().Seed() == one.Recovery().Seed() {
		t.Error("derived keys are not independent")
	}
	if !(Seed{}).IsZero() || one.IsZero() {
		t.Error("IsZero is wrong")
	}
}
