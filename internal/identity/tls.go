package identity

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"unibus/internal/bus"
)

// ServerTLS is what a node listens with: TLS 1.3 alone, its own certificate
// and behind it the CA's, so that a client which knows only the CA's hash can
// pin it. An error when the key is not the certificate's, or the certificate
// not of this CA.
func ServerTLS(certPEM, keyPEM, caPEM []byte) (*tls.Config, error) {
	ca, err := parseCA(caPEM)
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, errPair.Because(err)
	}
	if err := pair.Leaf.CheckSignatureFrom(ca); err != nil {
		return nil, bus.Errorf(bus.Integrity, "bad_certificate", "the node's certificate is not of this bus CA").Because(err)
	}
	pair.Certificate = [][]byte{pair.Leaf.Raw, ca.Raw}
	return serverConfig(pair), nil
}

// PinnedTLS is what a client that holds the CA's certificate connects with:
// TLS 1.3 alone, and only certificates of that CA for the dialled host.
func PinnedTLS(caPEM []byte) (*tls.Config, error) {
	ca, err := parseCA(caPEM)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: poolOf(ca)}, nil
}

// PinnedByHash is what a client connects with to host (a name or an IP
// address, no port) when a link told it the hash of the CA's certificate and
// no more: the node must present that certificate behind its own. After each
// handshake that holds, and before anything is sent, got is called with the
// certificate; it may be nil, and must be safe for concurrent use.
func PinnedByHash(h bus.Hash, host string, got func(caPEM []byte)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: host,
		// The usual check needs a root at hand; VerifyConnection does the
		// same check with the root that the node presents and the hash names.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			ca, err := verifyByHash(h, host, cs.PeerCertificates)
			if err == nil && got != nil {
				got(encodePEM(pemCertificate, ca.Raw))
			}
			return err
		},
	}
}

// verifyByHash takes host from the caller: the state of a connection to an IP
// address holds no server name.
func verifyByHash(h bus.Hash, host string, chain []*x509.Certificate) (*x509.Certificate, error) {
	for _, cert := range chain {
		if bus.Hash(sha256.Sum256(cert.Raw)) != h || !cert.IsCA {
			continue
		}
		_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: poolOf(cert)})
		if err != nil {
			return nil, errPin.Because(err)
		}
		return cert, nil
	}
	return nil, errPin
}

var (
	errPin = bus.Errorf(bus.Integrity, "wrong_ca", "the node does not belong to the bus in the link: another CA answers").
		WithHint("do not go on; ask for a new link")
	errPair = bus.Errorf(bus.Invalid, "bad_pem", "not a certificate with its private key")
)

// LoadCATLSConfig is PinnedTLS with the certificate in a file. A missing file
// is an error of kind NotFound, one that is no PEM of kind Invalid.
func LoadCATLSConfig(path string) (*tls.Config, error) {
	caPEM, err := readTLSFile(path)
	if err != nil {
		return nil, fmt.Errorf("load CA certificate: %w", err)
	}
	config, err := PinnedTLS(caPEM)
	if err != nil {
		return nil, fmt.Errorf("load CA certificate: %w", err)
	}
	return config, nil
}

// ServerTLSConfig is what a node with a certificate of another origin listens
// with: TLS 1.3 alone. Errors are those of LoadCATLSConfig.
func ServerTLSConfig(certFile, keyFile string) (*tls.Config, error) {
	certPEM, err := readTLSFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("load server certificate: %w", err)
	}
	keyPEM, err := readTLSFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("load server key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, errPair.Because(err)
	}
	return serverConfig(pair), nil
}

func serverConfig(pair tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
}

func poolOf(ca *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool
}

// readTLSFile keeps the path out of the message: it may reach other people.
func readTLSFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bus.Errorf(bus.NotFound, "tls_missing", "no such TLS file").Because(err)
	case err != nil:
		return nil, bus.Errorf(bus.Failed, "tls_unreadable", "cannot read a TLS file").Because(err)
	}
	return b, nil
}
