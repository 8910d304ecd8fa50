package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"presenced/configs"
	"presenced/graphclient"
	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
	"presenced/worker"
)

// finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	err    error
}

func newCheck(out *output) *cobra.Command {
	var s settings
	var offline bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, token and its permissions, NATS rights, the log, and the next sweeps",
		Long: "Check everything that can be checked without watching anybody. It asks Entra for a token and NATS for\n" +
			"its opinion, asks Graph nothing, and changes nothing.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(out)
			if err != nil {
				return err
			}
			findings := []finding{{Check: "configuration", OK: true, Detail: counted(len(cfg.Tenants), "tenant", "tenants")}}
			for i := range cfg.Tenants {
				findings = append(findings, checkPlan(&cfg.Tenants[i]))
				if !offline {
					findings = append(findings, checkToken(cmd.Context(), &cfg.Tenants[i], s.inputs()))
				}
			}
			if !offline {
				findings = append(findings, checkNATS(cmd.Context(), cfg)...)
			}
			return out.findings(findings)
		},
	}
	s.register(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "check the configuration only")
	return cmd
}

// checkPlan tells what a sweep of the tenant costs, and when the next ones are.
func checkPlan(t *configs.Tenant) finding {
	f := finding{Check: "tenant " + t.Name + ": schedule", OK: true}
	schedule, err := worker.ParseSchedule(t.Schedules)
	if err != nil {
		return f.failed(err)
	}
	var next []string
	at := time.Now()
	for range 3 {
		at = schedule.Next(at)
		next = append(next, at.Local().Format(time.RFC3339))
	}
	interval := schedule.Next(at).Sub(at)
	share := float64(t.Requests()) / interval.Seconds() * t.Rate.Per.Seconds() / float64(t.Rate.Requests)
	f.Detail = fmt.Sprintf("%s, %s a sweep, %.1f %% of the limit; next: %s",
		counted(len(t.Roster), "known user", "known users"), counted(t.Requests(), "request", "requests"), math.Ceil(share*1000)/10, strings.Join(next, ", "))
	return f
}

// checkToken gets a token and compares what it allows with what is needed.
func checkToken(ctx context.Context, t *configs.Tenant, in configs.Inputs) finding {
	f := finding{Check: "tenant " + t.Name + ": token"}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tokens := graphclient.NewTokens(graphclient.TokensConfig{Cloud: cloudOf(t), TenantID: t.TenantID, ClientID: t.ClientID}, credentialOf(t, in))
	token, err := tokens.Token(ctx)
	if err != nil {
		return f.failed(asBlind(err))
	}
	claims, err := graphclient.TokenClaims(token)
	if err != nil {
		f.OK, f.Detail = true, "there is one, but it does not show what it allows"
		return f
	}
	has := slices.Concat(claims.Roles, claims.Scopes)
	var missing []string
	for _, p := range needed(t) {
		if !slices.ContainsFunc(p, func(one string) bool { return slices.Contains(has, one) }) {
			missing = append(missing, p[0])
		}
	}
	if len(missing) > 0 {
		return f.failed(&presence.BlindError{Cause: presence.CauseForbidden, Err: fmt.Errorf("lacks %s: grant it to the app in Entra and have an administrator consent", strings.Join(missing, ", "))})
	}
	f.OK, f.Detail = true, "allows "+strings.Join(has, ", ")
	return f
}

// needed is the permissions of a tenant's configuration; of each group one is
// enough, the first is the least that Microsoft documents for the request. Of
// User.ReadBasic.All, reports differ on whether it is enough without a signed-in user.
func needed(t *configs.Tenant) [][]string {
	all := [][]string{{"Presence.Read.All", "Presence.ReadWrite.All"}}
	if t.Endpoint == "me" {
		all = [][]string{{"Presence.Read", "Presence.Read.All", "Presence.ReadWrite"}}
	}
	if len(t.Users.UPNs) > 0 {
		all = append(all, []string{"User.Read.All", "User.ReadBasic.All", "Directory.Read.All"})
	}
	if len(t.Users.Groups) > 0 {
		all = append(all, []string{"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"})
	}
	return all
}

