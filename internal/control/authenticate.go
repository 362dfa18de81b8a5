package control

import (
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/signing"
)

var (
	errNotFounded = &bus.Error{Kind: bus.Unavailable, Code: "not_founded", Message: "this node has no bus yet",
		Hint: "take up its founding link: unibus join"}
)

// authenticate is the stage that finds out who asks.
func (x *exchange) authenticate() error {
	if x.route.who == anyone {
		return nil
	}
	if x.o.Mode != bus.ModeOff {
		err := x.identify()
		if err == nil || x.o.Mode != bus.ModeSoft {
			return err
		}
		x.o.Log.Warn("unsigned request let pass", append(x.about(), "reason", err, "would_be", bus.CodeOf(err))...)
	}
	x.by = membership.Unsigned()
	return nil
}

// identify reads the signature, and believes it only after the last check.
func (x *exchange) identify() error {
	s, err := x.signature()
	if err != nil {
		return err
	}
	if err := x.fresh(s.Created); err != nil {
		return err
	}
	by, isKnown, err := x.signer(s.Key.Signer)
	if err != nil {
		return err
	}
	if isKnown {
		err = x.o.Nonces.Claim(x.ctx(), s.Key.Signer, s.Nonce, s.Created)
	} else {
		err = x.limitStranger()
	}
	if err != nil {
		return err
	}
	x.by, x.digest, x.signed = by, s.Digest, true
	if !isKnown {
		return nil
	}
	return x.enter()
}

// signature parses and verifies the signature, over the digest that the
// request declares. No byte of the body is needed for it.
func (x *exchange) signature() (s signing.Signed, err error) {
	headers, err := signing.ReadHeaders(x.http.Header.Values)
	if err != nil {
		return s, err
	}
	authority, err := x.o.Authorities().Accept(x.http.Host)
	if err != nil {
		return s, err
	}
	s, err = signing.Parse(x.http.Method, authority, x.http.RequestURI, headers)
	if err != nil {
		return s, err
	}
	if err := s.Verify(); err != nil {
		return s, err
	}
	return s, x.forThisBus(s)
}

// forThisBus refuses what was signed for another bus. A founding is signed for
// the bus that it begins.
func (x *exchange) forThisBus(s signing.Signed) error {
	if x.route.who == founder {
		return nil
	}
	if !x.o.Membership.Founded() {
		return errNotFounded
	}
	id, _, _ := x.o.Membership.Identity()
	return s.ForBus(id)
}

// fresh says by how much the clocks differ, since that is what helps.
func (x *exchange) fresh(created time.Time) error {
	now := x.o.Now()
	err := signing.Fresh(created, now)
	var skew *bus.Error
	if !errors.As(err, &skew) {
		return err
	}
	e := *skew
	side := "behind"
	if created.After(now) {
		side = "ahead of"
	}
	off := now.Sub(created).Abs().Round(time.Second)
	e.Message = "the request was made " + off.String() + " " + side + " the node's clock"
	return &e
}

// signer finds who holds a key. A key that the node does not know is let on to
// the routes where the body may prove it; its nonces are not remembered, so
// that strangers leave nothing behind, and what it may append there fits once.
func (x *exchange) signer(key identity.TransportID) (by membership.Signer, isKnown bool, err error) {
	if x.route.who == founder {
		return membership.Signer{}, true, x.isFounder(key)
	}
	by, err = x.o.Membership.Authorize(key)
	if err != nil && x.route.who == stranger && bus.KindOf(err) == bus.Unauthenticated {
		return membership.Signer{Transport: key}, false, nil
	}
	return by, err == nil, err
}

func (x *exchange) isFounder(key identity.TransportID) error {
	if x.o.Membership.Founded() {
		return bus.ErrFounded
	}
	if link, ok := x.o.Founding(); !ok || link != key {
		return bus.ErrUnknownSigner
	}
	return nil
}

func (x *exchange) limitStranger() error {
	if err := x.take(x.strangers); err != nil {
		return err
	}
	return x.limitBody(strangerBody)
}
