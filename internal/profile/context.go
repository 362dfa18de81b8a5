package profile

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Context is one bus as this person uses it: where it is and how to know it.
type Context struct {
	Name    string // in this home: [a-z0-9][a-z0-9._-]{0,31}
	URL     string // https://host:port
	NATS    string // host:port
	CAPEM   []byte // the one certificate that the bus's nodes are trusted by
	Bus     bus.ID
	Org     identity.VerifyKey // what the bus log begins with
	Handle  bus.Handle         // "" until the bus told it
	Pending bool               // made here, and the node has not confirmed it yet; without an address no bus is known
	Revoked bool               // the bus said so last; nothing is decided by it
}

// contextFile is context.json. Its names do not change.
type contextFile struct {
	Version int                `json:"version"`
	URL     string             `json:"url"`
	NATS    string             `json:"nats"`
	CA      string             `json:"ca"` // PEM
	Bus     bus.ID             `json:"bus"`
	Org     identity.VerifyKey `json:"org"`
	Handle  bus.Handle         `json:"handle,omitempty"`
	Pending bool               `json:"pending,omitempty"`
	Revoked bool               `json:"revoked,omitempty"`
}

const (
	contextVersion = 1
	// maxContext bounds what is read: a certificate and a few words.
	maxContext = 64 << 10
)

// Contexts lists the contexts by name. One that cannot be read is an error.
func (h Home) Contexts() ([]Context, error) {
	dirs, err := os.ReadDir(h.contexts()) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, homeError("list the contexts", err)
	}
	var list []Context
	for _, d := range dirs {
		if checkName(d.Name()) != nil {
			continue // one that is being made or removed
		}
		c, err := h.Context(d.Name())
		if bus.KindOf(err) == bus.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("context %s: %w", d.Name(), err)
		}
		list = append(list, c)
	}
	return list, nil
}

// Context reads one context. Errors by code:
//
//	bad_context_name  Invalid    no such name can be
//	no_context        NotFound   there is none of that name
//	context_mode      Unsafe     others could have changed its pins
//	context_newer     Unsafe     a newer version wrote it
//	context_bad       Integrity  damaged
func (h Home) Context(name string) (Context, error) {
	if err := checkName(name); err != nil {
		return Context{}, err
	}
	raw, err := readContext(h.path(name, contextName))
	if errors.Is(err, fs.ErrNotExist) {
		return Context{}, noContext(name)
	}
	if err != nil {
		return Context{}, err
	}
	return parseContext(name, raw)
}

// readContext reads a file that nobody else may write: whoever changes its
// pins is believed to be the bus.
func readContext(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, homeError("read the context", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, homeError("read the context", err)
	}
	if !info.Mode().IsRegular() || atomicfile.UnixModes && info.Mode().Perm()&0o022 != 0 {
		return nil, bus.Errorf(bus.Unsafe, "context_mode", "the file of this context is not a regular file, or others can change it").
			WithHint("compare its pins with another member's, then make it a regular file of mode 0600")
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxContext+1))
	if err != nil {
		return nil, homeError("read the context", err)
	}
	return raw, nil
}

func parseContext(name string, raw []byte) (Context, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(raw, &version); err == nil && version.Version > contextVersion {
		return Context{}, bus.Errorf(bus.Unsafe, "context_newer", "a newer unibus wrote this context").WithHint("use that version")
	}
	var f contextFile
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return Context{}, errContext.Because(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) || f.Version != contextVersion {
		return Context{}, errContext
	}
	c := Context{Name: name, URL: f.URL, NATS: f.NATS, CAPEM: []byte(f.CA), Bus: f.Bus, Org: f.Org, Handle: f.Handle, Pending: f.Pending, Revoked: f.Revoked}
	return c, c.check()
}

func (c Context) encode() ([]byte, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(contextFile{Version: contextVersion, URL: c.URL, NATS: c.NATS, CA: string(c.CAPEM),
		Bus: c.Bus, Org: c.Org, Handle: c.Handle, Pending: c.Pending, Revoked: c.Revoked}, "", "  ")
	return append(raw, '\n'), err
}

// check is asked before a context is written and after it is read, so that
// none is written that cannot be read.
func (c Context) check() error {
	if c.Pending && c.nowhere() {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || c.URL != "https://"+u.Host || !hostPort(u.Host) || !hostPort(c.NATS) {
		return errContext
	}
	if block, _ := pem.Decode(c.CAPEM); block == nil || block.Type != "CERTIFICATE" || len(c.CAPEM) > maxContext/2 {
		return errContext
	}
	if c.Handle == "" {
		return nil
	}
	if handle, err := bus.ParseHandle(string(c.Handle)); err != nil || handle != c.Handle {
		return errContext
	}
	return nil
}

// nowhere says that these are keys for which no bus has been found yet.
func (c Context) nowhere() bool {
	return c.URL == "" && c.NATS == "" && len(c.CAPEM) == 0 && c.Bus == (bus.ID{}) && c.Handle == ""
}

func hostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}

var errContext = bus.Errorf(bus.Integrity, "context_bad", "the file of this context cannot be used: an address or a pin is wrong").
	WithHint("join the bus again under another name, or restore the file")

// Save writes an existing context anew.
func (h Home) Save(c Context) error {
	raw, err := c.encode()
	if err != nil {
		return err
	}
	if _, err := os.Stat(h.path(c.Name, contextName)); errors.Is(err, fs.ErrNotExist) {
		return noContext(c.Name)
	}
	if err := atomicfile.Replace(h.path(c.Name, contextName), raw); err != nil {
		return homeError("save the context", err)
	}
	return nil
}
