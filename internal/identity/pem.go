package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"unibus/internal/bus"
)

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

var errPEM = bus.Errorf(bus.Invalid, "bad_pem", "not a PEM file of what was expected")

// NewNodeKey makes the TLS key of a node (ECDSA P-256), private half as PKCS #8 PEM.
func NewNodeKey() (keyPEM []byte, pub crypto.PublicKey, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a node key: %w", err)
	}
	return encodeKey(key), key.Public(), nil
}

func encodeKey(key *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("identity: " + err.Error()) // every key of a known curve has an encoding
	}
	return encodePEM(pemKey, der)
}

func parseKey(keyPEM []byte) (any, error) {
	der, err := decodePEM(pemKey, keyPEM)
	if err != nil {
		return nil, err
	}
	return x509.ParsePKCS8PrivateKey(der)
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// decodePEM reads exactly one block of the kind; only white space may follow.
func decodePEM(kind string, text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errPEM
	}
	return block.Bytes, nil
}
