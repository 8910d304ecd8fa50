package simulation

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"presenced/presence"
	"presenced/simulation/natsmodel"
)

// Record is all that there is to judge a run by.
type Record struct {
	Plan     Plan
	Log      []natsmodel.Message // every message that the log ever stored
	Table    []natsmodel.Message
	Begun    time.Time
	Story    []string // what happened, in order, and the log
	terms    []*term
	answers  []answer
	departed []departure
	arrivals [][]time.Time
	faults   []string // seen under way
	owners   []owner  // at the end
}

// owner is who owns a tenant at the end of a run.
type owner struct {
	process *process
	users   []presence.UserID
	swept   time.Time // the last sweep without a failure, by whoever reigned then
	settled bool      // the owner itself has made one
}

// record is taken while the processes still run; log and table follow once they
// have given their tenants up.
func (w *world) record() *Record {
	g := w.graph
	r := &Record{Plan: w.plan, Begun: w.begun, owners: make([]owner, len(w.plan.Tenants))}
	g.terms.mu.Lock()
	defer g.terms.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.plan.Tenants {
		for _, p := range w.slots {
			if p == nil {
				continue
			}
			if t := g.terms.current(p, i); t != nil {
				r.owners[i] = owner{process: p, users: p.rosters[i], swept: g.terms.swept(i), settled: slices.ContainsFunc(t.sweeps, whole)}
			}
		}
	}
	return r
}

// close adds what was written down until the very end.
func (r *Record) close(w *world) {
	g := w.graph
	g.terms.mu.Lock()
	defer g.terms.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	r.terms, r.answers, r.departed, r.arrivals, r.faults = g.terms.all, g.answers, g.departed, g.arrivals, g.faults
	r.Log, r.Table = w.nats.Messages(stream), w.nats.Messages("KV_"+prefix)
	r.Story = w.story.end()
	for _, m := range r.Log {
		r.Story = append(r.Story, fmt.Sprintf("%14.9f log %d %s %s", m.Stored.Sub(w.begun).Seconds(), m.Sequence, m.Subject, m.Data))
	}
}

// Digest stands for the story, times included: runs with the same digest went the
// same way.
func (r *Record) Digest() string {
	h := fnv.New64a()
	for _, line := range r.Story {
		_, _ = io.WriteString(h, line+"\n")
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Tally counts what a run was made of.
func (r *Record) Tally() map[string]int {
	n := map[string]int{"answers": len(r.answers), "requests": len(r.departed), "reigns": len(r.terms)}
	for _, a := range r.Plan.Acts {
		n["act "+string(a.What)]++
	}
	for _, m := range r.Log {
		switch {
		case !strings.HasPrefix(m.Subject, prefix):
			n["owner messages"]++
		case strings.Contains(m.Subject, ".source."):
			n["news of sources"]++
		default:
			n["events"]++
		}
	}
	return n
}
