package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
)

type exportOptions struct {
	file        string
	withContext bool
	plain       bool
}

func newIdentityExportCmd(env *Env) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export -O FILE",
		Short: "Write your keys to one file, for another place or for a job",
		Long: "Write your keys to one file.\n\n" +
			"With --with-context it is for UNIBUS_IDENTITY_FILE: it says where the bus is and\n" +
			"how to know it, needs nothing else on disk, and many jobs may share it. It\n" +
			"cannot found, recover or rotate: the seed of the 24 words and the keys of the\n" +
			"bus itself stay here. It opens new room keys for 60 days; export again before.\n" +
			"Without --with-context the file is a full copy to keep, with the seed of the\n" +
			"words and the keys of the bus. It is no second device: two that share their keys\n" +
			"would be in each other's way. What comes back from it are the words, for\n" +
			"'unibus identity recover' and 'unibus identity words --org --restore -':\n\n" +
			"  UNIBUS_IDENTITY_FILE=copy.identity unibus identity words",
		Example: "  unibus identity export --with-context --plain -O job.identity\n" +
			"  unibus identity export -O copy.identity",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.file == "" || o.file == "-" {
				return usagef(cmd, "name the file: keys are not written to stdout")
			}
			return runIdentityExport(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVarP(&o.file, "output-file", "O", "", "the new `FILE`, of mode 0600")
	cmd.Flags().BoolVar(&o.withContext, "with-context", false, "add where the bus is, and leave out what a job must not have")
	cmd.Flags().BoolVar(&o.plain, "plain", false, "write it without a passphrase, whatever the keys have here")
	return cmd
}

func runIdentityExport(ctx context.Context, env *Env, o exportOptions) error {
	if err := freeFile(o.file); err != nil {
		return err
	}
	home, at, err := env.context()
	if err != nil {
		return err
	}
	keys, err := env.openIdentity(ctx, home.IdentityPath(at.Name))
	if err != nil {
		return err
	}
	if o.withContext {
		if err := hasBus(at); err != nil {
			return err
		}
		if err := keys.share(); err != nil {
			return err
		}
	}
	copied := *keys.id
	if o.withContext {
		info := infoOf(at)
		if info.Seen, err = seenBy(ctx, home, at.Name, keys.id); err != nil {
			return err
		}
		copied.Context, copied.Seed, copied.Next, copied.Org, copied.NextOrg, copied.CA = &info, nil, nil, nil, nil, nil
	}
	passphrase := keys.passphrase()
	if o.plain {
		passphrase = nil
	}
	if err := identity.Save(o.file, &copied, passphrase); err != nil {
		return notWritten(o.file, err)
	}
	line := "keys of " + at.Name + " written to " + o.file
	if passphrase == nil {
		line += ", without a passphrase: whoever reads it is you"
	}
	return printChange(env, "change", "", changed{Name: at.Name, Changed: true}, text.Line(line))
}

// freeFile keeps keys from being written over anything.
func freeFile(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return bus.Errorf(bus.Conflict, "file_exists", "%s exists already", text.Line(path)).WithHint("choose another name")
	}
	return nil
}

// notWritten says that a file of the person's own was not written.
func notWritten(path string, err error) error {
	var why *fs.PathError
	if !errors.As(err, &why) {
		return err
	}
	kind := bus.Failed
	if errors.Is(err, fs.ErrNotExist) {
		kind = bus.NotFound
	}
	return bus.Errorf(kind, "not_written", "%s cannot be written: %s", text.Line(path), fileCause(err)).
		WithHint("name a file in a folder of your own").Because(err)
}

// seenBy is what the profile of a context holds its node to.
func seenBy(ctx context.Context, home profile.Home, name string, id *identity.File) (*identity.Seen, error) {
	store, err := home.Open(ctx, name, id.ProfileKey)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	return store.Seen(ctx, id.Bus)
}
