//go:build replicas

package replicas_test

import (
	"context"
	"testing"
	"time"

	"presenced/trial"
)

// TestFailOver measures how long nobody asks Graph when an owner goes, and that no
// window of 30 s holds more requests than one owner may send. The figures are
// promised on a machine with nothing else to do; what is asserted leaves room for
// one that is busy.
func TestFailOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rate    string
		allowed int
		used    int // requests in the window before the owner goes: 12 people are asked for each second
		leave   func(*rig, *life)
		promise time.Duration
		most    time.Duration // asserted
	}{
		"crash at 60 % of the budget":  {"{requests: 600, per: 30s, share: 1}", 600, 340, crash, 20 * time.Second, 50 * time.Second},
		"crash at 100 % of the budget": {"{requests: 360, per: 30s, share: 1}", 360, 350, crash, 50 * time.Second, 90 * time.Second},
		"planned hand-over":            {"{requests: 600, per: 30s, share: 1}", 600, 60, handOver, 2 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &tenant{name: "red", rate: tc.rate, allowed: tc.allowed, endpoint: "user", every: "1s"}
			r := newRig(t, 1, 12, n)
			first := r.now(r.join(t))
			r.await(t, "the first owner to use its budget", func() bool { return r.inWindow(n) >= tc.used })
			second := r.now(r.join(t))
			r.await(t, "the second replica", func() bool { _, up := second.journal.Said("presenced runs"); return up })
			rest(t.Context(), 3*time.Second) // it has seen whose the tenant is
			if owner := r.owner(n.name); owner != r.all()[0] {
				t.Fatalf("the first replica does not own the tenant any more\n%s", r.owners())
			}
			used := r.inWindow(n)

			gone := time.Now()
			tc.leave(r, first)
			asksAgain := func() bool { _, ok := second.front.firstAfter(gone); return ok }
			r.await(t, "the second replica to ask Graph", asksAgain)
			at, _ := second.front.firstAfter(gone)
			took := at.Sub(gone)
			t.Logf("%d of %d requests used: the successor asks Graph %v after the owner went (promised on a quiet machine: %v)", used, n.allowed, took.Round(time.Millisecond), tc.promise)
			if took > tc.most {
				t.Errorf("fail-over took %v, want at most %v even on a busy machine", took, tc.most)
			}
			rest(t.Context(), 12*time.Second) // long enough for two owners to add up in one window
			for _, text := range overLimit(r.tenants.Stats(), r.tenants.list) {
				t.Error(text)
			}
			t.Logf("fullest window: %s", r.busiest())
			if t.Failed() {
				t.Logf("owners:\n%s", r.owners())
			}
		})
	}
}

func crash(_ *rig, l *life)    { l.kill() }
func handOver(r *rig, l *life) { r.term(l) }

// inWindow is how many requests the tenant's referee counts now.
func (r *rig) inWindow(n *tenant) int {
	for _, app := range r.tenants.Stats().Apps {
		if app.ClientID == n.ClientID {
			return app.InWindow
		}
	}
	return 0
}

func (r *rig) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	met := false
	trial.Eventually(ctx, 20*time.Millisecond, func() bool { met = cond(); return met || len(r.casualties()) > 0 })
	if !met {
		t.Fatalf("waited for %s; ended by themselves: %q\n%s", what, r.casualties(), r.owners())
	}
}

// firstAfter is when the process asked for presences first after t.
func (f *front) firstAfter(t time.Time) (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range f.requests {
		if q.asked.After(t) {
			return q.asked, true
		}
	}
	return time.Time{}, false
}
