package cmd

import (
	"github.com/spf13/cobra"

	"unibus/internal/client"
	"unibus/internal/text"
)

// findingShown is one check of the node's story.
type findingShown struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func newRoomVerifyCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify ROOM",
		Short: "Check the node's whole story of a room",
		Long: "Check the node's whole story of a room: who is in it, its keys, its messages.\n\n" +
			"Everything is asked for again from the beginning, and held against what this\n" +
			"endpoint has verified before. Exit code 8 when it does not hold.",
		Example:           "  unibus room verify ops",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsList},
		ValidArgsFunction: completeRooms(env),
		RunE:              showsRoom(env, (*client.Client).VerifyRoom, printFindings),
	}
}

// printFindings lists what was checked, and fails with the first that does not
// hold.
func printFindings(env *Env, findings []client.Finding) error {
	shown := make([]findingShown, len(findings))
	var broken error
	for i, f := range findings {
		shown[i] = findingShown{f.Check, f.OK, f.Detail}
		if f.Err != nil && broken == nil {
			broken = f.Err
		}
	}
	err := printList(env, "finding", shown,
		column[findingShown]{"check", func(f findingShown) text.Safe { return text.Safe(f.Check) }},
		column[findingShown]{"ok", func(f findingShown) text.Safe { return yesNo(f.OK) }},
		column[findingShown]{"detail", func(f findingShown) text.Safe { return text.Line(f.Detail) }})
	if err != nil {
		return err
	}
	return broken
}
