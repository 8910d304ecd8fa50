package board_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/board"
	"presenced/presence"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var update = flag.Bool("update", false, "write golden files")

const userID = "0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11"

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// live plays a few minutes of a tenant's life.
func live(t testing.TB, m *board.Metrics, tenant string) {
	t.Helper()
	m.Tenant(tenant)
	m.Connected(true)
	m.StoreWritable(true)
	m.Reloaded(false)
	if err := m.WatchBudget(tenant, func() float64 { return 0.25 }); err != nil {
		t.Fatal(err)
	}
	m.Reigns(tenant, 7)
	m.Loaded(tenant, 4, 20*time.Millisecond, true)
	m.Loaded(tenant, 4, 20*time.Millisecond, false)
	m.TokenExpires(tenant, noon.Add(time.Hour))
	m.CredentialExpires(tenant, noon.Add(24*time.Hour))
	for _, class := range []string{"2xx", "2xx", "4xx", "429", "5xx", "network", "302", "<script>"} {
		m.Request(tenant, class)
	}
	m.Swept(tenant, presence.Sweep{Started: noon, Took: 1500 * time.Millisecond, Users: 10, Known: 6, Unknown: 3, Unanswered: 1, Requests: 2, Failed: 1})
	m.SourceChanged(tenant, presence.SourceDegraded, presence.CauseThrottled)
	m.Skipped(tenant)
	m.Answers(tenant, "refused", 2)
	m.Answers(tenant, "unasked", 4)
	m.Answers(tenant, "invented", 1)
	m.Answers(tenant, "known", 0)
	m.Appended(tenant, []*presence.Event{
		{Kind: presence.KindChange, User: userID, Observed: presence.Observed{NotBefore: noon.Add(-15 * time.Second), At: noon}},
		{Kind: presence.KindChange, User: userID, Observed: presence.Observed{At: noon}}, // no telling
		{Kind: presence.KindSnapshot, User: userID, Observed: presence.Observed{At: noon}},
		{Kind: presence.KindLeft, User: userID, Observed: presence.Observed{NotBefore: noon.Add(-time.Hour), At: noon}},
	}, 30*time.Millisecond)
	m.Appended(tenant, nil, 3*time.Millisecond) // a heartbeat
	m.Troubled(tenant, errors.New("no responders"))
	m.InDoubt(tenant)
}

// scrape gives presenced's own metrics as served over HTTP.
func scrape(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	status, text := get(t, "http://"+serve(t, board.Config{Registry: registry})+"/metrics")
	if status != 200 {
		t.Fatalf("GET /metrics = %d %s", status, text)
	}
	var own strings.Builder
	for line := range strings.Lines(text) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, "presenced_") && !strings.HasPrefix(line, "presenced_build_info{") {
			own.WriteString(line)
		}
	}
	return own.String()
}

func TestMetricsGolden(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{Version: "1.2.3", NATS: "2.15.2"})
	live(t, m, "contoso")
	got := scrape(t, registry)
	golden := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("metrics (-want +got), -update writes them:\n%s", diff)
	}
}

func TestMetricsLint(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	live(t, board.NewMetrics(registry, board.Build{}), "contoso")
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsHoldNoUsers(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	live(t, board.NewMetrics(registry, board.Build{}), "contoso")
	text := scrape(t, registry)
	for _, secret := range []string{userID, "<script>", "302", "invented", "no responders"} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics show %q", secret)
		}
	}
}

// A replica that lost a tenant must not go on telling of its users.
func TestDeposedReplicaForgetsUsers(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	live(t, m, "contoso")
	live(t, m, "fabrikam")
	m.Reigns("contoso", 0)
	text := scrape(t, registry)
	for _, gone := range []string{`presenced_users{tenant="contoso"}`, `presenced_users_unanswered{tenant="contoso"}`, `presenced_source_state{state="up",tenant="contoso"}`} {
		if strings.Contains(text, gone) {
			t.Errorf("still there: %s", gone)
		}
	}
	for _, want := range []string{
		`presenced_owner{tenant="contoso"} 0`, `presenced_owner_epoch{tenant="contoso"} 7`, `presenced_users{tenant="fabrikam"} 10`,
		`presenced_owner{tenant="fabrikam"} 1`, `presenced_source_state{state="degraded",tenant="fabrikam"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lost: %s", want)
		}
	}
}

func TestSourceIsKnownWithoutNews(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	m.Swept("contoso", presence.Sweep{Requests: 1, Failed: 1})
	m.Swept("contoso", presence.Sweep{Requests: 1})
	text := scrape(t, registry)
	for state, value := range map[string]string{"up": "1", "degraded": "0", "down": "0"} {
		if want := `presenced_source_state{state="` + state + `",tenant="contoso"} ` + value; !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestExpiryComesAndGoes(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	m.TokenExpires("contoso", noon)
	if !strings.Contains(scrape(t, registry), `presenced_token_expiry_timestamp_seconds{tenant="contoso"} 1.7955216e+09`) {
		t.Error("the token's expiry is not shown")
	}
	m.TokenExpires("contoso", time.Time{})
	if strings.Contains(scrape(t, registry), `presenced_token_expiry_timestamp_seconds{`) {
		t.Error("the expiry of no token is shown")
	}
}

func TestBudgetIsAskedAtEachScrape(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	if err := m.WatchBudget("contoso", func() float64 { return 9 }); err != nil {
		t.Fatal(err)
	}
	used := 0.5
	if err := m.WatchBudget("contoso", func() float64 { return used }); err != nil {
		t.Errorf("WatchBudget of a tenant that starts anew = %v, want nil", err)
	}
	used = 0.75
	if !strings.Contains(scrape(t, registry), `presenced_budget_used_ratio{tenant="contoso"} 0.75`) {
		t.Error("the budget is not asked at each scrape")
	}
}

func TestForgottenTenantLeavesNoSeries(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	live(t, m, "contoso")
	live(t, m, "fabrikam")
	m.Forget("contoso")
	m.Forget("nobody")
	text := scrape(t, registry)
	if strings.Contains(text, "contoso") {
		t.Errorf("a forgotten tenant is still there:\n%s", text)
	}
	if !strings.Contains(text, `presenced_budget_used_ratio{tenant="fabrikam"}`) || !strings.Contains(text, `presenced_owner{tenant="fabrikam"} 1`) {
		t.Error("the other one is gone too")
	}
}

func TestMetricsAreConcurrent(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := board.NewMetrics(registry, board.Build{})
	var tenants sync.WaitGroup
	for _, tenant := range []string{"a", "b", "c", "d"} {
		tenants.Go(func() {
			live(t, m, tenant)
			m.Reigns(tenant, 0)
		})
		tenants.Go(func() {
			if _, err := registry.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	tenants.Wait()
}

func BenchmarkAppended(b *testing.B) {
	m := board.NewMetrics(prometheus.NewRegistry(), board.Build{})
	events := make([]*presence.Event, presence.MaxBatch)
	for i := range events {
		events[i] = &presence.Event{Kind: presence.KindChange, Observed: presence.Observed{NotBefore: noon.Add(-15 * time.Second), At: noon}}
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Appended("contoso", events, time.Millisecond)
	}
}

func BenchmarkReadyz(b *testing.B) {
	url := "http://" + serve(b, board.Config{Ready: ready(board.Check{Name: "nats", Probe: ok}, board.Check{Name: "token", Probe: ok})}) + "/readyz?verbose"
	for b.Loop() {
		if status, text := get(b, url); status != 200 {
			b.Fatal(status, text)
		}
	}
}
