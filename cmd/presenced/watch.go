package main

import (
	"fmt"
	"strings"

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
			if err := checkFilter(filter); err != nil {
				return usageError{err}
			}
			log, conn, err := r.open(cmd.Context(), out)
			if err != nil {
				return err
			}
			defer conn.Close()
			if prefix := log.Subject(""); strings.HasPrefix(filter, prefix) {
				fmt.Fprintf(out.notes, "warning: the filter begins with the prefix, so it means %s; leave %s away\n", log.Subject(filter), prefix)
			}
			return log.Follow(cmd.Context(), log.Subject(filter), func(rec publisher.Record) { out.record(rec) })
		},
	}
	r.register(cmd)
	return cmd
}

// checkFilter refuses what no subject matches, of which NATS says nothing.
func checkFilter(filter string) error {
	tokens := strings.Split(filter, ".")
	for i, token := range tokens {
		wildcard := token == "*" || token == ">" && i == len(tokens)-1
		if token == "" || !wildcard && strings.ContainsAny(token, "*> \t\r\n") {
			return fmt.Errorf("the filter is %q, want tokens with dots between, such as contoso.user.*.change.>: * for one token, > at the end for all that follow", filter)
		}
	}
	return nil
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
