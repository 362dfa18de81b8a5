package cmd

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// gotShown is a file that was just written.
type gotShown struct {
	File string `json:"file"`
	Name string `json:"name"` // as it was stored
	Size int64  `json:"size"`
}

func newBlobGetCmd(env *Env) *cobra.Command {
	out, refFile := "", ""
	cmd := &cobra.Command{
		Use:   "get REF|-",
		Short: "Fetch a blob, check it, and write it to a file",
		Long: "Fetch a blob, check it, and write it to a file: the one of -O, which is\n" +
			"replaced, or a new one in this folder with the name that the blob was stored\n" +
			"under. Until all of it was checked the file is called FILE.part.\n\n" +
			"With -O - it goes to stdout, piece by piece as it is checked: it is whole only\n" +
			"when the exit code is 0.",
		Example:     "  unibus blob get \"$REF\"\n  unibus blob get \"$REF\" -O - | tar tz",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := env.blobRef(cmd, args, refFile)
			if err != nil {
				return err
			}
			return env.withSession(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runBlobGet(ctx, env, c, ref, out)
			})
		},
	}
	cmd.Flags().StringVarP(&out, "output-file", "O", "", "write to this `FILE`, - for stdout")
	addRefFlag(cmd, &refFile)
	return cmd
}

func runBlobGet(ctx context.Context, env *Env, c *client.Client, ref blob.Ref, out string) error {
	var got gotShown
	err := env.transfer(ctx, func(ctx context.Context, bar *progress) error {
		d, err := c.Blobs().Get(ctx, ref)
		if err != nil {
			return err
		}
		defer d.Close()
		bar.of(d.Stored)
		if out == "-" {
			return env.toStdout(d.Data)
		}
		file, err := fileFor(out, d.Name)
		if err != nil {
			return err
		}
		got = gotShown{File: file.path, Name: d.Name}
		got.Size, err = file.write(d.Data)
		return err
	})
	if err != nil || out == "-" {
		return err
	}
	return printChange(env, "file", text.Line(got.File), got, text.Line("written "+got.File+", "+string(bytesOf(got.Size))))
}

// fileFor is where a blob is written: where the person said, or under its own
// name in this folder, where nothing may be yet.
func fileFor(out, name string) (download, error) {
	if out != "" {
		return download{path: out, replace: true}, nil
	}
	clean := string(text.Line(name))
	if clean != name || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") ||
		filepath.Base(name) != name || !filepath.IsLocal(name) {
		return download{}, bus.Errorf(bus.Invalid, "no_name", "the blob has no usable file name").
			WithHint("name the file with -O")
	}
	return download{path: name}, nil
}

// toStdout writes data out as they are verified. A terminal gets text alone.
func (e *Env) toStdout(data io.Reader) error {
	var to io.Writer = e.Stdout
	if e.StdoutTTY {
		to = &screen{to: e.Stdout}
	}
	_, err := io.Copy(to, data)
	return err
}
