package control

import (
	"strings"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func (x *exchange) users() error {
	all, err := x.o.Membership.Users(x.by)
	return x.json(wire.List[wire.User]{Items: all}, err)
}

func (x *exchange) user() error {
	h, err := x.handle()
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.User(x.by, h))
}

// account tells a page of a user's account chain.
func (x *exchange) account() error {
	h, err := x.handle()
	if err != nil {
		return err
	}
	from, err := x.from()
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.AccountEntries(x.ctx(), x.by, h, from))
}

func (x *exchange) appendAccount() error {
	h, err := x.owner()
	if err != nil {
		return err
	}
	a, err := x.entry()
	if err != nil {
		return err
	}
	return x.appended(x.counted(func() (wire.Appended, error) {
		return x.o.Membership.AppendAccount(x.ctx(), x.by, h, a.Entry)
	}))
}

var errHandle = bus.Errorf(bus.Invalid, "bad_handle", "not a name of a user")

// handle reads the user in the path, who is named by his handle.
func (x *exchange) handle() (bus.Handle, error) {
	h, err := bus.ParseHandle(x.values[0])
	if err != nil || string(h) != x.values[0] { // one address for one user
		return "", errHandle
	}
	return h, nil
}

// owner is handle, or the user whose account the path names: somebody whom an
// admin added by his key does not know yet what he is called.
func (x *exchange) owner() (bus.Handle, error) {
	text, byAccount := strings.CutPrefix(x.values[0], "~")
	if !byAccount {
		return x.handle()
	}
	id, err := bus.ParseAccountID(text)
	if err != nil {
		return "", err
	}
	h, _ := x.o.Membership.HandleOf(id) // "" is nobody's name: the rules answer
	return h, nil
}
