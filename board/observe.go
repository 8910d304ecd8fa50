package board

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"presenced/presence"
)

// The labels' values; anything else is counted as other, so that no text from
// outside ever becomes a series.
const other = "other"

var (
	states   = []presence.SourceState{presence.SourceUp, presence.SourceDegraded, presence.SourceDown}
	classes  = []string{"2xx", "4xx", "429", "5xx", "network"}
	outcomes = []string{"known", "unknown", "none", "refused", "unasked"}
)

// Reigns tells which epoch of the tenant this replica owns, 0 for none. A replica
// that stands by says nothing of the tenant's users: it does not know.
func (m *Metrics) Reigns(tenant string, epoch uint64) {
	if epoch > 0 {
		m.owner.WithLabelValues(tenant).Set(1)
		m.epoch.WithLabelValues(tenant).Set(float64(epoch))
		return
	}
	m.owner.WithLabelValues(tenant).Set(0)
	m.users.DeleteLabelValues(tenant)
	m.unanswered.DeleteLabelValues(tenant)
	m.source.DeletePartialMatch(prometheus.Labels{"tenant": tenant})
}

// Loaded tells that the tenant's last-known state was read, and whether it added
// up to its checksum. How many users have a state says nothing of the roster and
// is not shown.
func (m *Metrics) Loaded(tenant string, _ int, took time.Duration, intact bool) {
	m.loadTime.WithLabelValues(tenant).Observe(took.Seconds())
	if !intact {
		m.stateLost.WithLabelValues(tenant).Inc()
	}
}

// Swept tells how a sweep went.
func (m *Metrics) Swept(tenant string, s presence.Sweep) {
	m.sweeps.WithLabelValues(tenant, string(s.Source())).Inc()
	m.sweepTime.WithLabelValues(tenant).Observe(s.Took.Seconds())
	m.lastSweep.WithLabelValues(tenant).Set(seconds(s.Started.Add(s.Took)))
	m.users.WithLabelValues(tenant).Set(float64(s.Users))
	m.unanswered.WithLabelValues(tenant).Set(float64(s.Unanswered))
	m.setSource(tenant, s.Source())
	m.Answers(tenant, "known", s.Known)
	m.Answers(tenant, "unknown", s.Unknown)
	m.Answers(tenant, "none", s.Unanswered)
}

// Skipped tells that a sweep was due while another was under way.
func (m *Metrics) Skipped(tenant string) { m.skipped.WithLabelValues(tenant).Inc() }

// Request tells of a request to Graph by the class of its answer: 2xx, 4xx, 429,
// 5xx or network.
func (m *Metrics) Request(tenant, class string) {
	m.requests.WithLabelValues(tenant, oneOf(class, classes)).Inc()
}

// Answers tells what became of n users: known, unknown (PresenceUnknown) or none,
// all three of which Swept counts already; that Graph refuses their ids (refused, a
// part of none); or that nobody asked for them (unasked).
func (m *Metrics) Answers(tenant, outcome string, n int) {
	if n > 0 {
		m.answers.WithLabelValues(tenant, oneOf(outcome, outcomes)).Add(float64(n))
	}
}

// WatchBudget shows how much of the tenant's rate budget is used, asked for at
// each scrape: 0 to 1. The budget of a tenant that starts anew replaces the old one.
func (m *Metrics) WatchBudget(tenant string, used func() float64) error {
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presenced", Name: "budget_used_ratio",
		Help:        "Share of the rate budget that is used now.",
		ConstLabels: prometheus.Labels{"tenant": tenant},
	}, used)
	err := m.registry.Register(gauge)
	var old prometheus.AlreadyRegisteredError
	if errors.As(err, &old) {
		m.registry.Unregister(old.ExistingCollector)
		err = m.registry.Register(gauge)
	}
	if err != nil {
		return fmt.Errorf("watch budget of tenant %s: %w", tenant, err)
	}
	return nil
}

