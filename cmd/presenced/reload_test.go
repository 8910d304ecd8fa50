package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/graphsim"
)

func TestReload(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 5)
	// The secret comes from the environment, which is cleared of it after the start.
	rewrite(t, config, func(text string) string {
		return strings.Replace(text, "credential: {secret_file: client-secret}", "rate: {requests: 1000, per: 30s}", 1)
	})
	p, url := launchRun(t, []string{"AZURE_CLIENT_SECRET=" + sim.Tenants()[0].ClientSecret}, config, newStore(t))
	p.awaitReady(url)
	metric := func(line string) func() bool {
		return func() bool { _, text := ask(url + "/metrics"); return strings.Contains(text, "presenced_"+line+"\n") }
	}
	p.await("epoch 1", metric(`owner_epoch{tenant="demo"} 1`))

	users := filepath.Join(filepath.Dir(config), "users.txt")
	rewrite(t, users, func(text string) string { return strings.Replace(text, sim.UserIDs()[0]+"\n", "", 1) })
	rewrite(t, config, func(text string) string {
		return "embedded: {max_store: 1GiB}\nlog: {level: debug}\n" + text
	})
	p.signal(syscall.SIGHUP)
	p.await("one user less", metric(`users{tenant="demo"} 4`))
	for _, line := range []string{
		`owner_epoch{tenant="demo"} 2`, `events_total{kind="left",tenant="demo"} 1`, `events_total{kind="snapshot",tenant="demo"} 5`,
		`events_total{kind="change",tenant="demo"} 0`, `config_reloads_total{result="taken"} 1`,
	} {
		p.await(line, metric(line))
	}
	p.await("it says what stays", func() bool { return p.said("only when presenced is started again", "embedded.max_store") == 1 })
	p.await("the new log level", func() bool { return p.said(`"level":"debug"`) > 0 })
	p.awaitReady(url)

	// Two faults: both are said, and nothing changes.
	rewrite(t, config, func(text string) string {
		return strings.NewReplacer(`"@every 1s"`, `"@never"`, "tenant_id: ", "tenant_id: no-").Replace(text)
	})
	p.signal(syscall.SIGHUP)
	p.await("refused", metric(`config_reloads_total{result="refused"} 1`))
	p.await("both faults", func() bool {
		return p.said("configuration refused", "schedules") == 1 && p.said("configuration refused", "tenant_id") == 1
	})
	p.awaitReady(url)
	if !metric(`owner_epoch{tenant="demo"} 2`)() {
		t.Error("a refused configuration disturbed the owner")
	}

	// A tenant goes, and one comes.
	rewrite(t, config, func(text string) string {
		return strings.NewReplacer(`"@never"`, `"@every 1s"`, "tenant_id: no-", "tenant_id: ", "name: demo", "name: other").Replace(text)
	})
	p.signal(syscall.SIGHUP)
	p.await("the new tenant", metric(`users{tenant="other"} 4`))
	p.await("nothing of the old one", func() bool { _, text := ask(url + "/metrics"); return !strings.Contains(text, `"demo"`) })
	p.awaitReady(url)
	if _, text := ask(url + "/readyz?verbose"); !strings.Contains(text, "[+]tenant other ok (owns it in epoch 1") || strings.Contains(text, "demo") {
		t.Errorf("readyz:\n%s", text)
	}
	p.stop()
}

// The budget passes from one generation to the next: to read the configuration
// again and again lets no request more through.
func TestReloadKeepsTheLimit(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 3)
	rewrite(t, config, func(text string) string {
		return strings.NewReplacer("    users:", "    rate: {requests: 6, per: 30s, share: 1}\n    users:", "@every 1s", "@every 5s").Replace(text)
	})
	p, url := launchRun(t, nil, config, newStore(t))
	p.awaitReady(url)
	for i := range 8 {
		p.await("it owns the tenant", func() bool { return p.said("owning the tenant") == i+1 })
		p.signal(syscall.SIGHUP)
	}
	p.await("it owns the tenant", func() bool { return p.said("owning the tenant") == 9 })
	p.await("a sweep that gets nothing", func() bool {
		_, text := ask(url + "/metrics")
		return strings.Contains(text, `presenced_budget_used_ratio{tenant="demo"} 1`)
	})
	p.stop()
	if most := sim.Stats().MaxInWindow; most > 6 {
		t.Errorf("%d requests in 30 s, want 6 at the most", most)
	}
	if n := p.said(fmt.Sprintf(`"epoch":%d`, 9)); n == 0 {
		t.Errorf("epoch 9 never came:\n%s", p.stderr.String())
	}
}

