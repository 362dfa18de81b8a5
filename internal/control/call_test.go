package control

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// call is a request; what is not set is as an honest client has it.
type call struct {
	method, target string
	body           []byte
	key            *identity.TransportKey // nil: unsigned
	bus            bus.ID
	headers        map[string]string
	// change is applied to the facts before they are signed, spoil to the
	// request after.
	change func(*signing.Request)
	spoil  func(*http.Request)
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	closes bool // the connection
	body   []byte
	wire.Failure
	Head *bus.Head `json:"head"`
}

func (r *rig) get(d *chaintest.Device, target string) reply {
	return r.do(call{method: http.MethodGet, target: target, key: &d.Transport})
}

func (r *rig) post(d *chaintest.Device, target string, body any) reply {
	return r.do(call{method: http.MethodPost, target: target, key: &d.Transport, body: r.json(body)})
}

func (r *rig) json(v any) []byte {
	raw, err := json.Marshal(v)
	r.must(err)
	return raw
}

func (r *rig) do(c call) reply {
	r.tb.Helper()
	res, err := r.client.Do(r.request(c))
	if err != nil {
		r.tb.Fatalf("%s %s: %v", c.method, c.target, err)
	}
	return r.read(res)
}

func (r *rig) read(res *http.Response) reply {
	r.tb.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	r.must(err)
	out := reply{status: res.StatusCode, header: res.Header, closes: res.Close, body: body}
	if res.StatusCode >= 400 && len(body) > 0 {
		if err := json.Unmarshal(body, &out); err != nil || out.Error.Code == "" || out.Error.RequestID == "" {
			r.tb.Errorf("an error without its body: %d %q", res.StatusCode, body)
		}
	}
	return out
}

// request signs c.
func (r *rig) request(c call) *http.Request {
	r.tb.Helper()
	req, err := http.NewRequestWithContext(r.tb.Context(), c.method, "https://"+r.addr+c.target, bytes.NewReader(c.body))
	r.must(err)
	if c.key != nil {
		about := signing.Request{Method: c.method, Authority: r.addr, Target: c.target, Created: r.now(), Nonce: signing.NewNonce()}
		if signing.HasBody(c.method) {
			about.Digest = sha256.Sum256(c.body)
		}
		if c.change != nil {
			c.change(&about)
		}
		r.sign(req, *c.key, c.bus, about)
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	if c.spoil != nil {
		c.spoil(req)
	}
	return req
}

func (r *rig) sign(req *http.Request, key identity.TransportKey, id bus.ID, about signing.Request) {
	r.tb.Helper()
	if id == (bus.ID{}) {
		id = r.w.Bus().Bus
	}
	h, err := signing.Sign(key, id, about)
	r.must(err)
	req.Header.Set(signing.SignatureInputHeader, h.SignatureInput)
	req.Header.Set(signing.SignatureHeader, h.Signature)
	if h.ContentDigest != "" {
		req.Header.Set(signing.ContentDigestHeader, h.ContentDigest)
	}
}

// dial opens a connection on which a test writes what no client would.
func (r *rig) dial() *tls.Conn {
	r.tb.Helper()
	c, err := tls.Dial("tcp", r.addr, r.tls)
	r.must(err)
	r.tb.Cleanup(func() { c.Close() })
	r.must(c.SetDeadline(time.Now().Add(5 * time.Minute)))
	return c
}

// expect fails unless an answer has this status and code.
func (r *rig) expect(what string, got reply, status int, code string) {
	r.tb.Helper()
	if got.status != status || got.Error.Code != code {
		r.tb.Errorf("%s: got %d %q, want %d %q: %s", what, got.status, got.Error.Code, status, code, got.body)
	}
}
