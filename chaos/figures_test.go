package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/audit"
	"presenced/trial"
)

// figures is what a run with kills measures.
type figures struct {
	moments map[string]int
	late    int // moments that did not come in time
	sweeps  int
	held    int             // daemons whose first request had to wait for the rate budget
	owning  []time.Duration // from exec to owning the tenant: store recovered, state loaded
	swept   []time.Duration // from exec to the last answer of the first sweep, if not held
}

func (f *figures) count(m moment, came bool) {
	if f.moments == nil {
		f.moments = make(map[string]int)
	}
	f.moments[m.name]++
	if !came {
		f.late++
	}
}

func (f *figures) measure(d *daemon, chunks int) {
	f.sweeps += d.front.answers() / chunks
	own, ok := d.journal.Said("owning the tenant")
	if !ok {
		return
	}
	f.owning = append(f.owning, own.At.Sub(d.Started))
	switch answered := d.front.answered; {
	case len(answered) < chunks: // killed before, or held back until then
	case d.front.asked[chunks-1].Sub(own.At) > 500*time.Millisecond:
		f.held++
	default:
		f.swept = append(f.swept, answered[chunks-1].Sub(d.Started))
	}
}

func (f *figures) print(t *testing.T, r audit.Report, a *trial.Account, s story) {
	t.Helper()
	written, lost := lastWords(a, s.Entries)
	t.Logf("%d kills (%s; %d of them did not come in time), %d whole sweeps", len(a.Deaths), f.places(), f.late, f.sweeps)
	t.Logf("%d changes served, %d change events, %d snapshots, %d messages in all", r.Served, r.Changes, r.Snapshots, s.last)
	t.Logf("%d duplicates, %d missing, %d invented, %d broken revisions", r.Duplicates, r.Missing, r.Invented, r.Broken)
	t.Logf("in the last answer before a kill: %d changes written, %d not", written, lost)
	t.Logf("exec to owning the tenant: %s", spread(f.owning))
	t.Logf("exec to the end of the first sweep: %s; %d more had to wait for the rate budget", spread(f.swept), f.held)
}

func (f *figures) places() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.moments)) {
		parts = append(parts, fmt.Sprintf("%d %s", f.moments[name], name))
	}
	return strings.Join(parts, ", ")
}

func spread(ds []time.Duration) string {
	if len(ds) == 0 {
		return "none"
	}
	slices.Sort(ds)
	at := func(share float64) time.Duration {
		return ds[min(int(share*float64(len(ds))), len(ds)-1)].Round(time.Millisecond)
	}
	return fmt.Sprintf("least %v, half %v, nine of ten %v, most %v (%d times)", at(0), at(0.5), at(0.9), at(1), len(ds))
}
