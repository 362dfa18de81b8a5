package control

import (
	"context"
	"net/http"
	"testing"

	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func TestFoundOverHTTP(t *testing.T) {
	t.Parallel()
	link := identity.NewTransportKey()
	var r *rig
	r = bareRig(t, func(o *Options, _ *membership.Options) {
		o.Founding = func() (identity.TransportID, bool) { return link.Public(), true }
		o.Found = func(ctx context.Context, f wire.Found) error {
			if f.CA != "ca" || f.Cert != "cert" {
				t.Errorf("got %+v", f)
			}
			return r.members.Found(ctx, f.Genesis, f.Account, f.More)
		}
	})
	admin := r.w.Founder.Device()
	f := wire.Found{Genesis: r.w.BusLog[0].Encode(), Account: encode(r.w.AccountLogs[r.w.Founder.ID()]), CA: "ca", Cert: "cert"}
	found := func(key identity.TransportKey) reply {
		return r.do(call{method: http.MethodPost, target: "/found", key: &key, body: r.json(f)})
	}
	r.expect("no bus yet", r.get(admin, "/users"), 503, "not_founded")
	r.expect("unsigned", r.do(call{method: http.MethodPost, target: "/found", body: r.json(f)}), 401, "unsigned")
	r.expect("by another key", found(admin.Transport), 401, "unauthenticated")
	r.expect("founded", found(link), 204, "")
	r.expect("twice", found(link), 409, "founded")
	r.expect("the admin is there", r.get(admin, "/users"), 200, "")
}

func TestNoFoundingLink(t *testing.T) {
	t.Parallel()
	r := bareRig(t)
	key := identity.NewTransportKey()
	r.expect("nobody", r.do(call{method: http.MethodPost, target: "/found", key: &key, body: []byte("{}")}), 401, "unauthenticated")
}
