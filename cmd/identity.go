package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func newIdentityCmd(env *Env) *cobra.Command {
	return newGroup("identity", "Make, show and guard the keys that you are known by",
		"  unibus identity new\n  unibus identity show",
		newIdentityNewCmd(env), newIdentityShowCmd(env), newIdentityVerifyCmd(env), newIdentityPassphraseCmd(env), newIdentityUnlockCmd(env),
		newIdentityHoldCmd(env), newIdentityExportCmd(env), newIdentityWordsCmd(env), newIdentityRecoverCmd(env), newIdentityRotateCmd(env), newIdentityOrgRotateCmd(env))
}

// opened is an identity with what it takes to write it again.
type opened struct {
	id     *identity.File
	path   string
	secret identity.Secret // what opened it; nothing where it is kept plain
}

// passphrase is nil where the identity is kept plain.
func (o opened) passphrase() []byte { return o.secret.Passphrase() }

// openIdentity reads an identity file, asking for its passphrase, and once more where
// a person slipped.
func (e *Env) openIdentity(ctx context.Context, path string) (o opened, err error) {
	settings, err := e.Settings()
	if err != nil {
		return o, err
	}
	o.path = path
	secret := e.secret(ctx, path)
	for tries := 1; ; tries++ {
		o.id, o.secret, err = identity.Open(path, secret)
		var locked *bus.Error
		switch {
		case !errors.As(err, &locked) || locked.Code != "identity_locked":
			return o, err
		case settings.PassphraseFile != "":
			return o, locked.WithHint("correct the file that UNIBUS_PASSPHRASE_FILE names")
		case !e.CanAsk() || tries == passphraseTries:
			return o, err
		}
		e.note("the passphrase does not open the keys: type it again")
	}
}

// place is where the identity is kept, to be opened again as it was now: nobody
// is asked twice.
func (o opened) place() identity.Place {
	return identity.Place{Path: o.path, Passphrase: func() ([]byte, error) {
		if o.passphrase() == nil {
			return noPassphrase()
		}
		return o.passphrase(), nil
	}}
}

// share notes in the identity that copies of it are about to be in use, and reads
// it as it is kept now.
func (o *opened) share() error {
	return o.place().Update(func(f *identity.File) (bool, error) {
		changed := !f.Shared
		f.Shared, o.id = true, f
		return changed, nil
	})
}

// save writes the identity as it was found: plain, or under its passphrase.
func (o opened) save() error { return identity.Save(o.path, o.id, o.passphrase()) }

// needsPassphrase tells at once whoever could not be asked later: a script
// says whether the keys that it makes are sealed.
func (e *Env) needsPassphrase(none bool) error {
	settings, err := e.Settings()
	if err != nil || none || settings.PassphraseFile != "" || e.CanAsk() {
		return err
	}
	return bus.Errorf(bus.Invalid, "needs_passphrase", "new keys need a passphrase, and this is not a terminal").
		WithHint("set UNIBUS_PASSPHRASE_FILE, or add --no-passphrase")
}

// newPassphrase finds the passphrase of keys that are about to be made; nil
// means that they are kept without one.
func (e *Env) newPassphrase(ctx context.Context, none bool) ([]byte, error) {
	if err := e.needsPassphrase(none); err != nil || none {
		return nil, err
	}
	if settings, err := e.Settings(); err != nil || settings.PassphraseFile != "" {
		return notEmpty(e.passphraseOf(settings.PassphraseFile))
	}
	return e.askNewPassphrase(ctx, "set UNIBUS_PASSPHRASE_FILE")
}

// passphraseTries is how often a person who slips may choose a passphrase anew.
const passphraseTries = 3

// askNewPassphrase asks until the same was typed twice: a slip would lock the
// keys away for ever.
func (e *Env) askNewPassphrase(ctx context.Context, elsewhere string) ([]byte, error) {
	for range passphraseTries {
		first, err := e.AskSecret(ctx, "New passphrase, empty for none", elsewhere)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			e.note("the keys are kept in a plain file that only you can read")
			return nil, nil
		}
		second, err := e.AskSecret(ctx, "The same again", elsewhere)
		if err != nil {
			return nil, err
		}
		if string(first) == string(second) {
			return first, nil
		}
		e.note("these two differ: type it twice once more")
	}
	return nil, bus.Errorf(bus.Invalid, "passphrase_differs", "the two passphrases are not the same").WithHint("try again")
}

// notEmpty keeps a file that was not written yet from meaning no passphrase.
func notEmpty(passphrase []byte, err error) ([]byte, error) {
	if err == nil && len(passphrase) == 0 {
		return nil, bus.Errorf(bus.Invalid, "empty_passphrase", "the passphrase file is empty").
			WithHint("write a passphrase into it, or add --no-passphrase")
	}
	return passphrase, err
}
