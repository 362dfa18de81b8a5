package node

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// renewBefore is how long before its end a certificate is replaced, or warned of.
const renewBefore = 30 * 24 * time.Hour

// credentials are the node's TLS key and the certificate that it shows now.
type credentials struct {
	keyPEM  []byte
	key     crypto.PublicKey
	current atomic.Pointer[certificate] // nil before there is one
}

// certificate is one of the node's, with the CA that signed it.
type certificate struct {
	certPEM, caPEM []byte
	ca             bus.Hash // of the CA's DER, as links carry it
	pair           tls.Certificate
}

// openKey reads the node's TLS key, and makes one where there is none.
func (n *Node) openKey(context.Context) error {
	path := n.dir.file("tls", "key.pem")
	raw, err := readFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if raw, _, err = identity.NewNodeKey(); err == nil {
			err = atomicfile.Replace(path, raw)
		}
	}
	if err != nil {
		return fmt.Errorf("open the node's TLS key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return errTLS.Because(errors.New("key.pem is no PEM"))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return errTLS.Because(err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return errTLS.Because(errors.New("key.pem is no signing key"))
	}
	n.creds.keyPEM, n.creds.key = raw, signer.Public()
	return nil
}

var errTLS = bus.Errorf(bus.Integrity, "tls_damaged", "the TLS files in the data directory do not fit each other or this bus").
	WithHint("restore the directory tls from a backup")

// check demands that a certificate is for the node's key and of that CA.
func (c *credentials) check(certPEM, caPEM []byte) (*certificate, error) {
	config, err := identity.ServerTLS(certPEM, c.keyPEM, caPEM)
	if err != nil {
		return nil, err
	}
	pair := config.Certificates[0]
	return &certificate{certPEM: certPEM, caPEM: caPEM, pair: pair, ca: sha256.Sum256(pair.Certificate[1])}, nil
}

// config is what both planes listen with: each handshake shows the
// certificate of that moment.
func (c *credentials) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if now := c.current.Load(); now != nil {
			return &now.pair, nil
		}
		return nil, errors.New("no certificate yet")
	}}
}

// lacks lists the hosts that clients could not verify the certificate for.
func (c *certificate) lacks(hosts []string) (missing []string) {
	return slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return c.pair.Leaf.VerifyHostname(h) == nil })
}

// loadCertificate reads a certificate and its CA from the directory tls.
func (n *Node) loadCertificate(prefix string) (*certificate, error) {
	certPEM, err := readFile(n.dir.file("tls", prefix+"cert.pem"))
	if err != nil {
		return nil, err
	}
	caPEM, err := readFile(n.dir.file("tls", prefix+"ca.pem"))
	if err != nil {
		return nil, err
	}
	return n.creds.check(certPEM, caPEM)
}

func (n *Node) saveCertificate(prefix string, c *certificate) error {
	if err := atomicfile.Replace(n.dir.file("tls", prefix+"ca.pem"), c.caPEM); err != nil {
		return fmt.Errorf("keep the CA certificate: %w", err)
	}
	if err := atomicfile.Replace(n.dir.file("tls", prefix+"cert.pem"), c.certPEM); err != nil {
		return fmt.Errorf("keep the node's certificate: %w", err)
	}
	return nil
}

// openCertificate finds the certificate of a node that has a bus, and has it
// renewed where that is due.
func (n *Node) openCertificate(ctx context.Context) error {
	c, err := n.busCertificate()
	if err != nil {
		return err
	}
	if c, err = n.renew(ctx, c); err != nil {
		return err
	}
	n.creds.current.Store(c)
	return nil
}

// busCertificate reads the certificate that the bus CA signed.
func (n *Node) busCertificate() (*certificate, error) {
	c, err := n.loadCertificate("")
	if err != nil {
		return nil, errTLS.Because(err)
	}
	if _, _, ca := n.members.Identity(); c.ca != ca {
		return nil, errTLS.Because(errors.New("ca.pem is another bus's"))
	}
	return c, nil
}

// refused says why clients would not take a certificate; nil if they would.
func (n *Node) refused(c *certificate) *bus.Error {
	now, leaf := n.o.Now(), c.pair.Leaf
	if missing := c.lacks(n.o.linked()); len(missing) > 0 {
		return bus.Errorf(bus.Invalid, "cert_hosts", "--host: the node's certificate does not cover %s", strings.Join(missing, ", "))
	}
	switch {
	case now.Before(leaf.NotBefore):
		return bus.Errorf(bus.Unsafe, "cert_early", "the node's certificate is valid from %s on, and it is not that time yet", leaf.NotBefore.Format(time.DateOnly))
	case now.After(leaf.NotAfter):
		return bus.Errorf(bus.Unsafe, "cert_expired", "the node's certificate expired on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// renew returns the certificate to go on with: old while it serves and for
// some time more, else another one. Without anybody to ask for it, one that
// still serves goes on with a warning.
func (n *Node) renew(ctx context.Context, old *certificate) (*certificate, error) {
	why, ends := n.refused(old), old.pair.Leaf.NotAfter
	switch {
	case why == nil && n.o.Now().Before(ends.Add(-renewBefore)):
		return old, nil
	case why == nil && n.o.Certify == nil:
		n.o.Log.Warn("the node's certificate expires soon", "on", ends.UTC().Format(time.DateOnly))
		return old, nil
	case n.o.Certify == nil:
		return nil, why.WithHint("start it once where the admin who founded the bus is, or set the clock or --host as they were")
	}
	certPEM, err := n.o.Certify(ctx, n.request())
	if err != nil {
		return nil, fmt.Errorf("renew the node's certificate: %w", err)
	}
	c, err := n.creds.check(bytes.Clone(certPEM), old.caPEM)
	if err != nil {
		return nil, fmt.Errorf("renew the node's certificate: %w", err)
	}
	if why := n.refused(c); why != nil {
		return nil, why
	}
	n.o.Log.Info("certificate renewed", "until", c.pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	return c, n.saveCertificate("", c)
}

// keepCertificate renews a certificate that ends while the node runs.
func (n *Node) keepCertificate(ctx context.Context) {
	if !n.members.Founded() {
		return
	}
	c, err := n.renew(ctx, n.creds.current.Load())
	if err != nil {
		n.o.Log.Error("the node's certificate is not renewed", "err", err)
		return
	}
	n.creds.current.Store(c)
}

// request is what the node's certificate must hold.
func (n *Node) request() Request {
	id, _, _ := n.members.Identity()
	return Request{Bus: id, Name: n.Name(), Key: n.creds.key, Hosts: n.o.names(), URL: n.URL(), NATS: n.NATS()}
}