// Forget removes a tenant that is watched no more, so that nothing alarms about it.
func (m *Metrics) Forget(tenant string) {
	labels := prometheus.Labels{"tenant": tenant}
	for _, c := range []*prometheus.CounterVec{m.sweeps, m.skipped, m.requests, m.answers, m.events, m.appendErrors, m.inDoubt, m.stateLost} {
		c.DeletePartialMatch(labels)
	}
	for _, g := range []*prometheus.GaugeVec{m.lastSweep, m.users, m.unanswered, m.owner, m.epoch, m.source, m.token, m.credential} {
		g.DeletePartialMatch(labels)
	}
	for _, h := range []*prometheus.HistogramVec{m.sweepTime, m.appendTime, m.span, m.loadTime} {
		h.DeletePartialMatch(labels)
	}
	m.registry.Unregister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{ // by name and label
		Namespace: "presenced", Name: "budget_used_ratio", Help: "Share of the rate budget that is used now.", ConstLabels: labels,
	}, func() float64 { return 0 }))
}

// Appended tells that a batch was acknowledged, how long that took, and what was
// in it: nothing, for a heartbeat.
func (m *Metrics) Appended(tenant string, events []*presence.Event, took time.Duration) {
	m.appendTime.WithLabelValues(tenant).Observe(took.Seconds())
	for _, e := range events {
		m.events.WithLabelValues(tenant, string(e.Kind)).Inc()
		if e.Kind == presence.KindChange && !e.Observed.NotBefore.IsZero() {
			m.span.WithLabelValues(tenant).Observe(e.Observed.At.Sub(e.Observed.NotBefore).Seconds())
		}
	}
}

// Troubled tells that the log could not be read or written and is tried again.
func (m *Metrics) Troubled(tenant string, _ error) { m.appendErrors.WithLabelValues(tenant).Inc() }

// InDoubt tells that the acknowledgement of a batch was lost.
func (m *Metrics) InDoubt(tenant string) { m.inDoubt.WithLabelValues(tenant).Inc() }

// SourceChanged tells what can be seen of the tenant from now on.
func (m *Metrics) SourceChanged(tenant string, state presence.SourceState, _ presence.Cause) {
	m.setSource(tenant, state)
}

// setSource is for sweeps too: a new owner has no news as long as the source is as
// its predecessor said.
func (m *Metrics) setSource(tenant string, state presence.SourceState) {
	for _, s := range states {
		value := 0.0
		if s == state {
			value = 1
		}
		m.source.WithLabelValues(tenant, string(s)).Set(value)
	}
}

// Connected tells whether the connection to NATS is up.
func (m *Metrics) Connected(up bool) { m.connected.Set(oneIf(up)) }

// StoreWritable tells whether the embedded server's store takes writes.
func (m *Metrics) StoreWritable(yes bool) { m.writable.WithLabelValues().Set(oneIf(yes)) }

// Reloaded tells that the configuration was read again, and whether it holds now or
// the old one goes on.
func (m *Metrics) Reloaded(taken bool) {
	if taken {
		m.reloads.WithLabelValues("taken").Inc()
		return
	}
	m.reloads.WithLabelValues("refused").Inc()
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// TokenExpires tells when the tenant's access token expires; the zero time: there
// is none.
func (m *Metrics) TokenExpires(tenant string, at time.Time) { expiry(m.token, tenant, at) }

// CredentialExpires tells when the tenant's credential expires; the zero time: it
// does not, or does not say so.
func (m *Metrics) CredentialExpires(tenant string, at time.Time) { expiry(m.credential, tenant, at) }

func expiry(gauge *prometheus.GaugeVec, tenant string, at time.Time) {
	if at.IsZero() {
		gauge.DeleteLabelValues(tenant)
		return
	}
	gauge.WithLabelValues(tenant).Set(seconds(at))
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func oneOf(value string, known []string) string {
	if slices.Contains(known, value) {
		return value
	}
	return other
}
