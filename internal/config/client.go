package config

import (
	"time"

	"github.com/spf13/pflag"

	"unibus/internal/bus"
)

// Format is how a command prints its data.
type Format string

// The formats; what each is for is said in `unibus help json`.
const (
	Text   Format = "text"
	JSON   Format = "json"
	NDJSON Format = "ndjson"
	TSV    Format = "tsv"
	Name   Format = "name"
)

// Formats returns every format, the default first.
func Formats() []Format { return []Format{Text, JSON, NDJSON, TSV, Name} }

// ParseFormat reads the value of --output.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if s == string(f) {
			return f, nil
		}
	}
	return "", bus.Errorf(bus.Invalid, "bad_output", "%q is not an output format", s).
		WithHint("use text, json, ndjson, tsv or name")
}

// Client is every setting of the commands that talk to a bus.
type Client struct {
	Home           Home          // zero where no home directory is known; see NeedHome
	Context        string        // which bus and identity; "" = the current one
	Timeout        time.Duration // of waiting without progress
	Output         Format
	IdentityFile   string // one file that holds keys, address and pins; "" = the profile's
	PassphraseFile string // "" = ask on a terminal

	Values []Value // each setting with its source
}

// clientSettings is a function so that nobody can change the table.
func clientSettings() []setting[Client] {
	return []setting[Client]{
		{name: "context", arg: "NAME", from: anywhere, help: "the bus to talk to, as in 'unibus context list'",
			set: func(c *Client, s string) error { c.Context = s; return nil }},
		{name: "timeout", arg: "DURATION", from: anywhere, def: "20s", help: "give up after this long without progress",
			set: func(c *Client, s string) (err error) { c.Timeout, err = parseDuration(s); return err }},
		{name: "output", arg: "FORMAT", short: "o", from: anywhere, def: string(Text), help: "text, json, ndjson, tsv or name",
			set: func(c *Client, s string) (err error) { c.Output, err = ParseFormat(s); return err }},
		{name: "identity-file", arg: "FILE", from: inEnv | inFile, shape: isPath, help: "use the identity in this file, not the profile's",
			set: func(c *Client, s string) error { c.IdentityFile = s; return nil }},
		{name: "passphrase-file", arg: "FILE", from: inEnv | inFile, shape: isPath, help: "read the identity's passphrase from this file",
			set: func(c *Client, s string) error { c.PassphraseFile = s; return nil }},
	}
}

// ClientFlags adds the client's settings that can be flags to fs.
func ClientFlags(fs *pflag.FlagSet) { addFlags(fs, clientSettings()) }

// LoadClient layers the client's settings. flags may be nil; flags it does not
// know are left alone. On a refused setting Values is still whole.
//
// Without a home directory it reads no file and goes on: who has an identity
// file needs none.
func LoadClient(flags *pflag.FlagSet) (Client, error) {
	home, file := Home{}, ""
	if found, err := FindHome(); err == nil {
		home, file = found, found.file()
	}
	c, values, err := load(clientSettings(), file, flags)
	c.Home, c.Values = home, values
	if err != nil {
		return c, err
	}
	return c, c.Validate()
}

// NeedHome returns the client's folders, or an error that says how to name one.
func (c Client) NeedHome() (Home, error) {
	if c.Home == (Home{}) {
		return Home{}, errNoHome
	}
	return c.Home, nil
}
