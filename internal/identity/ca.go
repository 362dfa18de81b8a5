package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"

	"unibus/internal/bus"
)

const (
	// CALife is how long the certificate of a bus CA is valid: renewing it
	// means that every client pins anew.
	CALife = 20 * 365 * 24 * time.Hour
	// NodeLife is how long a node's certificate is valid: the most that common
	// verifiers take from a private CA.
	NodeLife = 825 * 24 * time.Hour
	// backdate lets clocks that are behind accept a fresh certificate.
	backdate = time.Hour
	// MaxHosts bounds the names in one certificate, which every handshake carries.
	MaxHosts = 64
)

// CA is the certificate authority of one bus: clients trust the nodes that
// carry its certificates, and nobody else. Its key stays with the admin, off
// the nodes. The zero value is no CA; all but IsZero panic on it.
type CA struct {
	hidden
	s func() caSecret
}

type caSecret struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var errCA = bus.Errorf(bus.Integrity, "bad_ca", "not the certificate and key of a bus CA")

// NewCA makes a self-signed CA (ECDSA P-256) called name, valid from now for CALife.
func NewCA(name string, now time.Time) (CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return CA{}, errCA.Because(err)
	}
	t := template(name, now, CALife)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return CA{}, errCA.Because(err)
	}
	return newCA(der, key)
}

// ParseCA reads what CertificatePEM and KeyPEM returned; an error of code
// bad_ca when they are no CA or do not belong together.
func ParseCA(certPEM, keyPEM []byte) (CA, error) {
	cert, err := parseCA(certPEM)
	if err != nil {
		return CA{}, errCA.Because(err)
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return CA{}, errCA.Because(err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return CA{}, errCA
	}
	return newCA(cert.Raw, ec)
}

func newCA(der []byte, key *ecdsa.PrivateKey) (CA, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return CA{}, errCA.Because(err)
	}
	if err := cert.CheckSignatureFrom(cert); err != nil || !key.PublicKey.Equal(cert.PublicKey) {
		return CA{}, errCA.Because(err)
	}
	return CA{s: keep(caSecret{cert: cert, key: key})}, nil
}

// IsZero reports whether c is no CA.
func (c CA) IsZero() bool { return c.s == nil }

// CertificatePEM returns the public certificate.
func (c CA) CertificatePEM() []byte { return encodePEM(pemCertificate, c.s().cert.Raw) }

// KeyPEM returns the private key, PKCS #8: a secret.
func (c CA) KeyPEM() []byte { return encodeKey(c.s().key) }

// Hash is SHA-256 over the certificate's DER, as links carry it.
func (c CA) Hash() bus.Hash { return sha256.Sum256(c.s().cert.Raw) }

// IssueNode signs a certificate for the public key of a node that is reached
// under hosts: DNS names and IP addresses, at least one, at most MaxHosts. It
// is valid from now for NodeLife. An error of kind Invalid when a host is none
// or pub is no key that certificates take.
func (c CA) IssueNode(pub crypto.PublicKey, hosts []string, now time.Time) ([]byte, error) {
	if len(hosts) == 0 || len(hosts) > MaxHosts {
		return nil, bus.Errorf(bus.Invalid, "bad_host", "a node needs 1 to %d host names", MaxHosts)
	}
	t := template(hosts[0], now, NodeLife)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range hosts {
		if ip, err := netip.ParseAddr(h); err == nil && ip.Zone() == "" {
			t.IPAddresses = append(t.IPAddresses, net.IP(ip.Unmap().AsSlice()))
		} else if validHost(h) {
			t.DNSNames = append(t.DNSNames, h)
		} else {
			return nil, bus.Errorf(bus.Invalid, "bad_host", "%.80q is neither a host name nor an IP address", h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.s().cert, pub, c.s().key)
	if err != nil {
		return nil, bus.Errorf(bus.Invalid, "bad_key", "not a key for a node certificate").Because(err)
	}
	return encodePEM(pemCertificate, der), nil
}

// template holds what all our certificates have in common. The names of hosts
// stand in the extensions; the subject is for people.
func template(name string, now time.Time, life time.Duration) *x509.Certificate {
	serial := random32()
	serial[0] &= 0x7f
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{CommonName: clip(name)},
		NotBefore:    now.Add(-backdate).UTC(),
		NotAfter:     now.Add(life).UTC(),
	}
}

// clip keeps a common name within the 64 characters of RFC 5280.
func clip(name string) string {
	r := []rune(strings.ToValidUTF8(name, "?"))
	return string(r[:min(len(r), 64)])
}

// validHost reports whether s is a lower-case DNS name: labels of a-z 0-9 -,
// 253 bytes in all. A last label of digits alone would read as an address.
func validHost(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if !validLabel(l) {
			return false
		}
	}
	return len(s) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

func validLabel(l string) bool {
	for i := range len(l) {
		c := l[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (c != '-' || i == 0 || i == len(l)-1) {
			return false
		}
	}
	return len(l) > 0 && len(l) <= 63
}

// parseCA reads exactly one certificate, that of a CA.
func parseCA(certPEM []byte) (*x509.Certificate, error) {
	der, err := decodePEM(pemCertificate, certPEM)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errPEM.Because(err)
	}
	if !cert.IsCA {
		return nil, bus.Errorf(bus.Invalid, "not_a_ca", "not the certificate of a CA")
	}
	return cert, nil
}
