package cmd

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/profile"
)

// founder is the admin's side of a first start: it makes the bus, keeps the
// identity in the client's home, and makes the first room.
type founder struct {
	env    *Env
	home   profile.Home
	data   string     // the node's directory
	handle bus.Handle // of the admin
}

func newFounder(env *Env, s config.Serve) (*founder, error) {
	home, err := env.home()
	return &founder{env: env, home: home, data: s.Data, handle: adminHandle()}, err
}

// serves is o with this founder at hand.
func (f *founder) serves(o node.Options) node.Options {
	o.Found, o.Certify, o.Settle = f.found, f.certify, f.settle
	return o
}

// found keeps the admin's identity before the node gets the founding: without
// it nobody could ever administer the bus.
func (f *founder) found(ctx context.Context, r node.Request) (*node.Founding, error) {
	id, made, err := client.Found(client.FoundOptions{Handle: f.handle, Endpoint: endpointName(), Node: r.Name,
		NodeKey: r.Key, Hosts: r.Hosts, Now: f.env.Now})
	if err != nil {
		return nil, err
	}
	at := profile.Context{URL: r.URL, NATS: r.NATS, CAPEM: made.CAPEM, Bus: made.Bus, Org: made.Org, Handle: id.Handle, Pending: true}
	if err := f.keep(ctx, at, id); err != nil {
		return nil, err
	}
	founding := node.Founding(*made)
	return &founding, nil
}

// foundingState is where a profile keeps which node's directory its bus was
// founded in.
const foundingState = "founding"

// keep makes the context `local`, or one called like the data directory when
// `local` is taken. Keys that wait for their bus are not replaced, somebody
// may know them: but for those of an earlier try in this directory, whose
// founding the node never took.
func (f *founder) keep(ctx context.Context, at profile.Context, id *identity.File) error {
	for name := range contextNames(f.data) {
		at.Name = name
		if old, err := f.home.Context(name); err == nil && !f.leftover(ctx, old) {
			continue
		}
		err := f.home.Create(at, id, nil)
		if bus.KindOf(err) == bus.Conflict {
			continue
		}
		if err != nil {
			return err
		}
		return f.remember(ctx, name, id)
	}
	return nil
}

// contextNames are the names that a founding may take, one after the other.
func contextNames(data string) iter.Seq[string] {
	return func(yield func(string) bool) {
		base := cleanName(filepath.Base(data))
		next := yield("local") && yield(base)
		for n := 2; next; n++ {
			next = yield(fmt.Sprintf("%s-%d", base, n))
		}
	}
}

func (f *founder) remember(ctx context.Context, name string, id *identity.File) error {
	store, err := f.home.Open(ctx, name, id.ProfileKey)
	if err != nil {
		return err
	}
	defer store.Close()
	return store.PutState(ctx, foundingState, []byte(f.data))
}

// leftover reports whether a context is of a founding that failed here.
func (f *founder) leftover(ctx context.Context, at profile.Context) bool {
	if !at.Pending {
		return false
	}
	id, err := identity.Load(f.home.IdentityPath(at.Name), noPassphrase)
	if err != nil {
		return false
	}
	store, err := f.home.Open(ctx, at.Name, id.ProfileKey)
	if err != nil {
		return false
	}
	defer store.Close()
	data, err := store.State(ctx, foundingState)
	return err == nil && string(data) == f.data
}

// noPassphrase opens plain identities only.
func noPassphrase() ([]byte, error) {
	return nil, bus.Errorf(bus.Unauthenticated, "identity_locked", "the identity has a passphrase").
		WithHint("set UNIBUS_PASSPHRASE_FILE")
}

// settle runs once the node serves, and before it is called ready: the
// contexts of its bus learn its addresses, and a bus that was just founded
// gets its first room.
func (f *founder) settle(ctx context.Context, n *node.Node) error {
	if file := n.LinkFile(); file != "" {
		f.env.hint("No admin yet. Whoever has the link in this file founds the bus, within 24 hours:\n"+
			"  %s\nFrom any machine that reaches this one: unibus join - < admin.link", file)
		return nil
	}
	all, err := f.home.Contexts()
	if err != nil {
		return err
	}
	id, _ := n.Bus()
	for _, at := range all {
		if at.Bus != id {
			continue
		}
		if err := f.update(ctx, at, n); err != nil {
			return err
		}
	}
	f.env.NoInput = true // from here on the terminal is the log's
	return nil
}

// update tells a context where its bus is now.
func (f *founder) update(ctx context.Context, at profile.Context, n *node.Node) error {
	founded := at.Pending && f.leftover(ctx, at)
	at.URL, at.NATS = n.URL(), n.NATS()
	if founded {
		if err := f.firstRoom(ctx, at); err != nil {
			return err
		}
		at.Pending = false
	}
	if err := f.home.Save(at); err != nil || !founded {
		return err
	}
	return f.welcome(at)
}

func (f *founder) firstRoom(ctx context.Context, at profile.Context) error {
	c, err := f.client(ctx, at)
	if err != nil {
		return err
	}
	defer c.Close()
	return makeFirstRoom(ctx, c)
}

// makeFirstRoom makes the room that every bus begins with, where it is missing.
func makeFirstRoom(ctx context.Context, c *client.Client) error {
	if _, err := c.FindRoom(ctx, firstRoom); bus.KindOf(err) != bus.NotFound {
		return err
	}
	_, err := c.CreateRoom(ctx, firstRoom, client.RoomOptions{})
	return err
}

// client opens a context as its user.
func (f *founder) client(ctx context.Context, at profile.Context) (*client.Client, error) {
	return f.env.clientOf(ctx, f.home, at)
}

// welcome tells who founded a bus how to go on.
func (f *founder) welcome(at profile.Context) error {
	inUse := at.Name
	if current, err := f.home.Current(); err == nil {
		inUse = current
	} else if err := f.home.Use(at.Name); err != nil {
		return err
	}
	f.env.hint("A new bus, and you are its admin: user %s, context %s.\n"+
		"Your keys are in a plain file that only you can read; to seal it with a\n"+
		"passphrase: unibus identity passphrase", at.Handle, at.Name)
	if inUse != at.Name {
		f.env.hint("Commands still talk to %s; to change that: unibus context use %s", inUse, at.Name)
		return nil
	}
	f.env.hint("In another terminal: unibus room create ops && unibus send ops \"hello\"")
	return nil
}

// certify renews the node's certificate where the bus CA is at hand.
func (f *founder) certify(ctx context.Context, r node.Request) ([]byte, error) {
	all, err := f.home.Contexts()
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if at.Bus != r.Bus {
			continue
		}
		keys, err := f.env.openIdentity(ctx, f.home.IdentityPath(at.Name))
		if err != nil {
			return nil, fmt.Errorf("open context %s, for a new certificate of the node: %w", at.Name, err)
		}
		if keys.id.CA != nil {
			return keys.id.CA.IssueNode(r.Key, r.Hosts, f.env.Now())
		}
	}
	return nil, bus.Errorf(bus.Unsafe, "no_ca", "the node needs a new certificate, and the keys of the bus are not here").
		WithHint("start it once as the user who founded the bus, on the machine where the keys of the bus are")
}

// adminHandle is the name of whoever founds a bus.
func adminHandle() bus.Handle {
	u, err := user.Current()
	if err != nil || u.Username == "root" {
		return "admin"
	}
	h, err := bus.ParseHandle(strings.ToLower(u.Username))
	if err != nil || h.Reserved() {
		return "admin"
	}
	return h
}

// endpointName is what this machine is called among its user's endpoints.
func endpointName() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return client.EndpointName(host)
}
