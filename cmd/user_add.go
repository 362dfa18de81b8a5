package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

type userAddOptions struct {
	key  string
	csv  string
	room string
}

// addedShown is a key that was let in.
type addedShown struct {
	Name        string `json:"name"`
	Link        string `json:"link"`
	Fingerprint string `json:"fingerprint"`
	Changed     bool   `json:"changed"`
}

func newUserAddCmd(env *Env) *cobra.Command {
	var o userAddOptions
	cmd := &cobra.Command{
		Use:   "add [NAME]",
		Short: "Let in somebody who made keys already, and print the link",
		Long: "Let in somebody who made keys already: take the line that 'unibus identity\n" +
			"new' printed for them, and print the link of the bus, which holds no secret.\n\n" +
			"With --from-csv every line is name,role,key. A line without a key makes an\n" +
			"invite; with --room all invited are guests of that room.",
		Example: "  unibus user add bob --key bob.key\n" +
			"  unibus user add --from-csv people.csv --room ops -o tsv",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.csv != "" && (len(args) > 0 || o.key != ""):
				return usagef(cmd, "--from-csv brings the names and the keys")
			case o.csv != "":
				return runUserAddCSV(cmd.Context(), env, o)
			case len(args) == 0 || o.key == "":
				return usagef(cmd, "name the user and --key, or --from-csv")
			case o.room != "":
				return usagef(cmd, "--room is for --from-csv: who brings a key is added to rooms after joining")
			}
			return runUserAdd(cmd.Context(), env, args[0], o.key)
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "read the line of 'unibus identity new' from this `FILE`, - for stdin")
	cmd.Flags().StringVar(&o.csv, "from-csv", "", "read name,role,key lines from this `FILE`, - for stdin")
	cmd.Flags().StringVar(&o.room, "room", "", "with --from-csv: the `ROOM` that the invited are let into")
	return cmd
}

func runUserAdd(ctx context.Context, env *Env, name, key string) error {
	line, err := env.keyLine(ctx, key)
	if err != nil {
		return err
	}
	return onUser(ctx, env, name, func(ctx context.Context, c *client.Client, h bus.Handle) error {
		link, did, err := c.AddUser(ctx, h, line)
		if err != nil {
			return err
		}
		shown := addedShown{Name: string(h), Link: link.String(), Fingerprint: identity.Fingerprint(line.Account), Changed: did}
		said := "compare the fingerprint " + shown.Fingerprint + " with " + string(h) + ", who may join with this link"
		if !did {
			said = string(h) + " was added before"
		}
		return env.printLink("user", link, shown, said)
	})
}

// keyLine reads the line of a key: itself, or the file it stands in.
func (e *Env) keyLine(ctx context.Context, arg string) (key identity.KeyLine, err error) {
	line := arg
	switch {
	case arg == "-":
		line, err = e.Word(ctx, arg)
	case !strings.HasPrefix(arg, "unibus-key:"):
		line, err = readWordFile(arg)
	}
	if err != nil {
		return key, err
	}
	return identity.ParseKeyLine(line)
}

// readWordFile reads a file that holds one line.
func readWordFile(path string) (string, error) {
	raw, err := readOwnFile(path)
	if err != nil {
		return "", err
	}
	word := string(bytes.TrimSpace(raw))
	if word == "" || len(raw) > maxWord || strings.ContainsAny(word, "\r\n") {
		return "", bus.Errorf(bus.Invalid, "bad_file", "%s must hold exactly one line", text.Line(path))
	}
	return word, nil
}

// readOwnFile reads a file that a person named, of which more than maxWord bytes
// are too many: one byte more is read, to tell.
func readOwnFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, noFile(path, err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxWord+1))
	if err != nil {
		return nil, noFile(path, err)
	}
	return raw, nil
}

// noFile says that a file of the person's own cannot be used.
func noFile(path string, err error) error {
	kind := bus.Failed
	if errors.Is(err, fs.ErrNotExist) {
		kind = bus.NotFound
	}
	return bus.Errorf(kind, "no_file", "%s cannot be read: %s", text.Line(path), fileCause(err)).Because(err)
}

// fileCause is what the file system says, without the name it says it of.
func fileCause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
