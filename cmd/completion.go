package cmd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/config"
)

// shell is one that completions can be written for.
type shell struct {
	name  string
	file  string // under completions/, named as the shell looks for it
	write func(*cobra.Command, io.Writer) error
}

func shells() []shell {
	return []shell{
		{"bash", "unibus.bash", func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) }},
		{"zsh", "_unibus", (*cobra.Command).GenZshCompletion},
		{"fish", "unibus.fish", func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) }},
		{"powershell", "unibus.ps1", (*cobra.Command).GenPowerShellCompletionWithDesc},
	}
}

func newCompletionCmd(env *Env) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:         "completion bash|zsh|fish|powershell",
		Short:       "Print a script that completes words in your shell",
		Example:     "  unibus completion bash > ~/.local/share/bash-completion/completions/unibus\n  unibus completion -O completions",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsBytes},
		ValidArgs:   shellNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (dir == "") != (len(args) == 1) {
				return usagef(cmd, "name one shell, or a directory for all of them")
			}
			if dir != "" {
				return writeCompletions(cmd.Root(), dir)
			}
			return printCompletion(env, cmd, args[0])
		},
	}
	cmd.Flags().StringVarP(&dir, "output-dir", "O", "", "write the scripts of all shells into this `DIR`")
	return cmd
}

func shellNames() (names []string) {
	for _, s := range shells() {
		names = append(names, s.name)
	}
	return names
}

func printCompletion(env *Env, cmd *cobra.Command, name string) error {
	for _, s := range shells() {
		if s.name == name {
			return s.write(cmd.Root(), env.Stdout)
		}
	}
	if near := nearest(name, shellNames()); near != "" {
		return usagef(cmd, "unknown shell %q, did you mean %s", name, near)
	}
	return usagef(cmd, "unknown shell %q, want %s", name, strings.Join(shellNames(), ", "))
}

func writeCompletions(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write completions: %w", err)
	}
	for _, s := range shells() {
		var script bytes.Buffer
		if err := s.write(root, &script); err != nil {
			return fmt.Errorf("write completions of %s: %w", s.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.file), script.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write completions: %w", err)
		}
	}
	return nil
}

func completeFormats(*cobra.Command, []string, string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, f := range config.Formats() {
		words = append(words, string(f))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
