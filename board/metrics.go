package board

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"presenced/presence"
)

// Build is what presenced_build_info says.
type Build struct {
	Version string // of presenced
	NATS    string // of the NATS server that is built in
}

// Metrics is what presenced tells Prometheus of itself. Labels are tenants and
// small enumerations, never users. Its methods never block and are safe for
// concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	sweeps       *prometheus.CounterVec   // tenant, result
	sweepTime    *prometheus.HistogramVec // tenant
	lastSweep    *prometheus.GaugeVec     // tenant
	skipped      *prometheus.CounterVec   // tenant
	requests     *prometheus.CounterVec   // tenant, class
	users        *prometheus.GaugeVec     // tenant
	unanswered   *prometheus.GaugeVec     // tenant
	answers      *prometheus.CounterVec   // tenant, outcome
	events       *prometheus.CounterVec   // tenant, kind
	appendTime   *prometheus.HistogramVec // tenant
	appendErrors *prometheus.CounterVec   // tenant
	inDoubt      *prometheus.CounterVec   // tenant
	span         *prometheus.HistogramVec // tenant
	owner        *prometheus.GaugeVec     // tenant
	epoch        *prometheus.GaugeVec     // tenant
	source       *prometheus.GaugeVec     // tenant, state
	loadTime     *prometheus.HistogramVec // tenant
	stateLost    *prometheus.CounterVec   // tenant
	token        *prometheus.GaugeVec     // tenant
	credential   *prometheus.GaugeVec     // tenant
	reloads      *prometheus.CounterVec   // result
	writable     *prometheus.GaugeVec     // none, and none of it without the embedded server
	connected    prometheus.Gauge
}

// NewMetrics adds the metrics of presenced, of the Go runtime and of the process to
// a registry. It panics if the registry has any of them, as a second call does.
func NewMetrics(registry *prometheus.Registry, build Build) *Metrics {
	d := declare{registry}
	m := &Metrics{
		registry: registry,

		sweeps:       d.counter("sweeps_total", "Sweeps by result: up if every request was answered, degraded if some were, down if none was.", "tenant", "result"),
		sweepTime:    d.histogram("sweep_duration_seconds", "How long a sweep took.", 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300),
		lastSweep:    d.gauge("last_sweep_timestamp_seconds", "When the last sweep ended.", "tenant"),
		skipped:      d.counter("sweeps_skipped_total", "Sweeps that were due while another was under way.", "tenant"),
		requests:     d.counter("requests_total", "Requests to Graph by class of answer; network means that none came.", "tenant", "class"),
		users:        d.gauge("users", "Users on the roster.", "tenant"),
		unanswered:   d.gauge("users_unanswered", "Users whom the last sweep got no answer for.", "tenant"),
		answers:      d.counter("answers_total", "What became of users asked for, and of answers nobody could use.", "tenant", "outcome"),
		events:       d.counter("events_total", "Events in the log, by kind.", "tenant", "kind"),
		appendTime:   d.histogram("append_duration_seconds", "How long it took until a batch was acknowledged.", 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
		appendErrors: d.counter("append_failures_total", "Tries to read or write the log that did not go through.", "tenant"),
		inDoubt:      d.counter("appends_in_doubt_total", "Batches whose acknowledgement was lost.", "tenant"),
		span:         d.histogram("detection_span_seconds", "How exactly the time of a change is known: from the last confirmation of the old presence to the first sight of the new one.", 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 900, 3600),
		owner:        d.gauge("owner", "Whether this replica owns the tenant.", "tenant"),
		epoch:        d.gauge("owner_epoch", "The newest epoch in which this replica owned the tenant.", "tenant"),
		source:       d.gauge("source_state", "What can be seen of the tenant: 1 for the state that holds.", "tenant", "state"),
		loadTime:     d.histogram("load_duration_seconds", "How long it took to load the last-known state.", 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 15, 30, 60),
		stateLost:    d.counter("state_lost_total", "Loads of a last-known state that did not add up to its checksum.", "tenant"),
		token:        d.gauge("token_expiry_timestamp_seconds", "When the access token expires.", "tenant"),
		credential:   d.gauge("credential_expiry_timestamp_seconds", "When the credential expires, if it says so.", "tenant"),
		reloads:      d.counter("config_reloads_total", "How often the configuration was read again: taken, or refused because it has faults.", "result"),
		writable:     d.gauge("store_writable", "Whether the embedded server's store takes writes."),
		connected:    d.gauge("nats_connected", "Whether the connection to NATS is up.").WithLabelValues(),
	}
	d.gauge("build_info", "Versions this presenced was built from; always 1.", "version", "go_version", "nats_version").
		WithLabelValues(build.Version, runtime.Version(), build.NATS).Set(1)
	for _, result := range []string{"taken", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Tenant makes the tenant's counters known at 0, so that the first increase of
// each is one that Prometheus can see.
func (m *Metrics) Tenant(tenant string) {
	for _, state := range states {
		m.sweeps.WithLabelValues(tenant, string(state))
	}
	for _, class := range classes {
		m.requests.WithLabelValues(tenant, class)
	}
	for _, outcome := range outcomes {
		m.answers.WithLabelValues(tenant, outcome)
	}
	for _, kind := range []presence.Kind{presence.KindChange, presence.KindSnapshot, presence.KindLeft} {
		m.events.WithLabelValues(tenant, string(kind))
	}
	for _, counter := range []*prometheus.CounterVec{m.skipped, m.appendErrors, m.inDoubt, m.stateLost} {
		counter.WithLabelValues(tenant)
	}
	m.owner.WithLabelValues(tenant).Set(0)
}

// declare makes metrics of presenced and registers them.
type declare struct{ registry *prometheus.Registry }

func (d declare) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "presenced", Name: name, Help: help}, labels)
	d.registry.MustRegister(c)
	return c
}

func (d declare) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "presenced", Name: name, Help: help}, labels)
	d.registry.MustRegister(g)
	return g
}

func (d declare) histogram(name, help string, buckets ...float64) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "presenced", Name: name, Help: help, Buckets: buckets}, []string{"tenant"})
	d.registry.MustRegister(h)
	return h
}
