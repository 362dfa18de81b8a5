package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// waitingNode starts a node that waits for its founding, and reads its link.
func waitingNode(t *testing.T, o node.Options) (*node.Node, identity.Link) {
	t.Helper()
	o.NoAdmin, o.Found = true, nil
	n := start(t, o)
	return n, readLink(t, n)
}

func readLink(t *testing.T, n *node.Node) identity.Link {
	t.Helper()
	info, err := os.Stat(n.LinkFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the link file: got %s, want 0600", info.Mode())
	}
	raw, err := os.ReadFile(n.LinkFile())
	if err != nil {
		t.Fatal(err)
	}
	link, err := identity.ParseLink(strings.TrimSuffix(string(raw), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func foundOptions(handle bus.Handle) client.FoundOptions {
	return client.FoundOptions{Handle: handle, Endpoint: "laptop", Now: time.Now}
}

// joinFounding founds a bus by its link and opens a client in a new home.
func joinFounding(t *testing.T, link identity.Link) (*client.Client, error) {
	t.Helper()
	ctx, home := nodetest.Context(t), profile.At(t.TempDir())
	var info identity.ContextInfo
	keep := func(id *identity.File, at identity.ContextInfo) error {
		info = at
		return home.Create(profile.Context{Name: "local", URL: at.URL, NATS: at.NATS, CAPEM: at.CAPEM,
			Bus: id.Bus, Org: at.Org, Handle: id.Handle, Pending: true}, id, nil)
	}
	id, err := client.JoinFounding(ctx, link, foundOptions("carol"), keep)
	if err != nil {
		return nil, err
	}
	store, err := home.Open(ctx, "local", id.ProfileKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{Identity: id, Info: info, Store: store, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, nil
}

func TestFoundOverTheNetwork(t *testing.T) {
	t.Parallel()
	o := options(t)
	n, link := waitingNode(t, o)
	if _, ok := n.Bus(); ok || n.Status() != "ok" {
		t.Errorf("before the founding: status %q, founded %v", n.Status(), ok)
	}
	file := n.LinkFile()
	c, err := joinFounding(t, link)
	if err != nil {
		t.Fatal(err)
	}
	ctx := nodetest.Context(t)
	general, err := c.CreateRoom(ctx, "general", client.RoomOptions{})
	if err != nil {
		t.Fatalf("the new admin makes a room: %v", err)
	}
	if _, err := c.SendOne(ctx, general, text("first")); err != nil {
		t.Fatalf("the new admin sends: %v", err)
	}
	id, founded := n.Bus()
	if !founded || n.LinkFile() != "" {
		t.Errorf("after the founding: founded %v, link file %q", founded, n.LinkFile())
	}
	for _, gone := range []string{file, filepath.Join(o.Dir, "tls", "temporary-cert.pem"), filepath.Join(o.Dir, "tls", "temporary-ca.pem")} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", filepath.Base(gone), err)
		}
	}
	if _, err := joinFounding(t, link); err == nil {
		t.Error("the link founds a second time")
	}

	stop(t, n)
	o.NoAdmin, o.Found = true, nil // as its service is configured
	n = start(t, o)
	if again, ok := n.Bus(); !ok || again != id || n.LinkFile() != "" {
		t.Errorf("after a restart: bus %v %v, link file %q", again, ok, n.LinkFile())
	}
	if rooms, err := c.ListMyRooms(ctx); err != nil || len(rooms) != 1 {
		t.Errorf("the admin's rooms after a restart: %v %v", rooms, err)
	}
}

func TestLinkSurvivesRestarts(t *testing.T) {
	t.Parallel()
	o := options(t)
	n, link := waitingNode(t, o)
	stop(t, n)
	n, again := waitingNode(t, o)
	if again != link {
		t.Error("a restart made another founding link")
	}
	stop(t, n)

	o.Hosts = []string{"localhost"}
	n, other := waitingNode(t, o)
	if other == link || !strings.HasPrefix(other.Addr, "localhost:") {
		t.Errorf("after a change of hosts: link for %s", other.Addr)
	}
	if _, err := joinFounding(t, link); err == nil {
		t.Error("a replaced link founds")
	}
	if _, err := joinFounding(t, other); err != nil {
		t.Errorf("the new link: %v", err)
	}
	_ = n
}

func TestLinkExpires(t *testing.T) {
	t.Parallel()
	var behind atomic.Int64 // of the true time, by which TLS goes
	behind.Store(int64(24*time.Hour + time.Minute))
	o := options(t)
	o.Now = func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) }
	n, link := waitingNode(t, o)
	behind.Store(0)
	later := foundOptions("carol")
	later.Now = o.Now
	keep := func(*identity.File, identity.ContextInfo) error { return nil }
	if _, err := client.JoinFounding(nodetest.Context(t), link, later, keep); bus.KindOf(err) != bus.Unauthenticated {
		t.Errorf("an expired link: got %v, want Unauthenticated", err)
	}
	n.RenewLink()
	fresh := readLink(t, n)
	if fresh == link {
		t.Fatal("no new link")
	}
	if _, err := client.JoinFounding(nodetest.Context(t), fresh, later, keep); err != nil {
		t.Errorf("the new link: %v", err)
	}
	n.RenewLink() // does nothing any more
	if n.LinkFile() != "" {
		t.Error("a founded node waits for a founding")
	}
}

func TestWrongLink(t *testing.T) {
	t.Parallel()
	_, link := waitingNode(t, options(t))
	seed, pin := link, link
	seed.Seed[0]++
	pin.CA[0]++
	keep := func(*identity.File, identity.ContextInfo) error { return nil }
	if _, err := client.JoinFounding(nodetest.Context(t), seed, foundOptions("carol"), keep); bus.KindOf(err) != bus.Unauthenticated {
		t.Errorf("another seed: got %v, want Unauthenticated", err)
	}
	kept := func(*identity.File, identity.ContextInfo) error {
		t.Error("an identity is made for a node that was not pinned")
		return nil
	}
	if _, err := client.JoinFounding(nodetest.Context(t), pin, foundOptions("carol"), kept); bus.KindOf(err) != bus.Integrity {
		t.Errorf("another pin: got %v, want Integrity", err)
	}
	failed := errors.New("disk full")
	full := func(*identity.File, identity.ContextInfo) error { return failed }
	if _, err := client.JoinFounding(nodetest.Context(t), link, foundOptions("carol"), full); !errors.Is(err, failed) {
		t.Errorf("an identity that cannot be kept: got %v", err)
	}
	if _, err := joinFounding(t, link); err != nil {
		t.Errorf("the right link, after all that: %v", err)
	}
}

// Whoever else has read the link founds no second bus.
func TestOneOfManyFounds(t *testing.T) {
	t.Parallel()
	n, link := waitingNode(t, options(t))
	var won atomic.Int32
	var kept sync.WaitGroup
	kept.Add(4)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			keep := func(*identity.File, identity.ContextInfo) error { kept.Done(); kept.Wait(); return nil }
			id, err := client.JoinFounding(nodetest.Context(t), link, foundOptions("carol"), keep)
			if err != nil {
				return
			}
			won.Add(1)
			if got, _ := n.Bus(); got != id.Bus {
				t.Errorf("the winner's bus is %v, the node's %v", id.Bus, got)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d founded the bus, want 1", won.Load())
	}
}

func TestFoundedNodeTakesNoFounding(t *testing.T) {
	t.Parallel()
	n := start(t, options(t))
	if n.LinkFile() != "" {
		t.Errorf("link file of a node that founded itself: %q", n.LinkFile())
	}
	o := options(t)
	_, link := waitingNode(t, o)
	link.Addr = n.Addr()
	_, err := joinFounding(t, link)
	if bus.KindOf(err) != bus.Integrity { // its certificate is not the link's
		t.Errorf("a link at another node: got %v, want Integrity", err)
	}
}

func TestNewHosts(t *testing.T) {
	t.Parallel()
	o := options(t)
	var ca identity.CA
	o.Found = func(_ context.Context, r node.Request) (*node.Founding, error) {
		id, f, err := client.Found(client.FoundOptions{Handle: "admin", Endpoint: "laptop", Node: r.Name,
			NodeKey: r.Key, Hosts: r.Hosts, Now: time.Now})
		if err == nil {
			ca = *id.CA
		}
		return (*node.Founding)(f), err
	}
	stop(t, start(t, o))
	o.Hosts = []string{"Bus.Example"}
	refused(t, o, "cert_hosts", "bus.example")

	o.Certify = func(_ context.Context, r node.Request) ([]byte, error) {
		if r.Hosts[0] != "bus.example" || r.Bus == (bus.ID{}) {
			t.Errorf("asked to certify %v of bus %v", r.Hosts, r.Bus)
		}
		return ca.IssueNode(r.Key, r.Hosts, time.Now())
	}
	n := start(t, o)
	if !strings.HasPrefix(n.URL(), "https://bus.example:") || !strings.HasPrefix(n.NATS(), "bus.example:") {
		t.Errorf("addresses: got %s %s", n.URL(), n.NATS())
	}
	stop(t, n)
	o.Certify = nil
	stop(t, start(t, o)) // the new certificate was kept

	o.Now = func() time.Time { return time.Now().Add(identity.NodeLife + time.Hour) }
	refused(t, o, "cert_expired", "expired")
	o.Certify = func(context.Context, node.Request) ([]byte, error) { return nil, context.Canceled }
	if _, err := node.Start(nodetest.Context(t), o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of Certify", err)
	}
	o.Certify = func(_ context.Context, r node.Request) ([]byte, error) { // of another CA
		other, err := identity.NewCA("other", o.Now())
		if err != nil {
			return nil, err
		}
		return other.IssueNode(r.Key, r.Hosts, o.Now())
	}
	if _, err := node.Start(nodetest.Context(t), o); bus.CodeOf(err) != "bad_certificate" {
		t.Errorf("got %v, want bad_certificate", err)
	}
}

// A node that runs for years goes on with a new certificate by itself.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	o := options(t)
	o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	var ca identity.CA
	o.Found = func(_ context.Context, r node.Request) (*node.Founding, error) {
		id, f, err := client.Found(client.FoundOptions{Handle: "admin", Endpoint: "laptop", Node: r.Name,
			NodeKey: r.Key, Hosts: r.Hosts, Now: o.Now})
		if err == nil {
			ca = *id.CA
		}
		return (*node.Founding)(f), err
	}
	fail := true
	o.Certify = func(_ context.Context, r node.Request) ([]byte, error) {
		if fail {
			return nil, context.Canceled
		}
		return ca.IssueNode(r.Key, r.Hosts, o.Now())
	}
	n := start(t, o)
	ends := n.CertificateEnds()
	n.KeepCertificate(t.Context())
	if !n.CertificateEnds().Equal(ends) {
		t.Error("a fresh certificate was replaced")
	}
	ahead.Store(int64(identity.NodeLife - 20*24*time.Hour))
	n.KeepCertificate(t.Context())
	if !n.CertificateEnds().Equal(ends) {
		t.Error("a certificate was given up before there was another")
	}
	fail = false
	n.KeepCertificate(t.Context())
	if !n.CertificateEnds().After(ends) {
		t.Error("a certificate that ends soon was not replaced")
	}
}
