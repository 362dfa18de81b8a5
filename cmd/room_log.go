package cmd

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// entryShown is one entry of a room log.
type entryShown struct {
	Index   uint32    `json:"index"`
	Time    time.Time `json:"time"`
	Op      string    `json:"op"`
	By      string    `json:"by"`
	Epoch   bus.Epoch `json:"epoch"`
	Added   []string  `json:"added"`
	Removed []string  `json:"removed"`
	Invited []string  `json:"invited"`
	Earlier []string  `json:"earlier"` // who may read what is kept from before since then
	Hash    bus.Hash  `json:"hash"`

	BadKeyBy bus.Handle `json:"bad_key_by,omitempty"` // whose key did not open, as By says
}

func newRoomLogCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "log ROOM",
		Short: "Show the verified history of who was in a room",
		Long: "Show the verified history of who was in a room: each entry is signed by who made\n" +
			"it, and checked here. In the last column + was added, - removed, ? invited; ^\n" +
			"has an endpoint since then that may read what is kept from before; the room key\n" +
			"of ! did not open, as the author of the entry says.",
		Example:           "  unibus room log ops",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsList},
		ValidArgsFunction: completeRooms(env),
		RunE:              showsRoom(env, (*client.Client).Log, printRoomLog),
	}
}

func printRoomLog(env *Env, entries []client.LogEntry) error {
	shown := make([]entryShown, len(entries))
	for i, e := range entries {
		shown[i] = shownEntry(e)
	}
	return printList(env, "entry", shown,
		column[entryShown]{"index", func(e entryShown) text.Safe { return text.Safe(strconv.FormatUint(uint64(e.Index), 10)) }},
		column[entryShown]{"time", func(e entryShown) text.Safe { return text.Safe(e.Time.Format(time.RFC3339)) }},
		column[entryShown]{"op", func(e entryShown) text.Safe { return text.Safe(e.Op) }},
		column[entryShown]{"by", func(e entryShown) text.Safe { return text.Line(e.By) }},
		column[entryShown]{"epoch", func(e entryShown) text.Safe { return text.Safe(strconv.FormatUint(uint64(e.Epoch), 10)) }},
		column[entryShown]{"who", entryShown.who})
}

func shownEntry(e client.LogEntry) entryShown {
	return entryShown{Index: e.Index, Time: e.Time.UTC(), Op: e.Op, By: string(e.By),
		Epoch: e.Epoch, Added: names(e.Added), Removed: names(e.Removed), Invited: names(e.Invited), Earlier: names(e.Heirs),
		Hash: e.Hash, BadKeyBy: e.BadKeyBy}
}

func (e entryShown) who() text.Safe {
	var words []string
	if e.BadKeyBy != "" {
		words = append(words, "!"+string(e.BadKeyBy))
	}
	for _, part := range []struct {
		sign  string
		names []string
	}{{"+", e.Added}, {"-", e.Removed}, {"?", e.Invited}, {"^", e.Earlier}} {
		for _, n := range part.names {
			words = append(words, part.sign+n)
		}
	}
	return text.Line(strings.Join(words, " "))
}

func names(in []bus.Handle) []string {
	out := make([]string, len(in))
	for i, h := range in {
		out[i] = string(h)
	}
	return out
}
