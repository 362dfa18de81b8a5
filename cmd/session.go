package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
	"unibus/tui"
)

// withClient runs f with a client of the context in use, bounded by --timeout
// as a whole: for what needs an answer, not for transfers and follows.
func (e *Env) withClient(ctx context.Context, f func(context.Context, *client.Client) error) error {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	return e.withSession(ctx, f)
}

// bounded is ctx for something that must be answered within --timeout.
func (e *Env) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	settings, err := e.Settings()
	if err != nil {
		return context.WithCancel(ctx) // the error comes where the settings are needed
	}
	return context.WithTimeoutCause(ctx, settings.Timeout, errTimeout)
}

var errTimeout = bus.Errorf(bus.Timeout, "timeout", "no answer in time").WithHint("allow more with --timeout")

// stall bounds waiting without progress.
type stall struct {
	limit time.Duration
	timer *time.Timer
}

// stalling returns a context that ends with errTimeout once nothing moved for
// --timeout. The caller calls end.
func (e *Env) stalling(ctx context.Context) (watched context.Context, s *stall, end func(), err error) {
	settings, err := e.Settings()
	if err != nil {
		return nil, nil, nil, err
	}
	watched, cancel := context.WithCancelCause(ctx)
	s = &stall{limit: settings.Timeout, timer: time.AfterFunc(settings.Timeout, func() { cancel(errTimeout) })}
	return watched, s, func() {
		s.over()
		cancel(nil)
	}, nil
}

// moved says that there was progress.
func (s *stall) moved() {
	if s.timer.Stop() {
		s.timer.Reset(s.limit)
	}
}

// over says that from now on nothing is waited for.
func (s *stall) over() { s.timer.Stop() }

