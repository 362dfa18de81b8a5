package node

import (
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/wire"
)

// found has the bus founded here, if it has none and nobody is waited for.
func (n *Node) found(ctx context.Context) error {
	if n.members.Founded() || n.o.NoAdmin {
		return nil
	}
	f, err := n.o.Found(ctx, n.request())
	if err != nil {
		return err
	}
	return n.begin(ctx, *f)
}

// foundOver takes a founding that came over the network, from whoever holds
// the link. A second one is refused.
func (n *Node) foundOver(ctx context.Context, f wire.Found) error {
	if n.data.Load() == nil {
		return errStarting
	}
	genesis, err := readGenesis(f.Genesis)
	if err != nil {
		return err
	}
	return n.begin(ctx, Founding{Bus: genesis.Bus, Org: genesis.Org, Genesis: f.Genesis, Account: f.Account,
		More: f.More, CAPEM: []byte(f.CA), CertPEM: []byte(f.Cert)})
}

// begin makes a founding this node's: the certificate first, since without it
// the bus could not be reached, then the facts, then the marker.
func (n *Node) begin(ctx context.Context, f Founding) error {
	n.beginning.Lock()
	defer n.beginning.Unlock()
	if n.members.Founded() {
		return bus.ErrFounded
	}
	c, err := n.checkFounding(f)
	if err != nil {
		return err
	}
	if err := n.saveCertificate("", c); err != nil {
		return err
	}
	if err := n.members.Found(ctx, f.Genesis, f.Account, f.More); err != nil {
		return err
	}
	n.creds.current.Store(c)
	n.endLink()
	n.o.Log.Info("bus founded", "bus", f.Bus)
	return n.mark()
}

var (
	errFounding = bus.Errorf(bus.Invalid, "bad_founding", "the founding does not fit this node")
)

// checkFounding demands that the parts of a founding belong to each other and
// to this node. The entries are the rules' to check.
func (n *Node) checkFounding(f Founding) (*certificate, error) {
	genesis, err := readGenesis(f.Genesis)
	if err != nil {
		return nil, err
	}
	c, err := n.creds.check(f.CertPEM, f.CAPEM)
	if err != nil {
		return nil, errFounding.Because(err)
	}
	if genesis.Bus != f.Bus || genesis.Org != f.Org || genesis.CA != c.ca {
		return nil, errFounding.Because(errors.New("bus, organisation key or CA are not the genesis's"))
	}
	if why := n.refused(c); why != nil {
		return nil, why
	}
	return c, nil
}

// readGenesis verifies the entry that a bus begins with.
func readGenesis(raw []byte) (*buslog.State, error) {
	e, err := chain.Parse(raw)
	if err != nil {
		return nil, err
	}
	s := buslog.New()
	step, err := s.Check(e, nil) // a genesis rests on no other chain
	if err != nil {
		return nil, err
	}
	step()
	return s, nil
}

// mark writes the init marker once the bus and its streams are there.
func (n *Node) mark() error {
	id, _, _ := n.members.Identity()
	return n.change(func(s *state) { s.Bus = &id })
}
