package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"unibus/internal/bus"
)

// fileVersion is what this code writes and the only one it reads.
const fileVersion = 1

// maxFile bounds what is read before anything is known about it, in bytes.
const maxFile = 1 << 20

// disk is the JSON of a File; keys are 32 bytes in base64.
type disk struct {
	Version    int           `json:"unibus_identity"`
	Bus        bus.ID        `json:"bus,omitzero"`
	Handle     bus.Handle    `json:"handle,omitempty"`
	Account    bus.AccountID `json:"account"`
	Name       string        `json:"name,omitempty"`
	Content    []byte        `json:"content"`
	Transport  []byte        `json:"transport"`
	KEMs       []diskKEM     `json:"kems"`
	Seed       []byte        `json:"seed,omitempty"`
	Next       []byte        `json:"next_seed,omitempty"`
	Org        []byte        `json:"org,omitempty"`
	NextOrg    []byte        `json:"next_org,omitempty"`
	CA         *diskCA       `json:"ca,omitempty"`
	ProfileKey []byte        `json:"profile_key"`
	Shared     bool          `json:"shared,omitempty"`
	Context    *ContextInfo  `json:"context,omitempty"`
}

type diskKEM struct {
	Serial uint32    `json:"serial"`
	Seed   []byte    `json:"seed"`
	Made   time.Time `json:"made"`
}

type diskCA struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// encode returns the JSON of f, or why decode would refuse it.
func encode(f *File) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	d := disk{Version: fileVersion, Bus: f.Bus, Handle: f.Handle, Account: f.Account, Name: f.Name, Shared: f.Shared, Context: f.Context,
		Content: bytesOf(f.Content.Seed()), Transport: bytesOf(f.Transport.Seed()), ProfileKey: bytesOf(f.ProfileKey.Bytes())}
	for _, k := range f.KEMs {
		d.KEMs = append(d.KEMs, diskKEM{Serial: k.Serial, Seed: bytesOf(k.Key.Seed()), Made: k.Made.UTC()})
	}
	if f.Seed != nil {
		d.Seed = bytesOf(f.Seed.Bytes())
	}
	if f.Next != nil {
		d.Next = bytesOf(f.Next.Bytes())
	}
	if f.Org != nil {
		d.Org = bytesOf(f.Org.Seed())
	}
	if f.NextOrg != nil {
		d.NextOrg = bytesOf(f.NextOrg.Seed())
	}
	if f.CA != nil {
		d.CA = &diskCA{Certificate: string(f.CA.CertificatePEM()), Key: string(f.CA.KeyPEM())}
	}
	raw, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	return append(raw, '\n'), nil
}

// decode reads what encode wrote. It refuses fields that it does not know: an
// older program must not drop the keys of a newer one when it saves.
func decode(raw []byte) (*File, error) {
	var d disk
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, badFile("this version cannot read it").Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, badFile("something stands behind its end")
	}
	if d.Version != fileVersion {
		return nil, badFile("it is of another version of unibus")
	}
	f, err := d.file()
	if err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// file makes the keys.
func (d *disk) file() (*File, error) {
	content, ok1 := key32(d.Content)
	transport, ok2 := key32(d.Transport)
	profile, ok3 := key32(d.ProfileKey)
	if !ok1 || !ok2 || !ok3 {
		return nil, errFileKey
	}
	f := &File{Bus: d.Bus, Handle: d.Handle, Account: d.Account, Name: d.Name, Shared: d.Shared, Context: d.Context,
		Content: SigningKeyFromSeed(content), Transport: TransportKeyFromSeed(transport), ProfileKey: ProfileKeyFrom(profile)}
	for _, k := range d.KEMs {
		seed, ok := key32(k.Seed)
		if !ok {
			return nil, errFileKey
		}
		f.KEMs = append(f.KEMs, KEMEntry{Serial: k.Serial, Key: KEMKeyFromSeed(seed), Made: k.Made})
	}
	return f, d.roots(f)
}

// roots makes the keys that only a first endpoint or a first admin has.
func (d *disk) roots(f *File) error {
	for _, kept := range []struct {
		raw  []byte
		seed **Seed
	}{{d.Seed, &f.Seed}, {d.Next, &f.Next}} {
		if kept.raw == nil {
			continue
		}
		b, ok := key32(kept.raw)
		if !ok {
			return errFileKey
		}
		seed := SeedFrom(b)
		*kept.seed = &seed
	}
	for _, kept := range []struct {
		raw []byte
		key **SigningKey
	}{{d.Org, &f.Org}, {d.NextOrg, &f.NextOrg}} {
		if kept.raw == nil {
			continue
		}
		b, ok := key32(kept.raw)
		if !ok {
			return errFileKey
		}
		org := SigningKeyFromSeed(b)
		*kept.key = &org
	}
	if d.CA != nil {
		ca, err := ParseCA([]byte(d.CA.Certificate), []byte(d.CA.Key))
		if err != nil {
			return badFile("its CA does not hold").Because(err)
		}
		f.CA = &ca
	}
	return nil
}

var errFileKey = badFile("a key has a wrong length")

func key32(b []byte) (k [32]byte, ok bool) {
	ok = len(b) == copy(k[:], b) && len(b) == len(k)
	return k, ok
}

func bytesOf(k [32]byte) []byte { return k[:] }
