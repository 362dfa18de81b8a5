package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/config"
	"unibus/tui"
)

// newReferenceCmd writes docs/reference; it is for who builds unibus.
func newReferenceCmd() *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:         "reference -O DIR",
		Short:       "Write the reference of all commands as pages of Markdown",
		Example:     "  unibus reference -O docs/reference",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsNothing},
		Hidden:      true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef(cmd, "name a directory with -O")
			}
			return writeReference(cmd.Root(), dir)
		},
	}
	cmd.Flags().StringVarP(&dir, "output-dir", "O", "", "write the pages into this `DIR`")
	return cmd
}

// writeReference writes the pages into dir, and removes pages of what is gone.
func writeReference(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write reference: %w", err)
	}
	pages := referencePages(root)
	there, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return fmt.Errorf("write reference: %w", err)
	}
	for _, path := range there {
		if _, ours := pages[filepath.Base(path)]; !ours {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("write reference: %w", err)
			}
		}
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return fmt.Errorf("write reference: %w", err)
		}
	}
	return nil
}

// referencePages are the pages by their file names: the front, one for each
// command and one for each topic.
func referencePages(root *cobra.Command) map[string][]byte {
	root.InitDefaultHelpCmd() // else it is there only once a command ran
	pages := map[string][]byte{
		"README.md":      frontPage(root),
		"exit-codes.md":  exitCodePage(),
		"faults.md":      faultPage(),
		"environment.md": variablePage(),
		"json.md":        shapePage(),
		"words.md":       wordPage(),
		"chat-keys.md":   chatPage(),
	}
	for _, c := range referenced(root) {
		pages[pageName(c)] = commandPage(c)
	}
	return pages
}

// referenced are all commands under c that a person is shown, parents first.
func referenced(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Hidden {
			continue
		}
		all = append(append(all, sub), referenced(sub)...)
	}
	return all
}

// pageName is the file of a command: room-create.md.
func pageName(c *cobra.Command) string {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	return strings.ReplaceAll(path, " ", "-") + ".md"
}

const generated = "<!-- Generated: go generate . -->\n\n"

func frontPage(root *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s# Reference\n\nWhat `unibus COMMAND --help` says, as pages; made from the program.\n", generated)
	b.WriteString("\n- [Exit codes](exit-codes.md)\n- [Faults](faults.md)\n- [Environment variables](environment.md)\n- [JSON shapes](json.md)\n- [Words](words.md)\n- [Keys and commands of the chat](chat-keys.md)\n")
	b.WriteString("\n## Commands\n\n| command | |\n|---|---|\n")
	for _, c := range referenced(root) {
		if !c.HasSubCommands() {
			fmt.Fprintf(&b, "| [%s](%s) | %s |\n", strings.TrimPrefix(c.CommandPath(), root.Name()+" "), pageName(c), c.Short)
		}
	}
	fmt.Fprintf(&b, "\n## Flags of every command\n\n```text\n%s```\n", root.PersistentFlags().FlagUsagesWrapped(80))
	return b.Bytes()
}

func commandPage(c *cobra.Command) []byte {
	var b bytes.Buffer
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n```text\n%s\n```\n", generated, c.CommandPath(), about, c.UseLine())
	for i, sub := range referenced(c) {
		if i == 0 {
			b.WriteString("\n## Commands\n\n")
		}
		fmt.Fprintf(&b, "- [%s](%s): %s\n", sub.CommandPath(), pageName(sub), sub.Short)
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\n## Flags\n\n```text\n%s```\n", c.LocalFlags().FlagUsagesWrapped(80))
	}
	if promise := promises()[c.Annotations[prints]]; promise != "" {
		fmt.Fprintf(&b, "\n## Output\n\n%s\n", promise)
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```text\n%s\n```\n", c.Example)
	}
	b.WriteString("\nSee also: [flags of every command](README.md#flags-of-every-command), [exit codes](exit-codes.md).\n")
	return b.Bytes()
}

// promises says what a command prints, by its annotation.
func promises() map[string]string {
	return map[string]string{
		printsList:   "A list on stdout, in every format of `-o`; as JSON `{\"schema\":1,\"items\":[…]}`.",
		printsOne:    "One thing on stdout, in every format of `-o`; as JSON one object.",
		printsStream: "A stream on stdout; as JSON one object a line, `\"type\"` first.",
		printsChange: "One line on stderr that says what was changed; an id, where there is one, alone on stdout.",
		printsBytes:  "Bytes on stdout, or a file.",
	}
}

func exitCodePage() []byte {
	b := table("Exit codes", "A code never gets another meaning.", "code", "name", "meaning")
	for _, e := range exits() {
		fmt.Fprintf(b, "| %d | %s | %s |\n", e.Code, e.Name, e.Meaning)
	}
	return b.Bytes()
}

func faultPage() []byte {
	b := table("Faults", "What it means when what a node shows does not hold. As an error each is exit code 8. "+
		"Among a room's events it is the reason of an `undecryptable`, or an event of its own; "+
		"`room verify`, and a `read` that ends by itself, exit with 8 where there were any, but for what you rejected yourself; "+
		"`read` lets an `order` pass, which a busy node makes too.", "code", "told as", "meaning")
	for _, f := range faults() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Code, f.Told, f.Meaning)
	}
	return b.Bytes()
}

func variablePage() []byte {
	b := table("Environment variables", "A flag counts more than a variable, a variable more than the file.", "name", "meaning")
	for _, v := range config.Variables() {
		fmt.Fprintf(b, "| `%s` | %s |\n", v.Name, v.Help)
	}
	return b.Bytes()
}

func shapePage() []byte {
	b := table("JSON shapes", "Fields may be added, none removed. Names are snake_case, times RFC 3339 in UTC, sizes bytes.", "shape", "fields")
	for _, s := range shapes() {
		fmt.Fprintf(b, "| %s | `%s` |\n", s.Name, strings.Join(s.Fields, "` `"))
	}
	return b.Bytes()
}

func wordPage() []byte {
	b := table("Words", "One meaning for each.", "word", "meaning")
	for _, w := range glossary() {
		fmt.Fprintf(b, "| %s | %s |\n", w.Name, w.Meaning)
	}
	return b.Bytes()
}

func chatPage() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s# Keys and commands of the chat\n\nWhat F1 lists in `unibus chat`.\n", generated)
	section := ""
	for _, h := range tui.Helps() {
		if h.Section != section {
			section = h.Section
			fmt.Fprintf(&b, "\n## %s\n\n| | |\n|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(h.What, "|", "\\|"), strings.ReplaceAll(h.Does, "|", "\\|"))
	}
	return b.Bytes()
}

// table begins a page that is one table.
func table(title, about string, columns ...string) *bytes.Buffer {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n| %s |\n|%s\n", generated, title, about, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	return &b
}
