package config

import (
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"unibus/internal/bus"
)

// Serve is every setting of a node.
type Serve struct {
	Data         string // directory; "" only with Dev, which makes its own
	Listen       string // host:port of the control plane; port 0 = any
	NATS         string // host:port of the data plane; port 0 = any
	Hosts        []string
	Auth         bus.Mode
	Sync         Sync
	MaxInflight  int64 // request bytes in memory
	StoreKeyFile string
	ReadyFile    string
	Dev          bool
	Check        bool
	NoAdmin      bool

	Values []Value // each setting with its source
}

// serveSettings is a function so that nobody can change the table; data is
// the default of --data.
func serveSettings(data string) []setting[Serve] {
	return []setting[Serve]{
		{name: "data", arg: "DIR", from: inFlag | inEnv, def: data, shape: isPath, help: "directory of the node",
			set: func(s *Serve, v string) error { s.Data = v; return nil }},
		{name: "listen", arg: "HOST:PORT", from: anywhere, def: "127.0.0.1:8443", help: "address of the control plane (HTTPS)",
			set: func(s *Serve, v string) error { s.Listen = v; return nil }},
		{name: "nats", arg: "HOST:PORT", from: anywhere, def: "127.0.0.1:4222", help: "address of the data plane (NATS over TLS)",
			set: func(s *Serve, v string) error { s.NATS = v; return nil }},
		{name: "host", arg: "NAME", from: anywhere, shape: isList, help: "names that clients reach this node by, for links",
			set: func(s *Serve, v string) error { s.Hosts = splitList(v); return nil }},
		{name: "auth", arg: "MODE", from: anywhere, def: string(bus.ModeEnforce), help: "enforce signed requests; soft, off: only with --dev",
			set: func(s *Serve, v string) (err error) { s.Auth, err = bus.ParseMode(v); return err }},
		{name: "sync", arg: "WHEN", from: anywhere, def: "always", help: "when messages are on disk: always, or each 200ms",
			set: func(s *Serve, v string) (err error) { s.Sync, err = ParseSync(v); return err }},
		{name: "max-inflight", arg: "SIZE", from: anywhere, def: humanize.IBytes(bus.MaxInflight), help: "request bytes in memory before new ones are shed",
			set: func(s *Serve, v string) (err error) { s.MaxInflight, err = parseBytes(v); return err }},
		{name: "store-key-file", arg: "FILE", from: anywhere, shape: isPath, help: "keep the key of the message store here, not in --data",
			set: func(s *Serve, v string) error { s.StoreKeyFile = v; return nil }},
		{name: "ready-file", arg: "FILE", from: inFlag | inEnv, shape: isPath, help: "write url, nats address and posture here once ready",
			set: func(s *Serve, v string) error { s.ReadyFile = v; return nil }},
		{name: "no-admin", from: inFlag | inEnv, def: "false", shape: isTruth, help: "make no first user: write a founding link into --data",
			set: func(s *Serve, v string) (err error) { s.NoAdmin, err = parseTruth(v); return err }},
		{name: "dev", from: inFlag, def: "false", shape: isTruth, help: "a throwaway bus on loopback with two users",
			set: func(s *Serve, v string) (err error) { s.Dev, err = parseTruth(v); return err }},
		{name: "check", from: inFlag, def: "false", shape: isTruth, help: "check settings and data, then stop",
			set: func(s *Serve, v string) (err error) { s.Check, err = parseTruth(v); return err }},
	}
}

// ServeFlags adds the node's settings that can be flags to fs. Help is the
// same on every machine: it names the default directory by its variable.
func ServeFlags(fs *pflag.FlagSet) { addFlags(fs, serveSettings("$XDG_DATA_HOME/unibus/node")) }

// LoadServe layers the node's settings; the file is config.toml in the data
// directory, so that a node takes its settings along. On a refused setting
// Values is still whole.
func LoadServe(flags *pflag.FlagSet) (Serve, error) {
	data, dev := whereData(flags)
	file := ""
	if data != "" && !dev {
		file = filepath.Join(data, fileName)
	}
	s, values, err := load(serveSettings(data), file, flags)
	s.Values = values
	if err != nil {
		return s, err
	}
	return s, s.Validate()
}

// whereData answers what must be known before the file can be found. What is
// wrong elsewhere is reported by the load that follows.
func whereData(flags *pflag.FlagSet) (data string, dev bool) {
	s, _, _ := load(serveSettings(defaultData()), "", flags)
	if s.Dev && s.Data == defaultData() {
		return "", true
	}
	return s.Data, s.Dev
}
