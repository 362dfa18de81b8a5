package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/seal"
	"unibus/internal/text"
)

type blobPutOptions struct {
	file string
	room string
	name string
}

// putShown is a blob that was just stored.
type putShown struct {
	ID   bus.Hash `json:"id"`
	Ref  string   `json:"ref"`
	Name string   `json:"name"`
}

func newBlobPutCmd(env *Env) *cobra.Command {
	var o blobPutOptions
	cmd := &cobra.Command{
		Use:   "put FILE|-",
		Short: "Store a file, sealed, and print the reference that opens it",
		Long: "Store a file, sealed, and print the reference that opens it. Whoever has the\n" +
			"reference can read the blob: members of the room, or without --room all of the\n" +
			"bus. It is kept as long as the room keeps messages.\n\n" +
			"An upload of a FILE that is interrupted goes on when it is repeated; one of a\n" +
			"pipe begins anew. To post a file in a room, use 'unibus send --file'.",
		Example: "  unibus blob put report.pdf --room ops\n" +
			"  tar cz docs | unibus blob put - --room ops --name docs.tgz",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			return env.withSession(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runBlobPut(ctx, env, c, o)
			})
		},
	}
	addRoomFlag(env, cmd, &o.room, "the `ROOM` whose members may read it")
	cmd.Flags().StringVar(&o.name, "name", "", "what the file is called, sealed inside; FILE's own unless you say")
	return cmd
}

func runBlobPut(ctx context.Context, env *Env, c *client.Client, o blobPutOptions) error {
	room, err := scope(ctx, env, c, o.room)
	if err != nil {
		return err
	}
	src, done, err := env.source(o.file)
	if err != nil {
		return err
	}
	defer done()
	if o.name != "" {
		src.Name = o.name
	}
	var ref blob.Ref
	err = env.transfer(ctx, func(ctx context.Context, bar *progress) (err error) {
		bar.ofSource(src)
		ref, err = c.Blobs().Put(ctx, room, src)
		return err
	})
	if err != nil {
		return err
	}
	return printChange(env, "blob", text.Safe(ref.Text()), putShown{ID: ref.ID(), Ref: ref.Text(), Name: src.Name},
		"stored; the reference opens it: give it only to who may read it")
}

// source opens what is to be stored.
func (e *Env) source(path string) (src transfer.Source, done func(), err error) {
	if path == "-" {
		return transfer.Source{Data: e.Stdin, Size: seal.SizeUnknown}, func() {}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return src, nil, noFile(path, err)
	}
	done = func() { _ = file.Close() }
	info, err := file.Stat()
	switch {
	case err != nil:
		err = noFile(path, err)
	case info.IsDir():
		err = bus.Errorf(bus.Invalid, "is_folder", "%s is a folder", text.Line(path)).
			WithHint("pack it: tar c FOLDER | unibus blob put - --name FOLDER.tar")
	}
	if err != nil {
		done()
		return src, nil, err
	}
	src = transfer.Source{Data: file, Name: filepath.Base(path), Size: seal.SizeUnknown}
	if info.Mode().IsRegular() {
		src.Size, src.Mark = info.Size(), mark(path, info)
	}
	return src, done, nil
}

// mark tells a file from what it was before.
func mark(path string, info os.FileInfo) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return fmt.Sprintf("%s\x00%d\x00%d", path, info.Size(), info.ModTime().UnixNano())
}
