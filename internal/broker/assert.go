package broker

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"unibus/internal/bus"
)

// assertSafe looks at the running server, not at what it was told, and refuses
// one that has a way in besides the gate, or has users near JetStream.
func assertSafe(srv *server.Server, o *server.Options, a accounts) error {
	v, err := srv.Varz(nil)
	if err != nil {
		return fmt.Errorf("read the state of the server: %w", err)
	}
	for what, wrong := range unsafe(v, o) {
		if wrong {
			return errUnsafe(what)
		}
	}
	if a.users.JetStreamEnabled() {
		return errUnsafe("users reach JetStream")
	}
	return nil
}

// unsafe says of each thing that must not be whether it is.
func unsafe(v *server.Varz, o *server.Options) map[string]bool {
	return map[string]bool{
		"a websocket listener":      v.Websocket.Port != 0 || o.Websocket.Port != 0,
		"an MQTT listener":          v.MQTT.Port != 0 || o.MQTT.Port != 0,
		"leaf nodes":                v.LeafNode.Port != 0 || o.LeafNode.Port != 0 || len(o.LeafNode.Remotes) > 0,
		"gateways":                  v.Gateway.Port != 0 || o.Gateway.Port != 0,
		"a monitoring port":         v.HTTPPort != 0 || v.HTTPSPort != 0 || o.ProfPort != 0,
		"a user without a key":      o.NoAuthUser != "" || v.Websocket.NoAuthUser != "" || v.MQTT.NoAuthUser != "",
		"connections without proof": !v.AuthRequired || o.CustomClientAuthentication == nil || !o.AlwaysEnableNonce,
		"connections without TLS":   !v.TLSRequired || o.AllowNonTLS || !o.TLSHandshakeFirst,
		"no limits": v.MaxConn <= 0 || v.MaxSubs != maxSubs || v.MaxPayload != maxPayload ||
			v.MaxControlLine != maxControlLine || v.MaxPending != maxPending || v.AuthTimeout != authTimeout.Seconds(),
		"the wrong system account": v.SystemAccount != "SYS",
	}
}

func errUnsafe(what string) error {
	return bus.Errorf(bus.Unsafe, "unsafe_server", "the NATS server would run with %s", what)
}
