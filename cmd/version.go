package cmd

import (
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"unibus/internal/text"
)

// build is what this binary knows of itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:         "version",
		Short:       "Print the version of this program",
		Example:     "  unibus version\n  unibus version -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsOne},
		RunE:        func(*cobra.Command, []string) error { return printVersion(env) },
	}
}

func printVersion(env *Env) error {
	return printOne(env, "version", thisBuild(),
		column[build]{"version", func(b build) text.Safe { return text.Safe(b.Version) }},
		column[build]{"revision", func(b build) text.Safe { return text.Safe(b.Revision) }},
		column[build]{"go", func(b build) text.Safe { return text.Safe(b.Go) }},
		column[build]{"platform", func(b build) text.Safe { return text.Safe(b.Platform) }})
}

// addVersionFlag lets --version, which people try first, do what version does.
func addVersionFlag(env *Env, root *cobra.Command) {
	asked := root.Flags().Bool("version", false, "the same as the command version")
	run := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *asked && len(args) == 0 {
			return printVersion(env)
		}
		return run(cmd, args)
	}
}

func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

// fromSource is the version of a binary that nobody released.
const fromSource = "source"

// unreleased is a version that the Go command made up from a commit.
var unreleased = regexp.MustCompile(`^\(devel\)$|[-.][0-9]{14}-[0-9a-f]{12}(\+|$)|\+dirty$`)

// buildOf reads what the Go command stamped into the binary; info may be nil.
// The version is the release, else the beginning of the revision it was built
// from, else the word source.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: fromSource, Revision: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return b
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	switch v := info.Main.Version; {
	case v != "" && !unreleased.MatchString(v):
		b.Version = v
	case b.Revision != "unknown":
		b.Version = b.Revision[:min(len(b.Revision), 7)]
	}
	if changed {
		b.Revision += ", changed"
	}
	return b
}
