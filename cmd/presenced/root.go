package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// output is where a command writes, and how.
type output struct {
	data   io.Writer // what was asked for
	notes  io.Writer // everything else
	format string    // text or json
}

func (o *output) json() bool { return o.format == "json" }

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	out := &output{data: stdout, notes: stderr}
	root := &cobra.Command{
		Use:   "presenced",
		Short: "Microsoft Teams presence, every change exactly once, on NATS JetStream",
		Long: "Presenced watches the Microsoft Teams presence of many people and tells everyone else, over NATS JetStream,\n" +
			"what changed: each change exactly once. Data goes to standard output, everything else to standard error.\n\n" + exitCodes,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&out.format, "output", "o", "text", "text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if out.format != "text" && out.format != "json" {
			return usageError{fmt.Errorf("--output is %q, want text or json", out.format)}
		}
		return nil
	}
	root.AddCommand(
		newRun(out), newDemo(out), newCheck(out), newWatch(out), newGet(out), newSimulate(out),
		newNATS(out), newHealthz(), newLogin(out), newConfig(out), newVersion(out),
	)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() { // cobra answers a word that it does not know with help and 0
			cmd.Args, cmd.RunE = usage(cobra.NoArgs), root.RunE
		}
	}
	return root
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// usage makes a wrong number of arguments a usage error.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
