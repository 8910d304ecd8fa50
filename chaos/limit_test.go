package chaos_test

import (
	"testing"
	"time"

	"presenced/graphsim"
)

// TestKillKeepsTheRateLimit starts daemons so fast one after the other that the
// first sweeps alone would exceed the limit, did not each count what the dead ones
// before it may have sent.
func TestKillKeepsTheRateLimit(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	const limit, per, daemons = 60, 15 * time.Second, 6
	n := newTenant(t, graphsim.Config{Users: 16 * 650, Frozen: true, Limit: limit, Per: per}, "{requests: 60, per: 15s, share: 1}", "@every 5s")
	swept := func(d *daemon) bool {
		own, ok := d.journal.Said("owning the tenant")
		return ok && (d.front.asks() >= n.chunks() || time.Since(own.At) > time.Second)
	}
	sweep := moment{"in its first sweep", swept, 5 * time.Second, 0, 50 * time.Millisecond}
	for range daemons {
		d := n.start(t)
		sweep.await(t.Context(), d, rng)
		d.kill()
	}
	last := n.start(t)
	last.awaitSweeps(1)
	last.stop()

	s := n.Stats()
	wantWithinLimit(t, s, limit)
	if s.MaxInWindow <= n.chunks() {
		t.Errorf("at most %d requests in one window: the limit of %d was never near", s.MaxInWindow, limit)
	}
	t.Logf("%d daemons with %d requests to make at once: %d sent, at most %d in %s, limit %d", daemons+1, n.chunks(), s.Requests, s.MaxInWindow, per, limit)
}
