package client

import (
	"errors"
	"net/http"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/wire"
)

// deaf is a node that must not be asked.
type deaf struct{ t *testing.T }

// RoundTrip implements http.RoundTripper.
func (d deaf) RoundTrip(req *http.Request) (*http.Response, error) {
	d.t.Errorf("the node is asked for %s", req.URL.Path)
	return nil, call.ErrUnreachable
}

// Nothing that the offline client does reaches a node, and it waits for none: what is
// not kept is not there.
func TestOfflineAsksNobody(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	m.must(d.refresh(t.Context(), id))
	d.call.HTTP.Transport = deaf{t}
	l := d.local()
	if err := l.call.Get(t.Context(), wire.TargetServer, nil); !errors.Is(err, ErrNotKept) {
		t.Errorf("a request of any kind: got %v", err)
	}
	r, err := l.world.syncRoom(t.Context(), id)
	m.must(err)
	m.must(d.store.ForgetSecrets(t.Context(), id, r.Epoch.Number))
	if _, err := l.world.secret(t.Context(), r, r.Epoch.Number, l.reader()); bus.CodeOf(err) != "no_key" {
		t.Errorf("a key that is not kept: got %v", err)
	}
	m.must(l.world.takeGrants(t.Context(), r, l.reader()))
}
