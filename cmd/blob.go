package cmd

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/seal"
	"unibus/internal/text"
)

func newBlobCmd(env *Env) *cobra.Command {
	return newGroup("blob", "Store files, sealed, and fetch them",
		"  unibus blob put report.pdf --room ops\n  unibus blob get \"$REF\"",
		newBlobPutCmd(env), newBlobGetCmd(env), newBlobStatCmd(env), newBlobLsCmd(env), newBlobRmCmd(env))
}

// blobShown is a blob in listings. Size is that of all its stored bytes.
type blobShown struct {
	ID       bus.Hash  `json:"id"`
	Size     int64     `json:"size"`
	Pieces   int       `json:"pieces"`
	Uploader string    `json:"uploader"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

func newBlobLsCmd(env *Env) *cobra.Command {
	room := ""
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the blobs of a room, or of the bus",
		Long: "List the blobs of a room, or those of the bus that belong to no room, the newest\n" +
			"first. The node knows neither their names nor their keys: the reference that\n" +
			"'unibus blob put' printed opens them.",
		Example:     "  unibus blob ls --room ops\n  unibus blob ls -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runBlobLs(ctx, env, c, room)
			})
		},
	}
	addRoomFlag(env, cmd, &room, "the `ROOM` whose blobs are listed")
	return cmd
}

// addRoomFlag declares --room of a command on blobs.
func addRoomFlag(env *Env, cmd *cobra.Command, room *string, help string) {
	cmd.Flags().StringVar(room, "room", "", help)
	_ = cmd.RegisterFlagCompletionFunc("room", completeRooms(env)) // fails only without the flag
}

// scope is the room that a blob belongs to; the zero room is the whole bus.
func scope(ctx context.Context, env *Env, c *client.Client, room string) (bus.RoomID, error) {
	if room == "" {
		return bus.RoomID{}, nil
	}
	ctx, cancel := env.bounded(ctx)
	defer cancel()
	return c.FindRoom(ctx, room)
}

func runBlobLs(ctx context.Context, env *Env, c *client.Client, room string) error {
	id, err := scope(ctx, env, c, room)
	if err != nil {
		return err
	}
	shown := []blobShown{}
	for b, err := range c.Blobs().List(ctx, id) {
		if err != nil {
			return err
		}
		shown = append(shown, blobShown{ID: b.ID, Size: b.Size, Pieces: b.Pieces, Uploader: string(b.Uploader),
			Created: b.Created.UTC(), Expires: b.Expires.UTC()})
	}
	return printList(env, "blob", shown,
		column[blobShown]{"id", func(b blobShown) text.Safe { return text.Safe(b.ID.String()) }},
		column[blobShown]{"size", func(b blobShown) text.Safe { return bytesOf(b.Size) }},
		column[blobShown]{"pieces", func(b blobShown) text.Safe { return text.Safe(strconv.Itoa(b.Pieces)) }},
		column[blobShown]{"uploader", func(b blobShown) text.Safe { return text.Line(b.Uploader) }},
		column[blobShown]{"created", func(b blobShown) text.Safe { return text.Safe(b.Created.Format(time.RFC3339)) }},
		column[blobShown]{"expires", func(b blobShown) text.Safe { return text.Safe(b.Expires.Format(time.RFC3339)) }})
}

// bytesOf is a size as a person reads it.
func bytesOf(n int64) text.Safe {
	if n < 0 {
		return "unknown"
	}
	return text.Safe(humanize.IBytes(uint64(n)))
}

// factsShown is one blob, opened as far as its beginning.
type factsShown struct {
	blobShown
	Name string `json:"name"`
	Data int64  `json:"data"` // bytes of the file; -1: not known before its end
	Room string `json:"room"` // id; "" the whole bus
}

func newBlobStatCmd(env *Env) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:         "stat REF|-",
		Short:       "Print what a blob is, without fetching all of it",
		Example:     "  unibus blob stat \"$REF\"",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsOne},
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := env.blobRef(cmd, args, file)
			if err != nil {
				return err
			}
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				facts, err := c.Blobs().Stat(ctx, ref)
				if err != nil {
					return err
				}
				return printFacts(env, facts)
			})
		},
	}
	addRefFlag(cmd, &file)
	return cmd
}

func printFacts(env *Env, f transfer.Facts) error {
	shown := factsShown{Name: f.File.Name, Data: f.File.Size, blobShown: blobShown{ID: f.ID, Size: f.Size, Pieces: f.Pieces,
		Uploader: string(f.Uploader), Created: f.Created.UTC(), Expires: f.Expires.UTC()}}
	if shown.Data == seal.SizeUnknown {
		shown.Data = -1
	}
	if f.Room != (bus.RoomID{}) {
		shown.Room = f.Room.String()
	}
	return printOne(env, "blob", shown,
		column[factsShown]{"id", func(f factsShown) text.Safe { return text.Safe(f.ID.String()) }},
		column[factsShown]{"name", func(f factsShown) text.Safe { return text.Line(f.Name) }},
		column[factsShown]{"data", func(f factsShown) text.Safe { return bytesOf(f.Data) }},
		column[factsShown]{"size", func(f factsShown) text.Safe { return bytesOf(f.Size) }},
		column[factsShown]{"pieces", func(f factsShown) text.Safe { return text.Safe(strconv.Itoa(f.Pieces)) }},
		column[factsShown]{"room", func(f factsShown) text.Safe { return text.Safe(f.Room) }},
		column[factsShown]{"uploader", func(f factsShown) text.Safe { return text.Line(f.Uploader) }},
		column[factsShown]{"created", func(f factsShown) text.Safe { return text.Safe(f.Created.Format(time.RFC3339)) }},
		column[factsShown]{"expires", func(f factsShown) text.Safe { return text.Safe(f.Expires.Format(time.RFC3339)) }})
}

// addRefFlag declares --ref-file: other users of the machine see arguments.
func addRefFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "ref-file", "", "read the reference from this `FILE`")
}

// refWord is the one reference of a command: its argument, stdin or a file.
func (e *Env) refWord(cmd *cobra.Command, args []string, file string) (string, error) {
	switch {
	case (len(args) == 1) == (file != ""):
		return "", usagef(cmd, "name one reference, or --ref-file")
	case file != "":
		return readWordFile(file)
	}
	return e.Word(cmd.Context(), args[0])
}

func (e *Env) blobRef(cmd *cobra.Command, args []string, file string) (ref blob.Ref, err error) {
	word, err := e.refWord(cmd, args, file)
	if err != nil {
		return ref, err
	}
	return blob.ParseRef(word)
}

func newBlobRmCmd(env *Env) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:         "rm REF|ID|-",
		Short:       "Delete a blob that you put, as an admin any",
		Example:     "  unibus blob rm \"$REF\"",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			word, err := env.refWord(cmd, args, file)
			if err != nil {
				return err
			}
			id, err := blobID(word)
			if err != nil {
				return err
			}
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.Blobs().Remove(ctx, id); err != nil {
					return err
				}
				return printChange(env, "change", "", changed{ID: id.String(), Changed: true}, "the blob is deleted")
			})
		},
	}
	addRefFlag(cmd, &file)
	return cmd
}

// blobID reads a reference, the part of one before its key, or an id.
func blobID(word string) (bus.Hash, error) {
	if ref, err := blob.ParseRef(word); err == nil {
		return ref.ID(), nil
	}
	for _, prefix := range []string{"blobm:", "blob:"} {
		word = strings.TrimPrefix(word, prefix)
	}
	id, err := bus.ParseHash(word)
	if err != nil {
		return id, blob.ErrRef
	}
	return id, nil
}
