package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// punctual is a node that has a clock of its own, and takes no request of anybody
// whose clock is off it.
type punctual struct {
	line
	at    *time.Time
	asked *int
}

// RoundTrip implements http.RoundTripper.
func (p punctual) RoundTrip(req *http.Request) (*http.Response, error) {
	*p.asked++
	if off := p.m.now.Sub(*p.at).Abs(); req.URL.Path != wire.TargetServer && off > bus.ClockSkew {
		body := strings.NewReader(`{"error":{"code":"` + signing.ErrSkew.Code + `","message":"off"}}`)
		return &http.Response{StatusCode: http.StatusUnauthorized, Body: io.NopCloser(body), Request: req}, nil
	}
	if req.URL.Path == wire.TargetServer {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{}`)), Request: req}, nil
	}
	return p.line.RoundTrip(req)
}

// A clock that is wrong erases nothing, however far it went, however lately it was
// right, and though the node answers what strangers may ask. A right one erases what
// is over, when the node has said nothing for long too; and not before it is over,
// whatever the node's clock says.
func TestOneClockErasesNothing(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(d.Rekey(t.Context(), id))
	first, at, asked := keyPlace{id, 1}, m.now, 0
	d.call.HTTP.Transport = punctual{line{m, d}, &at, &asked}
	ahead := func(by time.Duration) {
		t.Helper()
		right := m.now
		m.must(d.refresh(t.Context(), id))
		m.now = m.now.Add(by)
		m.must(d.erase(t.Context()))
		if !d.keeps(m, first) {
			t.Fatalf("a clock that is off by %v erased a key", by)
		}
		_, _ = d.Server(t.Context())
		m.must(d.erase(t.Context()))
		if !d.keeps(m, first) {
			t.Fatalf("a clock that is off by %v erased a key once the node told what it tells strangers", by)
		}
		m.now = right
	}
	year := 365 * 24 * time.Hour
	ahead(year)
	ahead(-56 * year)
	at = m.now.Add(year) // as says a node that wants keys to go
	m.must(d.erase(t.Context()))
	if !d.keeps(m, first) {
		t.Fatal("the node's clock erased a key")
	}
	m.now = m.now.Add(bus.DefaultRetention + bus.EpochAge)
	at = m.now
	m.must(d.erase(t.Context()))
	if d.keeps(m, first) {
		t.Error("both clocks agree that a key is over, and it is kept")
	}
	before := asked
	m.now, at = m.now.Add(time.Minute), at.Add(time.Minute)
	m.must(d.erase(t.Context()))
	if asked != before {
		t.Error("asks the node what time it is more than once an hour")
	}
	m.noFaults(t)
}

// Who is revoked still erases what is over: the node tells him so only if the two
// agree about the time.
func TestRevokedErase(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.intents = []intent{{op: roomlog.OpRekey}}
	m.must(d.Rekey(t.Context(), id))
	m.now = m.now.Add(bus.DefaultRetention + bus.EpochAge)
	for says, kept := range map[*bus.Error]bool{bus.ErrRevoked: false, signing.ErrSkew: true} {
		m.must(d.profile.PutSecret(t.Context(), id, 1, make([]byte, 32)))
		m.must(d.profile.PutState(t.Context(), eraseState, nil))
		m.now = m.now.Add(call.AgreedFor + time.Second)
		d.call.HTTP.Transport = answers{says}
		m.must(d.erase(t.Context()))
		if d.keeps(m, keyPlace{id, 1}) != kept {
			t.Errorf("told %v, the key is kept: %v, want %v", says, !kept, kept)
		}
		if _, err := d.roomRefs(t.Context()); !errors.Is(err, says) {
			t.Errorf("told %v instead of %v", err, says)
		}
	}
}

// answers is a node that gives everybody the same answer.
type answers struct{ err *bus.Error }

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	body := strings.NewReader(`{"error":{"code":"` + a.err.Code + `","message":"no"}}`)
	return &http.Response{StatusCode: wire.Status(a.err.Kind), Body: io.NopCloser(body), Request: req}, nil
}
