package control

import (
	"encoding/json"
	"net/http"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func TestHealthExposesPosture(t *testing.T) {
	t.Parallel()
	for _, r := range []*rig{newRig(t), bareRig(t), newRig(t, mode(bus.ModeOff))} {
		got := r.do(call{method: http.MethodGet, target: "/healthz"})
		var h wire.Health
		if err := json.Unmarshal(got.body, &h); err != nil || h.Status != "ok" || !h.Posture.Enforce || h.Posture.Store != "sqlite" || h.Version != "v1" {
			t.Errorf("got %s, %v", got.body, err)
		}
		if got.header.Get("X-Request-Id") == "" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers: %v", got.header)
		}
	}
	r := newRig(t)
	var about wire.Server
	if err := json.Unmarshal(r.do(call{method: http.MethodGet, target: "/server"}).body, &about); err != nil || !about.Time.Equal(r.now()) || about.Name != "n1" {
		t.Errorf("server: %+v, %v", about, err)
	}
}
