package seal

import (
	"encoding/binary"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// ErrGrant is the answer to a grant that is not for this key and place.
var ErrGrant = bus.Errorf(bus.Integrity, "bad_handed_key", "the earlier room key that was handed on to this device does not open")

// Grant is the one place where the secret of an epoch opens that was handed on
// to an endpoint which came later; it is the info of HPKE.
type Grant struct {
	Bus       bus.ID
	Room      bus.RoomID
	Entry     bus.Hash       // of the entry that let the recipient in
	Epoch     bus.Epoch      // whose secret it is
	Actor     bus.EndpointID // who hands it on
	Recipient bus.EndpointID
	Serial    uint32 // of the recipient's kem key
}

// info writes g; every field has a fixed size, integers are big endian:
//
//	"unibus/1 grant" | bus 16 | room 16 | entry 32 | epoch 8 | actor 16 |
//	recipient 16 | serial 4
func (g Grant) info() []byte {
	out := append(make([]byte, 0, 128), "unibus/1 grant"...)
	out = append(out, g.Bus[:]...)
	out = append(out, g.Room[:]...)
	out = append(out, g.Entry[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(g.Epoch))
	out = append(out, g.Actor[:]...)
	out = append(out, g.Recipient[:]...)
	return binary.BigEndian.AppendUint32(out, g.Serial)
}

// Grant hands s on to one endpoint: EnvelopeSize bytes that open only with its
// kem key and for the same g. An error of code bad_key when to is no kem key.
func (s Secret) Grant(to identity.KEMPublic, g Grant) ([]byte, error) {
	return to.Seal(g.info(), s.reveal()[:])
}

// OpenGrant returns the secret that Grant sealed, else ErrGrant. That it is
// the secret of its epoch is only known after Confirmed.
func OpenGrant(k identity.KEMKey, sealed []byte, g Grant) (Secret, error) {
	if len(sealed) != EnvelopeSize {
		return Secret{}, ErrGrant
	}
	plain, err := k.Open(g.info(), sealed)
	if err != nil {
		return Secret{}, ErrGrant.Because(err)
	}
	return SecretFrom(plain)
}