// A pause that Graph asks for outlives reloads: it is on record, and the next
// generation keeps to it.
func TestReloadKeepsThePause(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 3)
	if err := sim.Inject(graphsim.Fault{Kind: graphsim.KindThrottled, RetryAfter: "600"}); err != nil {
		t.Fatal(err)
	}
	p, url := launchRun(t, nil, config, newStore(t))
	metric := func(name string) float64 {
		_, text := ask(url + "/metrics")
		return sample(text, name)
	}
	blind := func() float64 { return metric(`presenced_sweeps_total{result="down",tenant="demo"}`) }
	js := jetStream(t, natsOf(p))
	for i := range 3 {
		before := blind()
		p.await("a sweep that gets nothing", func() bool { return blind() > before })
		p.await("a heartbeat that says so", func() bool { return heldOnRecord(t, js) })
		p.signal(syscall.SIGHUP)
		p.await("it owns the tenant", func() bool { return p.said("owning the tenant") == i+2 })
	}
	before := blind()
	p.await("a sweep that gets nothing", func() bool { return blind() > before })
	p.stop()
	if n := sim.Stats().Requests; n != 1 {
		t.Errorf("%d requests, want the one that was told to wait 600 s", n)
	}
}

// heldOnRecord reports whether the newest owner message hands a pause on.
func heldOnRecord(t *testing.T, js jetstream.JetStream) bool {
	log, err := js.Stream(t.Context(), "PRESENCE")
	if err != nil {
		return false
	}
	m, err := log.GetLastMsgForSubject(t.Context(), "presenced.owner.*")
	return err == nil && strings.Contains(string(m.Data), `"held":`)
}

// Graph counts by app and directory and knows nothing of our names: under another
// one a tenant has what it asked before counted against it, whatever lay between.
func TestRenameKeepsTheLimit(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]struct{ key, value, said string }{
		"nothing between":              {},
		"another app between":          {"    client_id: ", "00000000-0000-4000-8000-000000000001", "owning the tenant"},
		"one that never began between": {"    users: ", "{groups: [00000000-0000-4000-8000-000000000002]}", "waiting for the roster"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, config := tenant(t, 3)
			rewrite(t, config, func(text string) string {
				return strings.NewReplacer("    users:", "    rate: {requests: 6, per: 30s, share: 1}\n    users:", "@every 1s", "@every 5s").Replace(text)
			})
			value := regexp.MustCompile("(?m)^" + between.key + "(.*)$")
			p, url := launchRun(t, nil, config, newStore(t))
			p.awaitReady(url)
			for i := range 8 {
				if between.key != "" {
					n := p.said(between.said)
					var was string
					rewrite(t, config, func(text string) string {
						was = value.FindString(text)
						return value.ReplaceAllLiteralString(text, between.key+between.value)
					})
					p.signal(syscall.SIGHUP)
					p.await(between.said, func() bool { return p.said(between.said) > n })
					rewrite(t, config, func(text string) string { return value.ReplaceAllLiteralString(text, was) })
				}
				next := fmt.Sprintf("demo-%d", i)
				rewrite(t, config, func(text string) string { return tenantName.ReplaceAllLiteralString(text, "name: "+next) })
				p.signal(syscall.SIGHUP)
				p.await("it owns "+next, func() bool { return p.said("owning the tenant", next) == 1 })
			}
			p.await("a budget that is used up", func() bool {
				_, text := ask(url + "/metrics")
				return sample(text, `presenced_budget_used_ratio{tenant="demo-7"}`) >= 1
			})
			p.stop()
			if most := sim.Stats().MaxInWindow; most > 6 {
				t.Errorf("%d requests in 30 s, want 6 at the most", most)
			}
		})
	}
}

var tenantName = regexp.MustCompile("name: demo.*")
