package cmd

import (
	"context"
	"os"

	"github.com/spf13/cobra"
)

// Main runs unibus with the arguments of the process and returns its exit code.
func Main() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return Run(ctx, systemEnv(), os.Args[1:])
}

// Run runs unibus with args in env and returns the exit code.
func Run(ctx context.Context, env *Env, args []string) int {
	env.Stdout = dataWriter{env.Stdout}
	root := newRootCmd(env)
	root.SetArgs(args)
	return finish(ctx, env, args, root.ExecuteContext(ctx))
}

// newRootCmd is the whole tree: what unibus can do is what is listed here.
func newRootCmd(env *Env) *cobra.Command {
	root := newGroup("unibus", "A message bus for people and programs, sealed from end to end",
		"  unibus serve\n  unibus room create ops\n  unibus send ops \"hello\"",
		newAuditCmd(env),
		newBlobCmd(env),
		newChatCmd(env),
		newCompletionCmd(env),
		newConfigCmd(env),
		newContextCmd(env),
		newEndpointCmd(env),
		newIdentityCmd(env),
		newInviteCmd(env),
		newJoinCmd(env),
		newLimitsCmd(env),
		newPostureCmd(env),
		newReadCmd(env),
		newReferenceCmd(),
		newRoomCmd(env),
		newSearchCmd(env),
		newSendCmd(env),
		newServeCmd(env),
		newSmokeCmd(env),
		newTailCmd(env),
		newUserCmd(env),
		newVersionCmd(env),
	)
	root.SetHelpCommand(newHelpCmd(env))
	addVersionFlag(env, root)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetHelpFunc(helpOf(root.HelpFunc()))
	root.PersistentPreRunE = env.prepare
	env.addGlobalFlags(root.PersistentFlags())
	_ = root.RegisterFlagCompletionFunc("output", completeFormats) // fails only without the flag
	_ = root.RegisterFlagCompletionFunc("context", anywhere(completeContexts(env)))
	return root
}
