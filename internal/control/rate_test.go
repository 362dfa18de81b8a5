package control

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/limit"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func TestStrangersAreFew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := &chaintest.Device{Transport: identity.NewTransportKey()}
	body := wire.Append{Entry: []byte("x")}
	for range strangerBurst {
		if got := r.post(other, wire.AccountAppendTarget("alice"), body); got.status == 429 {
			t.Fatal("limited too early")
		}
	}
	r.expect("one too many", r.post(other, wire.AccountAppendTarget("alice"), body), 429, "rate")
	r.expect("alice is not concerned", r.get(r.w.Alice.Device(), "/log"), 200, "")
	r.pass(time.Second)
	r.expect("later", r.post(other, wire.AccountAppendTarget("alice"), body), 422, "bad_entry")
}

func TestAddressRate(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options, _ *membership.Options) {
		o.Rate = limit.NewRate[netip.Prefix](0.5, 2, 10, o.Now)
	})
	health := call{method: http.MethodGet, target: "/healthz"}
	r.expect("1", r.do(health), 200, "")
	r.expect("2", r.do(health), 200, "")
	got := r.do(health)
	r.expect("3", got, 429, "rate")
	if got.header.Get("Retry-After") != "2" || !got.Error.Retryable {
		t.Errorf("Retry-After %q, retryable %v", got.header.Get("Retry-After"), got.Error.Retryable)
	}
	r.expect("before the signature", r.get(r.w.Alice.Device(), "/log"), 429, "rate")
	_, answer := r.declared("POST", "/log", 400<<20, nil)
	r.expect("after the ceiling", answer(), 413, "too_large")
	r.pass(2 * time.Second)
	r.expect("later", r.do(health), 200, "")
}
