package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"presenced/presence"
	"presenced/publisher"
)

func newWatch(out *output) *cobra.Command {
	var r reader
	cmd := &cobra.Command{
		Use:   "watch [filter]",
		Short: "Show events as they happen",
		Long:  "Show events as they happen. The filter is a subject without its prefix; * stands for one token, > for all that follow.",
		Example: "  presenced watch\n  presenced watch 'contoso.user.*.change.Available.*'   who becomes free\n" +
			"  presenced watch '*.source.*' -o json                  what we can see of the tenants",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter := ">"
			if len(args) == 1 {
				filter = args[0]
			}
			log, conn, err := r.open(cmd.Context(), out)
			if err != nil {
				return err
			}
			defer conn.Close()
			return log.Follow(cmd.Context(), log.Subject(filter), func(rec publisher.Record) { out.record(rec) })
		},
	}
	r.register(cmd)
	return cmd
}

// record prints a message of the log: its payload as one line of JSON, or a line
// for people.
func (o *output) record(rec publisher.Record) {
	if o.json() {
		fmt.Fprintf(o.data, "%s\n", rec.Payload)
		return
	}
	e, err := presence.ParseEvent(rec.Payload)
	if err != nil { // news of a source, or a foreign message
		fmt.Fprintf(o.data, "%s  %s\n", rec.Stored.Local().Format("15:04:05"), rec.Subject)
		return
	}
	fmt.Fprintln(o.data, eventLine(e, isTerminal(o.data) && !noColour()))
}
