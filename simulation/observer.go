package simulation

import (
	"sync"
	"time"

	"presenced/presence"
	"presenced/worker"
)

// term is one reign as its process tells it.
type term struct {
	process  *process
	tenant   int
	epoch    uint64
	from, to time.Time // to: zero while it lasts
	answers  []answer
	acked    []time.Time // appends
	sweeps   []sweep
}

type sweep struct {
	presence.Sweep
	at time.Time
}

// terms are all reigns so far.
type terms struct {
	mu  sync.Mutex
	all []*term
}

// current is the reign of a process over a tenant; nil: there is none.
func (ts *terms) current(p *process, tenant int) *term {
	for i := len(ts.all) - 1; i >= 0; i-- {
		if t := ts.all[i]; t.process == p && t.tenant == tenant {
			if t.to.IsZero() {
				return t
			}
			return nil
		}
	}
	return nil
}

// whole reports whether nothing of a sweep failed.
func whole(s sweep) bool { return s.Failed == 0 }

// swept is when a tenant was last swept whole.
func (ts *terms) swept(tenant int) (last time.Time) {
	for _, t := range ts.all {
		for _, s := range t.sweeps {
			if t.tenant == tenant && whole(s) && s.at.After(last) {
				last = s.at
			}
		}
	}
	return last
}

// observer takes note of what a worker says.
type observer struct {
	process *process
	tenant  int
}

var _ worker.Observer = (*observer)(nil)

// note calls fn with the reign, if the process lives and there is one.
func (o *observer) note(fn func(*term)) {
	if !o.process.alive() {
		return
	}
	ts := &o.process.world.graph.terms
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.current(o.process, o.tenant); t != nil {
		fn(t)
	}
}

// Reigns implements worker.Observer.
func (o *observer) Reigns(tenant string, epoch uint64) {
	o.process.world.say("%s %s reigns %d", o.process.name, tenant, epoch)
	if epoch == 0 {
		o.note(func(t *term) { t.to = time.Now() })
		return
	}
	if !o.process.alive() {
		return
	}
	ts := &o.process.world.graph.terms
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all = append(ts.all, &term{process: o.process, tenant: o.tenant, epoch: epoch, from: time.Now()})
}

// Loaded implements worker.Observer.
func (o *observer) Loaded(tenant string, _ int, _ time.Duration, intact bool) {
	if !intact && o.process.alive() {
		o.process.world.graph.fault("%s of %s loaded damaged state", o.process.name, tenant)
	}
}

// Swept implements worker.Observer.
func (o *observer) Swept(_ string, s presence.Sweep) {
	o.note(func(t *term) { t.sweeps = append(t.sweeps, sweep{s, time.Now()}) })
}

// Skipped implements worker.Observer.
func (o *observer) Skipped(string) {}

// Appended implements worker.Observer.
func (o *observer) Appended(string, []*presence.Event, time.Duration) {
	o.note(func(t *term) { t.acked = append(t.acked, time.Now()) })
}

// Troubled implements worker.Observer.
func (o *observer) Troubled(tenant string, err error) {
	o.process.world.say("%s %s trouble: %v", o.process.name, tenant, err)
	o.process.mu.Lock()
	defer o.process.mu.Unlock()
	o.process.troubles[o.tenant] = append(o.process.troubles[o.tenant], time.Now())
}

// SourceChanged implements worker.Observer.
func (o *observer) SourceChanged(string, presence.SourceState, presence.Cause) {}