// checkNATS looks at the server, our rights there and the log. With the embedded
// server there is only something to look at while the daemon runs.
func checkNATS(ctx context.Context, cfg *configs.Config) []finding {
	f := finding{Check: "nats"}
	where, err := readerConnection(cfg)
	if err != nil {
		return []finding{f.failed(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := publisher.Connect(where, zap.NewNop())
	if err != nil {
		return []finding{f.failed(err)}
	}
	defer conn.Close()
	connecting, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	if err := conn.AwaitConnected(connecting); err != nil {
		if cfg.UsesEmbedded() && !listens(cfg.Embedded.Listen) {
			f.OK, f.Detail = true, "the embedded server is not running; `presenced run` starts it"
			return []finding{f}
		}
		if err := foreign(cfg); err != nil {
			return []finding{f.failed(err)}
		}
		return []finding{f.failed(noServer(where.Where(), loginKeys, conn.LastError()))}
	}
	if err := foreign(cfg); err != nil {
		return []finding{f.failed(err)}
	}
	warning, err := conn.CheckServer()
	if err != nil {
		return []finding{f.failed(err)}
	}
	f.OK, f.Detail = true, strings.TrimSpace("nats-server "+conn.ConnectedServerVersion()+" "+warning+" "+loneCopy(conn, logConfig(cfg)))
	return []finding{f, checkRights(ctx, conn, cfg), checkLog(ctx, conn, cfg)}
}

// foreign tells that what answers where the embedded server is to listen is another
// one: ours has its store open before it listens.
func foreign(cfg *configs.Config) error {
	if !cfg.UsesEmbedded() {
		return nil
	}
	used, err := natsembed.InUse(cfg.Embedded.StoreDir)
	if used || errors.Is(err, fs.ErrPermission) { // whose that is, its owner can check
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is taken, and not by presenced with store %s, which nobody has open: stop what listens there, name its store with --store-dir if it is yours, set nats.url to use it, or give embedded.listen another port",
		cfg.Embedded.Listen, cfg.Embedded.StoreDir)
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // it was to be had, which is the answer
	return true
}

func checkRights(ctx context.Context, conn *publisher.Connection, cfg *configs.Config) finding {
	f := finding{Check: "nats rights"}
	lacking, err := conn.Lacks(ctx, logConfig(cfg))
	if err != nil {
		f.OK, f.Detail = true, "the server does not tell them: "+err.Error()
		return f
	}
	if len(lacking) > 0 {
		return f.failed(&presence.BlindError{Cause: presence.CauseForbidden, Err: fmt.Errorf("the NATS user may not %s: grant it", strings.Join(lacking, ", "))})
	}
	f.OK, f.Detail = true, "sufficient"
	return f
}

func checkLog(ctx context.Context, conn *publisher.Connection, cfg *configs.Config) finding {
	f := finding{Check: "log"}
	want := logConfig(cfg)
	creates := want.Manage == publisher.ManageCreate
	want.Manage = publisher.ManageVerify // a check makes nothing
	_, drifts, err := publisher.Open(ctx, conn, want)
	switch {
	case errors.Is(err, publisher.ErrMissing) && creates:
		f.OK, f.Detail = true, "not there yet; `presenced run` creates it"
		return f
	case err != nil:
		return f.failed(err)
	}
	f.OK, f.Detail = true, "as configured"
	if len(drifts) > 0 {
		f.Detail = "usable, but not as configured"
		for _, d := range drifts {
			f.Detail += "\n    " + d.String()
		}
	}
	return f
}

func (f finding) failed(err error) finding {
	f.OK, f.Detail, f.err = false, err.Error(), err
	return f
}

// asBlind gives an error of the token service the form that exit codes look at.
func asBlind(err error) error {
	var t *graphclient.TokenError
	if errors.As(err, &t) {
		return &presence.BlindError{Cause: t.Cause, Err: err}
	}
	return err
}

// failedChecks says how many failed, and ends as the first of them would.
type failedChecks struct {
	count, of int
	first     error
}

func (e failedChecks) Error() string {
	return fmt.Sprintf("check: %d of %s failed", e.count, counted(e.of, "check", "checks"))
}
func (e failedChecks) Unwrap() error { return e.first }

// findings prints what was found, the failures too.
func (o *output) findings(all []finding) error {
	failed := failedChecks{of: len(all)}
	for _, f := range all {
		if f.err != nil {
			failed.count++
			failed.first = cmp.Or(failed.first, f.err)
		}
		if o.json() {
			if err := json.NewEncoder(o.data).Encode(f); err != nil {
				return err
			}
			continue
		}
		mark := "ok  "
		if !f.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(o.data, "%s  %s: %s\n", mark, f.Check, f.Detail)
	}
	if failed.count > 0 {
		return failed
	}
	return nil
}
