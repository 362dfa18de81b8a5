package seal

import (
	"encoding/binary"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// EnvelopeSize is the size of every envelope in bytes.
const EnvelopeSize = SecretSize + identity.KEMOverhead

// ErrEnvelope is the answer to an envelope that is not for this key and place.
var ErrEnvelope = bus.Errorf(bus.Integrity, "bad_envelope", "the room key sealed for this device does not open")

// Binding is the one place where an envelope opens; it is the info of HPKE.
type Binding struct {
	Bus       bus.ID
	Room      bus.RoomID
	Prev      bus.Hash // head of the room log that the epoch's entry follows
	Epoch     bus.Epoch
	Actor     bus.EndpointID // who sealed it
	Recipient bus.EndpointID
	Serial    uint32 // of the recipient's kem key
}

// info writes b; every field has a fixed size, integers are big endian:
//
//	"unibus/1 envelope" | bus 16 | room 16 | prev 32 | epoch 8 | actor 16 |
//	recipient 16 | serial 4
func (b Binding) info() []byte {
	out := append(make([]byte, 0, 128), "unibus/1 envelope"...)
	out = append(out, b.Bus[:]...)
	out = append(out, b.Room[:]...)
	out = append(out, b.Prev[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(b.Epoch))
	out = append(out, b.Actor[:]...)
	out = append(out, b.Recipient[:]...)
	return binary.BigEndian.AppendUint32(out, b.Serial)
}

// Envelope seals s to one endpoint: EnvelopeSize bytes that open only with its
// kem key and for the same b. An error of code bad_key when to is no kem key.
func (s Secret) Envelope(to identity.KEMPublic, b Binding) ([]byte, error) {
	return to.Seal(b.info(), s.reveal()[:])
}

// OpenEnvelope returns the secret that Envelope sealed, else ErrEnvelope. That
// it is the secret everybody else got is only known after Confirmed.
func OpenEnvelope(k identity.KEMKey, env []byte, b Binding) (Secret, error) {
	if len(env) != EnvelopeSize {
		return Secret{}, ErrEnvelope
	}
	plain, err := k.Open(b.info(), env)
	if err != nil {
		return Secret{}, ErrEnvelope.Because(err)
	}
	return SecretFrom(plain)
}
