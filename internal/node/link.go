package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/identity"
)

// linkLife is how long a founding link can be used: whoever reads it first
// owns the bus. After it there is a new one.
const linkLife = 24 * time.Hour

// temporary is the prefix of the TLS files that serve until the founding.
const temporary = "temporary-"

// waiting is what a node without a bus waits for.
type waiting struct {
	key  identity.TransportID // may sign the founding
	ends time.Time
}

// openLink makes a node without a bus ready for its founding over the network,
// with the link of the last start if that still holds.
func (n *Node) openLink(context.Context) error {
	if link, c, ok := n.keptLink(); ok {
		n.creds.current.Store(c)
		n.wait(link)
		return nil
	}
	return n.newLink()
}

func (n *Node) keptLink() (link identity.Link, c *certificate, ok bool) {
	raw, err := readFile(n.dir.linkFile())
	if err != nil || !n.o.Now().Before(n.state.LinkEnds) {
		return link, nil, false
	}
	if link, err = identity.ParseLink(strings.TrimSpace(string(raw))); err != nil {
		return link, nil, false
	}
	c, err = n.loadCertificate(temporary)
	ok = err == nil && link.Kind == identity.LinkFounding && link.CA == c.ca && link.Addr == n.authority() && len(c.lacks(n.o.names())) == 0
	return link, c, ok
}

// newLink makes a CA for this one link, whose key is forgotten at once: who
// founds the bus brings another.
func (n *Node) newLink() error {
	ca, err := identity.NewCA("unibus, before its founding", n.o.Now())
	if err != nil {
		return err
	}
	certPEM, err := ca.IssueNode(n.creds.key, n.o.names(), n.o.Now())
	if err != nil {
		return err
	}
	c, err := n.creds.check(certPEM, ca.CertificatePEM())
	if err != nil {
		return err
	}
	link := identity.Link{Addr: n.authority(), Kind: identity.LinkFounding, CA: ca.Hash()}
	_, _ = rand.Read(link.ID[:])
	_, _ = rand.Read(link.Seed[:])
	if err := n.keepLink(link, c); err != nil {
		return fmt.Errorf("keep the founding link: %w", err)
	}
	n.creds.current.Store(c)
	n.wait(link)
	return nil
}

func (n *Node) keepLink(link identity.Link, c *certificate) error {
	if err := link.Check(); err != nil {
		return err
	}
	if err := n.saveCertificate(temporary, c); err != nil {
		return err
	}
	if err := n.change(func(s *state) { s.LinkEnds = n.o.Now().Add(linkLife).UTC() }); err != nil {
		return err
	}
	return atomicfile.Replace(n.dir.linkFile(), append(bytes.TrimSpace([]byte(link.String())), '\n'))
}

// wait accepts the founding that is signed by the link's one-time key.
func (n *Node) wait(link identity.Link) {
	key := identity.OneTimeKeys(link.Seed).Transport.Public()
	ends := n.now().LinkEnds
	n.waiting.Store(&waiting{key: key, ends: ends})
	n.o.Log.Info("waiting for the founding", "link_file", n.dir.linkFile(), "until", ends)
}

// founding is who may found the bus now.
func (n *Node) founding() (identity.TransportID, bool) {
	w := n.waiting.Load()
	if w == nil || !n.o.Now().Before(w.ends) {
		return identity.TransportID{}, false
	}
	return w.key, true
}

// renewLink replaces a founding link that has expired.
func (n *Node) renewLink() {
	n.beginning.Lock()
	defer n.beginning.Unlock()
	if w := n.waiting.Load(); w == nil || n.o.Now().Before(w.ends) {
		return
	}
	if err := n.newLink(); err != nil {
		n.o.Log.Error("no new founding link", "err", err)
	}
}

// endLink removes what served until the founding.
func (n *Node) endLink() {
	n.waiting.Store(nil)
	err := removeFiles(n.dir.file("tls", temporary+"cert.pem"), n.dir.file("tls", temporary+"ca.pem"))
	if err = errors.Join(err, removeFiles(n.dir.linkFile())); err != nil {
		n.o.Log.Warn("the used founding link is still there", "err", err)
	}
}
