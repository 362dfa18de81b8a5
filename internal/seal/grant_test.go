package seal

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// grantVector is one of testdata/vectors/grant.json, which another
// implementation sealed with randomness that it tells.
type grantVector struct {
	KEMSeed, Randomness octets
	Bus, Room, Entry    octets
	Epoch               uint64
	Actor, Recipient    octets
	Serial              uint32
	Info, Secret, Grant octets
}

func (v grantVector) place() Grant {
	return Grant{Bus: bus.ID(v.Bus), Room: bus.RoomID(v.Room), Entry: bus.Hash(v.Entry), Epoch: bus.Epoch(v.Epoch),
		Actor: bus.EndpointID(v.Actor), Recipient: bus.EndpointID(v.Recipient), Serial: v.Serial}
}

func readGrants(t *testing.T) (list []grantVector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors/grant.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil || len(list) != 2 {
		t.Fatalf("%d grants, %v; want 2", len(list), err)
	}
	return list
}

func TestVectorsOfGrants(t *testing.T) {
	t.Parallel()
	for _, v := range readGrants(t) {
		same(t, "info", v.place().info(), v.Info)
		secret, err := OpenGrant(identity.KEMKeyFromSeed([32]byte(v.KEMSeed)), v.Grant, v.place())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "grant", secret.Bytes(), v.Secret)
	}
}

// TestGrantFitsNowhereElse: it opens for its place alone, and never as the
// envelope of an epoch.
func TestGrantFitsNowhereElse(t *testing.T) {
	t.Parallel()
	key, secret := identity.NewKEMKey(), NewSecret()
	at := Grant{Bus: bus.ID{1}, Room: bus.RoomID{2}, Entry: bus.Hash{3}, Epoch: 4,
		Actor: bus.EndpointID{5}, Recipient: bus.EndpointID{6}, Serial: 7}
	sealed, err := secret.Grant(key.Public(), at)
	if err != nil || len(sealed) != EnvelopeSize {
		t.Fatalf("got %d bytes, %v; want %d", len(sealed), err, EnvelopeSize)
	}
	got, err := OpenGrant(key, sealed, at)
	if err != nil || !bytes.Equal(got.Bytes(), secret.Bytes()) {
		t.Fatalf("the grant does not give the secret back: %v", err)
	}
	for name, change := range map[string]func(*Grant){
		"bus":       func(g *Grant) { g.Bus[15] ^= 1 },
		"room":      func(g *Grant) { g.Room[15] ^= 1 },
		"entry":     func(g *Grant) { g.Entry[31] ^= 1 },
		"epoch":     func(g *Grant) { g.Epoch++ },
		"actor":     func(g *Grant) { g.Actor[15] ^= 1 },
		"recipient": func(g *Grant) { g.Recipient[15] ^= 1 },
		"serial":    func(g *Grant) { g.Serial++ },
		"swapped":   func(g *Grant) { g.Actor, g.Recipient = g.Recipient, g.Actor },
	} {
		g := at
		change(&g)
		_, err := OpenGrant(key, sealed, g)
		wantErr(t, name, err, ErrGrant)
	}
	_, err = OpenGrant(identity.NewKEMKey(), sealed, at)
	wantErr(t, "another key", err, ErrGrant)
	_, err = OpenEnvelope(key, sealed, place)
	wantErr(t, "as an envelope", err, ErrEnvelope)
	env, err := secret.Envelope(key.Public(), place)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenGrant(key, env, at)
	wantErr(t, "an envelope", err, ErrGrant)
}
