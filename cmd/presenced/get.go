package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"presenced/presence"
	"presenced/publisher"
)

func newGet(out *output) *cobra.Command {
	var r reader
	var tenant string
	cmd := &cobra.Command{
		Use:     "get [user]",
		Short:   "Print what is last known of everyone, or of one user by object id",
		Example: "  presenced get\n  presenced get --tenant contoso -o json\n  presenced get --tenant contoso 0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var only presence.UserID
			if len(args) == 1 {
				id, err := presence.ParseUserID(args[0])
				if err != nil {
					return usageError{err}
				}
				only = id
			}
			if tenant != "*" && !presence.IsTenant(tenant) {
				return usageError{fmt.Errorf("--tenant is %q, want the alias of a tenant, or * for all", tenant)}
			}
			log, conn, err := r.open(cmd.Context(), out)
			if err != nil {
				return err
			}
			defer conn.Close()
			found, err := lastKnown(cmd.Context(), log, tenant, only)
			if err != nil {
				return err
			}
			if len(found) == 0 && tenant != "*" {
				if err := checkTenant(cmd.Context(), log, tenant); err != nil {
					return err
				}
			}
			if only != "" && len(found) == 0 {
				return fmt.Errorf("get user %s: nothing was ever known of them; are they on the roster?", only)
			}
			return out.states(found)
		},
	}
	r.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "*", "alias of one tenant; * for all")
	return cmd
}

// lastKnown reads the table: of one user in one tenant that entry, otherwise all of
// it. Those who left are there for whoever asks for them by id.
func lastKnown(ctx context.Context, log *publisher.Log, tenant string, only presence.UserID) ([]presence.Event, error) {
	if only != "" && tenant != "*" {
		e, err := log.Get(ctx, tenant, only)
		if errors.Is(err, publisher.ErrNoUser) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []presence.Event{e}, nil
	}
	var found []presence.Event
	err := log.Table(ctx, tenant, func(e presence.Event) {
		if only == "" && e.Kind != presence.KindLeft || e.User == only {
			found = append(found, e)
		}
	})
	return found, err
}

// states prints the newest event of each user, as the table holds it or as a row.
func (o *output) states(events []presence.Event) error {
	slices.SortFunc(events, func(a, b presence.Event) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.User, b.User))
	})
	if o.json() {
		encoder := json.NewEncoder(o.data)
		for _, e := range events {
			if err := encoder.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(o.data, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TENANT\tUSER\tPRESENCE\tSINCE\tREVISION")
	for _, e := range events {
		now := string(e.Kind)
		if e.After != nil {
			now = words(*e.After)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", e.Tenant, e.User, now, e.Observed.At.Local().Format(time.DateTime), e.Revision)
	}
	return w.Flush()
}
