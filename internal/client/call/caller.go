// Package call makes signed calls to the control plane of one node.
//
// It signs each request, makes it again while the node asks for that and the
// context allows, and makes a bus.Error of every answer that is no success. It
// believes nothing of what a node says: who calls checks what comes back.
package call

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Caller makes signed requests to one node. It is safe for concurrent use; its
// fields are not changed once it is in use.
type Caller struct {
	Addr string // host:port, lower case
	Bus  bus.ID
	Now  func() time.Time
	HTTP *http.Client

	key      identity.TransportKey
	answered *atomic.Bool  // the node has answered something
	agreed   *atomic.Int64 // when the last request was signed that the node took, in ms of this clock; 0: none was
}

// New calls the node at an address, HOST:PORT or a URL, over a transport: TLS,
// else see Transport.
func New(addr string, b bus.ID, key identity.TransportKey, over http.RoundTripper, now func() time.Time) *Caller {
	c := &Caller{Bus: b, Now: now, HTTP: &http.Client{Transport: over, CheckRedirect: stay}, key: key}
	return c.At(addr)
}

// Transport makes connections that are secured so.
func Transport(conf *tls.Config) *http.Transport {
	return &http.Transport{
		TLSClientConfig: conf, ForceAttemptHTTP2: false, MaxIdleConnsPerHost: 8,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, DisableCompression: true,
	}
}

// stay keeps requests where they were sent: a node never sends anybody on, and
// the next server might not even have to speak TLS.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// At calls another node, over the same transport.
func (c *Caller) At(addr string) *Caller {
	other := *c
	other.answered, other.agreed = new(atomic.Bool), new(atomic.Int64)
	other.Addr = strings.TrimSuffix(strings.TrimPrefix(addr, "https://"), "/")
	return &other
}

// Through is c with its requests handed to another transport, which wrap makes of
// the one of now.
func (c *Caller) Through(wrap func(http.RoundTripper) http.RoundTripper) *Caller {
	other := *c
	other.HTTP = &http.Client{Transport: wrap(c.HTTP.Transport), CheckRedirect: c.HTTP.CheckRedirect}
	return &other
}
