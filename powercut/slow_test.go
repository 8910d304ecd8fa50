//go:build fuse && linux

package powercut_test

import (
	"testing"
	"time"

	"presenced/powercut/lossy"
	"presenced/trial"
)

// tight is a limit that a sweep a second, of one request, nearly uses up.
func tight() limit { return limit{4, 3 * time.Second} }

// TestSlowDisk makes every sync of the embedded server take half a second, and then
// so long that an append outlasts two intervals by far. The daemon goes on, late:
// nothing is lost, doubled or invented, and the limit is kept.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t, lossy.InOrder, "")
	e.tenant = newTenantWithin(t, "", tight())
	d := e.start()
	d.await("sweeps", func() bool { return d.swept.Load() >= 4 })
	for _, slow := range []time.Duration{500 * time.Millisecond, 2 * time.Second} {
		began, acked := time.Now(), d.acked.Load()
		e.machine.disk.Break(lossy.Fault{SlowSyncs: slow})
		d.awaitAcked(400)
		t.Logf("syncs of %v: %d events acknowledged in %v", slow, d.acked.Load()-acked, time.Since(began).Round(time.Second))
	}
	if _, ok := d.journal.Said("what we see of the tenant changed"); !ok {
		t.Error("no append took longer than two intervals: the disk was not slow")
	}
	e.machine.disk.Break(lossy.Fault{})
	e.finish(d)
	wantWithin(t, e.tenant)
}

func wantWithin(t *testing.T, n *tenant) {
	t.Helper()
	s := n.Stats()
	if s.MaxInWindow > n.limit.requests || s.Throttled > 0 || s.MaxInWindow < n.limit.requests/2 {
		t.Errorf("at most %d requests in %v, limit %d; %d throttled", s.MaxInWindow, n.limit.per, n.limit.requests, s.Throttled)
	}
	t.Logf("at most %d requests in %v, limit %d", s.MaxInWindow, n.limit.per, n.limit.requests)
}

// TestHandOverOnASlowDisk has two replicas on an external server whose disk is slow.
// The owner keeps the tenant, because its append comes before whatever the standby
// tries; when it is killed, the standby takes over, on the same slow disk.
func TestHandOverOnASlowDisk(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, always)
	n := newTenantWithin(t, c.configuration(), tight())
	var a trial.Account
	first := n.run(t)
	first.awaitSaid("owning the tenant")
	second := n.run(t)
	second.awaitSaid("presenced runs")
	first.await("sweeps", func() bool { return first.swept.Load() >= 4 })
	began := time.Now()
	c.nodes[0].disk.Break(lossy.Fault{SlowSyncs: time.Second})
	first.awaitAcked(400)
	if _, ok := second.journal.Said("owning the tenant"); ok {
		t.Errorf("the standby took over from an owner that lives, %v after the disk became slow", time.Since(began))
	}
	first.kill()
	a.Die(n.Served())
	killed := time.Now()
	second.awaitSaid("owning the tenant")
	t.Logf("handed over %v after the kill", time.Since(killed).Round(time.Second))
	second.awaitAcked(1)
	c.nodes[0].disk.Break(lossy.Fault{})
	swept := second.swept.Load()
	second.await("sweeps", func() bool { return second.swept.Load() >= swept+4 })
	second.stop()
	a.Close(n.Served())
	log := c.read(int(first.acked.Load()+second.acked.Load()), true)
	r := a.Compare(log)
	if r.Missing+r.Duplicates+r.Invented+r.Broken+r.Lost > 0 {
		t.Errorf("%d missing, %d duplicates, %d invented, %d broken revisions, %d states lost",
			r.Missing, r.Duplicates, r.Invented, r.Broken, r.Lost)
	}
	for _, d := range []*daemon{first, second} {
		if said := d.journal.Complaints(); len(said) > 0 {
			t.Errorf("the daemon complains: %q", said)
		}
	}
	wantWithin(t, n)
}

func (d *daemon) awaitSaid(msg string) {
	d.t.Helper()
	d.await(msg, func() bool { _, ok := d.journal.Said(msg); return ok })
}
