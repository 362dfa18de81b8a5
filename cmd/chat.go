package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/text"
	"unibus/tui"
)

func newChatCmd(env *Env) *cobra.Command {
	plain := false
	cmd := &cobra.Command{
		Use:   "chat [ROOM|@USER]",
		Short: "Read and write in all your rooms, on one screen",
		Long: "Open a screen with your rooms, people and invitations; F1 in it lists every\n" +
			"key and command. What you write waits while the bus is away, also over a\n" +
			"restart, and is sent once.\n\n" +
			"With --plain, and on a terminal that can do no more, it speaks in lines that\n" +
			"are only ever added: for screen readers, slow links and pipes. Each line of\n" +
			"stdin is a message or a /command; /help lists them. What is asked is for people:\n" +
			"an answer counts once the question could be read, so a pipe gives none.\n\n" +
			"It needs a bus: take up an invite with 'unibus join LINK', or run one of your\n" +
			"own with 'unibus serve'.",
		Example:           "  unibus chat\n  unibus chat ops\n  unibus chat @bob --plain",
		Args:              takes(0, 1),
		Annotations:       map[string]string{prints: printsNothing},
		ValidArgsFunction: inOrder(completeRooms(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			place := ""
			if len(args) == 1 {
				place = args[0]
			}
			return runChat(cmd.Context(), env, place, plain)
		},
	}
	cmd.Flags().BoolVar(&plain, "plain", false, "speak in lines instead of a screen")
	return cmd
}

func runChat(ctx context.Context, env *Env, place string, plain bool) error {
	t := env.LoadTerminal()
	plain = plain || t.Dumb
	if !plain && !(env.StdinTTY && env.StdoutTTY) {
		return bus.Errorf(bus.Invalid, "no_terminal", "chat: the screen needs a terminal").WithHint("speak in lines instead: --plain")
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	err := env.withSession(ctx, func(ctx context.Context, c *client.Client) error {
		return chatWith(ctx, env, c, t, place, plain)
	})
	var fault *bus.Error
	if errors.As(err, &fault) && fault.Code == "no_context" {
		return fault.WithHint("take up an invite: unibus join LINK, or run a bus of your own: unibus serve")
	}
	return err
}

// chatWith shows the chat until the person leaves it.
func chatWith(ctx context.Context, env *Env, c *client.Client, t config.Terminal, place string, plain bool) error {
	room, err := env.chatRoom(ctx, c, place)
	if err != nil {
		return err
	}
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	s := newChat(ctx, env, c, settings.Timeout, room)
	folder, err := os.Getwd()
	if err != nil {
		folder = t.Home
	}
	o := tui.Options{Session: s, Now: env.Now, Mono: t.Mono, Room: room, Mouse: true, Editor: t.Editor, Home: folder, Tilde: t.Home, Temp: t.Temp}
	screen := tui.Terminal{In: env.Stdin, Out: env.Stdout, Env: t.Env}
	if plain {
		screen.Width = env.Width()
		err = tui.RunPlain(ctx, screen, o)
	} else {
		screen.Out = fileOf(env.Stdout)
		err = tui.Run(ctx, screen, o)
	}
	ended := s.close()
	if n := s.unsent(false); n > 0 {
		env.note(text.Safe(waitWords(n)))
	}
	return errors.Join(err, ended, context.Cause(ctx))
}

// waitWords says that messages were not sent yet.
func waitWords(n int) string {
	if n == 1 {
		return "1 message waits; it is sent when the chat runs again"
	}
	return fmt.Sprintf("%d messages wait; they are sent when the chat runs again", n)
}

// chatRoom finds the room to begin with, zero where none is named; that of two is
// made where there is none.
func (e *Env) chatRoom(ctx context.Context, c *client.Client, place string) (id bus.RoomID, err error) {
	if place == "" {
		return id, nil
	}
	if id, err := c.FindRoomHere(ctx, place); err == nil { // also while the bus is away
		return id, nil
	}
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	if err := e.openDirect(ctx, c, place); err != nil {
		return id, err
	}
	return c.FindRoom(ctx, place)
}
