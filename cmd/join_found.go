package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
)

// found takes a founding link up: this user becomes the admin of a new bus.
func (j *joiner) found(ctx context.Context) (*place, error) {
	p, err := j.founded(ctx)
	if err != nil {
		return nil, err
	}
	if p == nil {
		if p, err = j.foundNew(ctx); err != nil {
			return nil, err
		}
	}
	defer p.store.Close()
	p.rooms = []string{firstRoom}
	if p.was = !p.at.Pending; p.was {
		return p, nil
	}
	if err := j.within(ctx, func(ctx context.Context) error { return j.firstRoom(ctx, p) }); err != nil {
		return nil, err
	}
	return p, j.settle(p)
}

// founded finds the context in which a bus was founded on this node, nil where
// there is none. One whose founding never reached the node is deleted: the
// node proves that by serving something else.
func (j *joiner) founded(ctx context.Context) (*place, error) {
	all, err := j.home.Contexts()
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if at.URL != "https://"+j.link.Addr {
			continue
		}
		p, err := j.open(ctx, at)
		if err != nil {
			return nil, err
		}
		serves := false
		if p.keys.id.Org != nil {
			err = j.within(ctx, func(ctx context.Context) (err error) { serves, err = j.serves(ctx, p); return err })
		}
		if err == nil && serves {
			return p, nil
		}
		p.store.Close()
		if err == nil && at.Pending && p.keys.id.Org != nil {
			err = j.home.Remove(at.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (j *joiner) serves(ctx context.Context, p *place) (bool, error) {
	c, err := newClient(j.env, p.keys.id, infoOf(p.at), p.store, nil)
	if err != nil {
		return false, err
	}
	return c.Serves(ctx)
}

func (j *joiner) foundNew(ctx context.Context) (p *place, err error) {
	passphrase, err := j.env.newPassphrase(ctx, j.o.none)
	if err != nil {
		return nil, err
	}
	who := client.FoundOptions{Handle: adminHandle(), Endpoint: j.o.device, Now: j.env.Now}
	err = j.within(ctx, func(ctx context.Context) error {
		_, err := client.JoinFounding(ctx, j.link, who, func(id *identity.File, info identity.ContextInfo) (err error) {
			p, err = j.make(ctx, id, info, passphrase)
			return err
		})
		return err
	})
	if err != nil && p != nil {
		p.store.Close()
	}
	if bus.KindOf(err) == bus.Integrity {
		return nil, errFoundingUsed.Because(err)
	}
	return p, err
}

// errFoundingUsed: once it is founded the node shows the certificate of its
// bus, which the link cannot name.
var errFoundingUsed = bus.Errorf(bus.Integrity, "founding_used", "the node does not answer as the founding link says: the link was used, or somebody is in between").
	WithHint("if you did not found this bus, ask its admin for an invite")

// firstRoom makes the room that every bus begins with.
func (j *joiner) firstRoom(ctx context.Context, p *place) error {
	c, err := newClient(j.env, p.keys.id, infoOf(p.at), p.store, nil)
	if err != nil {
		return err
	}
	return makeFirstRoom(ctx, c)
}
