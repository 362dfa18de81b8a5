package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// secrets must stand in no answer.
var secrets = []string{"SELECT", "sqlite", "/var/lib", "no rows", "goroutine", ".go:", "secret-key"}

func (r *rig) clean(what string, got reply) {
	r.tb.Helper()
	for _, s := range secrets {
		if strings.Contains(string(got.body), s) {
			r.tb.Errorf("%s: the answer holds %q: %s", what, s, got.body)
		}
	}
}

// TestErrorHygiene has the store fail in every way: the answer says only that
// the node could not, the log says why, under the same id.
func TestErrorHygiene(t *testing.T) {
	t.Parallel()
	dirty := errors.New(`SELECT raw FROM entries: open /var/lib/unibus/db: sql: no rows in result set; secret-key`)
	tests := []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"a bare error", dirty, 500, "internal"},
		{"wrapped", fmt.Errorf("open /var/lib/unibus: %w", dirty), 500, "internal"},
		{"a path error", &os.PathError{Op: "open", Path: "/var/lib/unibus/db", Err: os.ErrPermission}, 500, "internal"},
		{"translated", membership.ErrUnreadable.Because(dirty), 503, "store_unavailable"},
		{"translated and wrapped", fmt.Errorf("read /var/lib: %w", membership.ErrUnreadable.Because(dirty)), 503, "store_unavailable"},
		{"our own fault", bus.Errorf(bus.Failed, "odd", "SELECT"), 500, "internal"},
		{"of no status", bus.Errorf(bus.Unsafe, "odd", "/var/lib"), 500, "internal"},
		{"too slow", context.DeadlineExceeded, 503, "slow_node"},
		{"full", membership.ErrFull.Because(dirty), 507, "store_full"},
	}
	for _, tt := range tests {
		r := newRig(t)
		alice := r.w.Alice.Device()
		r.store.fail(tt.err)
		for _, target := range []string{"/log?from=0", "/users/alice/endpoints", wire.BlobTarget(bus.Hash{1})} {
			got := r.get(alice, target)
			r.expect(tt.name+" "+target, got, tt.status, tt.code)
			r.clean(tt.name, got)
			if said := r.log.String(); tt.status >= 500 &&
				(!strings.Contains(said, "request_id="+got.Error.RequestID) || !strings.Contains(said, "status="+strconv.Itoa(tt.status))) {
				t.Errorf("%s: the log does not know the request %s and what it was answered", tt.name, got.Error.RequestID)
			}
		}
		e := r.w.BusEntry(r.w.Founder.Device(), buslog.OpUser, buslog.User{Handle: "carol", Key: r.w.SigningKey().Public()}.Encode())
		got := r.post(r.w.Founder.Device(), "/log", wire.Append{Entry: e.Encode()})
		if got.status < 500 {
			t.Errorf("%s: the append gave %d", tt.name, got.status)
		}
		r.clean(tt.name, got)
		if errors.Is(tt.err, dirty) && !strings.Contains(r.log.String(), "no rows in result set") {
			t.Errorf("%s: the cause is not in the log", tt.name)
		}
	}
}

// TestDoubtDenies: while it is unknown what is stored, nobody is let in.
func TestDoubtDenies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.store.fail(errors.New("the disk is on fire"))
	r.w.Revoke(r.w.Bob)
	revoke := wire.Append{Entry: r.w.BusLog[len(r.w.BusLog)-1].Encode()}
	if got := r.post(r.w.Founder.Device(), "/log", revoke); got.status < 500 {
		t.Errorf("got %d", got.status)
	}
	r.expect("in doubt", r.get(r.w.Bob.Device(), "/users"), 503, "store_unavailable")
	r.expect("health goes on", r.do(call{method: http.MethodGet, target: "/healthz"}), 200, "")
}

// TestPanic is an answer, and the node goes on.
func TestPanic(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options, _ *membership.Options) { o.Blobs = panicking{} })
	alice := r.w.Alice.Device()
	id := bus.Hash{1}
	r.must(r.store.PutBlob(t.Context(), membership.BlobRow{ID: id, Uploader: r.w.Alice.ID(), Pieces: 1, Size: 1,
		Created: r.now(), Expires: r.now().Add(bus.DefaultRetention)}))
	got := r.get(alice, wire.BlobTarget(id))
	r.expect("panic", got, 500, "internal")
	r.clean("panic", got)
	if !strings.Contains(r.log.String(), "secret-key") {
		t.Error("the panic is not in the log")
	}
	r.expect("afterwards", r.get(alice, "/users"), 200, "")
}

type panicking struct{ blob.Store }

func (panicking) Get(context.Context, bus.Hash) (io.ReadSeekCloser, int64, error) {
	panic("secret-key in /var/lib")
}

// TestLogHoldsNoSecret looks for what must not be logged even at debug level.
func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	req := r.request(call{method: http.MethodPost, target: "/log", key: &alice.Transport, body: r.json(wire.Append{Entry: []byte("Marker-In-Body")})})
	res, err := r.client.Do(req)
	r.must(err)
	r.read(res)
	log := r.log.String()
	for _, s := range []string{alice.Transport.Public().String(), req.Header.Get("Signature"), "TWFya2VyLUlu", "Marker-In-Body"} {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
	}
	if !strings.Contains(log, alice.ID().String()) {
		t.Error("the log does not say whose request it was")
	}
}