// withSession is withClient without a bound.
func (e *Env) withSession(ctx context.Context, f func(context.Context, *client.Client) error) error {
	c, err := e.openClient(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	err = f(ctx, c)
	for _, k := range c.NewKeys(context.WithoutCancel(ctx)) {
		e.noteNewKey(k)
	}
	e.remember(err)
	return err
}

// noteNewKey tells that somebody whom the person verified has another key.
func (e *Env) noteNewKey(k client.NewKey) {
	e.note(text.Line("you verified " + string(k.User) + ", who has another account key since " +
		k.Since.Local().Format(time.DateTime) + "; compare numbers again: unibus identity verify " + string(k.User)))
}

// remember keeps in the context in use whether the bus said that this identity
// was revoked, for `context list`. It is told, not proved: nothing is refused
// because of it, and the next answer can take it back.
func (e *Env) remember(err error) {
	revoked := errors.Is(err, bus.ErrRevoked)
	if settings, _ := e.Settings(); settings.IdentityFile != "" || err != nil && !revoked {
		return
	}
	if home, at, err := e.context(); err == nil && at.Revoked != revoked {
		at.Revoked = revoked
		_ = home.Save(at) // what the command was run for counts more
	}
}

// openClient makes the client of the context in use, or of the one file that
// UNIBUS_IDENTITY_FILE names.
func (e *Env) openClient(ctx context.Context) (*client.Client, error) {
	settings, err := e.Settings()
	if err != nil {
		return nil, err
	}
	if settings.IdentityFile != "" {
		return e.openExported(ctx, settings)
	}
	home, at, err := e.context()
	if err == nil {
		err = hasBus(at)
	}
	if err != nil {
		return nil, err
	}
	return e.clientOf(ctx, home, at)
}

// clientOf makes the client of a context.
func (e *Env) clientOf(ctx context.Context, home profile.Home, at profile.Context) (*client.Client, error) {
	keys, err := e.openIdentity(ctx, home.IdentityPath(at.Name))
	if err != nil {
		return nil, err
	}
	store, err := home.Open(ctx, at.Name, keys.id.ProfileKey)
	if err != nil {
		return nil, err
	}
	return newClient(e, keys.id, infoOf(at), store, keys.place())
}

// openExported needs no profile: parallel jobs may share the file, and none of
// them changes it, nor keeps what it reads.
func (e *Env) openExported(ctx context.Context, settings config.Client) (*client.Client, error) {
	keys, err := e.openIdentity(ctx, settings.IdentityFile)
	if err != nil {
		return nil, err
	}
	id := keys.id
	if id.Context == nil {
		return nil, bus.Errorf(bus.Invalid, "no_address", "the identity file does not say where its bus is").
			WithHint("write one with: unibus identity export --with-context -O FILE")
	}
	return e.exportedClient(ctx, id)
}

// exportedClient speaks for an identity that says where its bus is.
func (e *Env) exportedClient(ctx context.Context, id *identity.File) (*client.Client, error) {
	store, err := profile.Memory(ctx, id.ProfileKey)
	if err != nil {
		return nil, err
	}
	if err := putPins(ctx, store, id.Context.Seen); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return newClient(e, id, *id.Context, store, nil)
}

func putPins(ctx context.Context, store *profile.Store, seen *identity.Seen) error {
	if seen == nil {
		return nil
	}
	for h, p := range seen.Users {
		if err := store.PutPin(ctx, h, p); err != nil {
			return err
		}
	}
	return nil
}

func newClient(e *Env, id *identity.File, info identity.ContextInfo, store *profile.Store, keys client.Keys) (*client.Client, error) {
	warn := func(err error) { e.note(text.Line(err.Error())) }
	c, err := client.New(client.Options{Identity: id, Info: info, Store: store, Now: e.Now, Keys: keys, Warn: warn,
		Keep: keys != nil, Mentions: tui.Mentions})
	if err != nil {
		store.Close()
	}
	return c, err
}

func infoOf(at profile.Context) identity.ContextInfo {
	return identity.ContextInfo{Name: at.Name, URL: at.URL, NATS: at.NATS, CAPEM: at.CAPEM, Org: at.Org}
}

// home is the client's home.
func (e *Env) home() (profile.Home, error) {
	settings, err := e.Settings()
	if err != nil {
		return profile.Home{}, err
	}
	dirs, err := settings.NeedHome()
	if err != nil {
		return profile.Home{}, err
	}
	return profile.At(dirs.Data), nil
}

// context is the context that --context or `context use` names.
func (e *Env) context() (home profile.Home, at profile.Context, err error) {
	if home, err = e.home(); err != nil {
		return home, at, err
	}
	settings, err := e.Settings()
	if err != nil {
		return home, at, err
	}
	name := settings.Context
	if name == "" {
		if name, err = home.Current(); err != nil {
			return home, at, err
		}
	}
	at, err = home.Context(name)
	return home, at, err
}

// secret finds what opens an identity file: a passphrase in the file that
// UNIBUS_PASSPHRASE_FILE names, what `identity unlock` holds, or the answer of a
// person.
func (e *Env) secret(ctx context.Context, path string) func() (identity.Secret, error) {
	asked := false // then what is held has not opened it
	return func() (identity.Secret, error) {
		settings, err := e.Settings()
		if err != nil {
			return identity.Secret{}, err
		}
		if settings.PassphraseFile != "" {
			read, err := e.passphraseOf(settings.PassphraseFile)
			return identity.NewSecret(read, nil), err
		}
		if held, ok := e.unlocked(ctx, path); ok && !asked {
			return held, nil
		}
		asked = true
		typed, err := e.AskSecret(ctx, "Passphrase", "set UNIBUS_PASSPHRASE_FILE, or run: unibus identity unlock")
		return identity.NewSecret(typed, nil), err
	}
}

// passphraseOf reads the file that UNIBUS_PASSPHRASE_FILE names, and says so where
// others can read it too: who mounts secrets cannot always choose their modes.
func (e *Env) passphraseOf(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && !e.toldMode {
		e.toldMode = true
		e.note(text.Line("others can read " + path + ", which holds the passphrase of your keys: chmod 600 " + path))
	}
	return readPassphraseFile(path)
}

// readPassphraseFile reads a passphrase; the newline at its end is none of it.
func readPassphraseFile(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, bus.Errorf(bus.NotFound, "passphrase_file", "the passphrase file cannot be read").
			WithHint("check UNIBUS_PASSPHRASE_FILE").Because(err)
	}
	return bytes.TrimRight(raw, "\r\n"), nil
}

// shortWait bounds what a completion or an agent may take.
const shortWait = 300 * time.Millisecond
