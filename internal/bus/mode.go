package bus

// Mode is how strictly the control plane checks signatures.
type Mode string

// Soft and off exist for development on loopback alone.
const (
	ModeEnforce Mode = "enforce"
	ModeSoft    Mode = "soft"
	ModeOff     Mode = "off"
)

// ParseMode refuses anything it does not know: an unknown mode never means off.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case ModeEnforce, ModeSoft, ModeOff:
		return m, nil
	}
	return "", Errorf(Invalid, "bad_mode", "%q is not an auth mode: use enforce, soft or off", clip(s))
}

// Posture is how safe a node really is, read from its running parts.
type Posture struct {
	Enforce bool   `json:"enforce"` // signed requests are demanded
	ACL     bool   `json:"acl"`     // NATS subjects are granted per identity
	TLS     bool   `json:"tls"`     // both planes speak TLS 1.3
	Cluster bool   `json:"cluster"` // more than one node
	Store   string `json:"store"`   // "sqlite" or "kv"
	Sync    string `json:"sync"`    // "always" or the interval between fsyncs
}
