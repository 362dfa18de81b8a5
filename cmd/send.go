package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/seal"
	"unibus/internal/text"
)

type sendOptions struct {
	room, text string
	fromStdin  bool
	lines      bool
	file       string
	id         string
	replyTo    string
}

func newSendCmd(env *Env) *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send ROOM|@USER [TEXT|-]",
		Short: "Send a message, a file, or every line of stdin",
		Long: "Send a message, a file, or every line of stdin, and print the id of each\n" +
			"message once the node has it on disk.\n\n" +
			"With -, or without TEXT when stdin is a pipe, the whole of stdin is one message.\n" +
			"With --lines each line of stdin is one; empty lines are left out. @USER opens\n" +
			"the room of you two, or makes it.",
		Example: "  unibus send ops \"deploy done\"\n  make 2>&1 | unibus send ops --lines\n" +
			"  unibus send @bob --file report.pdf",
		Args:              takes(1, 2),
		Annotations:       map[string]string{prints: printsStream, dryRun: "yes"},
		ValidArgsFunction: inOrder(completeRooms(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.room = args[0]
			if len(args) == 2 {
				o.text = args[1]
			}
			o.fromStdin = !o.lines && o.file == "" && (len(args) == 1 || args[1] == "-")
			if err := o.check(cmd, env, len(args) == 2); err != nil {
				return err
			}
			return runSend(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.lines, "lines", false, "send each line of stdin as a message of its own")
	f.StringVar(&o.file, "file", "", "store this `FILE` and post it")
	f.StringVar(&o.id, "id", "", "a name for this message: sent again under it, it is shown once")
	f.StringVar(&o.replyTo, "reply-to", "", "the id of the message that this one answers")
	return cmd
}

func (o sendOptions) check(cmd *cobra.Command, env *Env, hasText bool) error {
	switch {
	case o.lines && hasText && o.text != "-", o.file != "" && hasText, o.lines && o.file != "":
		return usagef(cmd, "one of TEXT, --lines and --file")
	case o.lines && (o.id != "" || o.replyTo != ""), o.file != "" && (o.id != "" || o.replyTo != ""):
		return usagef(cmd, "--id and --reply-to go with a single text")
	case o.fromStdin && !hasText && env.StdinTTY:
		return usagef(cmd, "nothing to send: stdin is a terminal")
	case hasText && !o.fromStdin && o.text == "":
		return usagef(cmd, "the message is empty")
	}
	return nil
}

func runSend(ctx context.Context, env *Env, o sendOptions) error {
	switch {
	case o.lines:
		return env.sendTo(ctx, o, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
			return sendLines(ctx, env, c, id)
		})
	case o.file != "":
		return sendFile(ctx, env, o)
	}
	if o.fromStdin {
		body, err := until(ctx, func() (string, error) { return readMessage(env.Stdin) })
		if err != nil {
			return err
		}
		o.text = body
	}
	switch {
	case o.text == "":
		return bus.Errorf(bus.Invalid, "usage", "send: the message is empty").WithHint("give a text, - for stdin, or --file")
	case len(o.text) > maxText:
		return errLong
	}
	ctx, cancel := env.bounded(ctx)
	defer cancel()
	return env.sendTo(ctx, o, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		return sendText(ctx, env, c, id, o)
	})
}

// sendTo opens the room that ROOM or @USER names and hands it to f, which may
// take as long as it goes on.
func (e *Env) sendTo(ctx context.Context, o sendOptions, f func(context.Context, *client.Client, bus.RoomID) error) error {
	return e.withSession(ctx, func(ctx context.Context, c *client.Client) error {
		if e.DryRun {
			return e.drySend(ctx, c, o)
		}
		if err := e.openDirect(ctx, c, o.room); err != nil {
			return err
		}
		return inRoom(ctx, c, o.room, func(id bus.RoomID) error { return f(ctx, c, id) })
	})
}

// openDirect makes the room of two that @USER names, where there is none.
func (e *Env) openDirect(ctx context.Context, c *client.Client, name string) error {
	if !strings.HasPrefix(name, "@") {
		return nil
	}
	user, err := bus.ParseHandle(name)
	if err != nil {
		return err
	}
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	_, err = c.DirectRoom(ctx, user)
	return err
}

func (e *Env) drySend(ctx context.Context, c *client.Client, o sendOptions) error {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	if _, err := c.FindRoom(ctx, o.room); err != nil && !strings.HasPrefix(o.room, "@") {
		return err
	}
	what := fmt.Sprintf("a message of %s", plural(len(o.text), "byte"))
	switch {
	case o.lines:
		what = "each line of stdin"
	case o.file != "":
		what = "the file " + o.file
	}
	e.note(text.Line("would send " + what + " to " + o.room))
	return nil
}

// maxText is the longest text that fits one frame.
const maxText = bus.MaxRecords - 4096

// readMessage reads one message; a newline at its end is none of it.
func readMessage(in io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxText+2))
	if err != nil {
		return "", err
	}
	body := strings.TrimSuffix(string(raw), "\n")
	if len(body) > maxText {
		return "", errLong
	}
	return body, nil
}

var errLong = bus.Errorf(bus.TooLarge, "too_large", "a message holds at most %d KiB", maxText>>10).
	WithHint("send it as a file: --file, or blob put")

func sendText(ctx context.Context, env *Env, c *client.Client, id bus.RoomID, o sendOptions) (err error) {
	record := seal.Record{Kind: seal.KindText, ID: client.NewRecordID(o.id), Body: []byte(o.text)}
	if o.replyTo != "" {
		if record.Ref, err = c.Resolve(ctx, id, o.replyTo); err != nil {
			return err
		}
		record.Kind = seal.KindReply
	}
	ack, err := c.SendOne(ctx, id, record)
	if err != nil {
		return err
	}
	return printSent(env, ack)
}

// sendFile opens the file before anything is asked of the bus.
func sendFile(ctx context.Context, env *Env, o sendOptions) error {
	src, done, err := env.source(o.file)
	if err != nil {
		return err
	}
	defer done()
	return env.sendTo(ctx, o, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		var ack client.Ack
		err := env.transfer(ctx, func(ctx context.Context, bar *progress) (err error) {
			bar.ofSource(src)
			ack, err = c.SendFile(ctx, id, src)
			return err
		})
		if err != nil {
			return err
		}
		return printSent(env, ack)
	})
}

// sentShown is a message that the node has stored.
type sentShown struct {
	ID  string `json:"id"`
	Seq uint64 `json:"seq"`
}

func printSent(env *Env, a client.Ack) error {
	id := messageID(a.Seq, a.Number, a.Of)
	return printEvent(env, "sent", sentShown{ID: id, Seq: a.Seq}, text.Safe(id), text.Safe(id))
}

// messageID is <seq>, or <seq>.<n> for one of several in a frame.
func messageID(seq uint64, number, of int) string {
	id := strconv.FormatUint(seq, 10)
	if of > 1 {
		id += "." + strconv.Itoa(number)
	}
	return id
}
