//go:build fuse && linux

package powercut_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/audit"
	"presenced/powercut/lossy"
	"presenced/trial"
)

// TestPowerCutOfACluster cuts one, two and all of three nodes at once, under a presenced that
// lives all the while: everything it was served has to be in the log at the end,
// once and in order, and everything that was acknowledged before a cut after it.
func TestPowerCutOfACluster(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	c := newCluster(t, 3, always)
	n := newTenant(t, c.configuration())
	d := n.run(t)
	var a account
	var forgotten lossy.Forgotten
	torn, cutNodes := 0, 0
	began := time.Now()
	var sizes []int
	for range times(3) {
		if len(sizes) == 0 {
			sizes = rng.Perm(len(c.nodes))
		}
		victims := c.pick(rng, 1+sizes[0])
		sizes = sizes[1:]
		d.awaitAcked(int64(50 + rng.IntN(400)))
		at := victims[0].disk.OffAfter(1 + rng.IntN(100))
		select {
		case <-at:
		case <-time.After(3 * time.Second):
		}
		acked := int(d.acked.Load())
		f, lucky := c.cut(victims, rng)
		forgotten.Pages, forgotten.Changes = forgotten.Pages+f.Pages, forgotten.Changes+f.Changes
		torn, cutNodes = torn+lucky, cutNodes+len(victims)
		d.awaitAcked(1)
		log := c.read(acked, false)
		wantPrefix(t, a.log, log)
		a.log = log
		if t.Failed() {
			t.Fatalf("after a cut of %s: %d events in the log, %d acknowledged", names(victims), len(log), acked)
		}
	}
	d.awaitAcked(1)
	d.stop()
	log := c.read(int(d.acked.Load()), true)
	wantPrefix(t, a.log, log)
	a.log = nil // one life, from the first event to the last
	a.Close(n.Served())
	r := a.read(t, "at the end", d, log)
	c.wantReplicasAlike("PRESENCE", "KV_presence")
	t.Logf("%d cuts of %d nodes in %v, %d disks torn: %d acknowledged events, %d lost; %d events in the log, %d duplicates, %d missing, %d invented, %d broken revisions",
		times(3), cutNodes, time.Since(began).Round(time.Second), torn, a.acked(), a.lost(), len(a.log), r.Duplicates, r.Missing, r.Invented, r.Broken)
	t.Logf("when the power went, %d pages and %d changes of directories were not synced", forgotten.Pages, forgotten.Changes)
	if a.acked() < 100*times(3) || forgotten.Pages == 0 {
		t.Errorf("%d events were acknowledged and %d pages forgotten: that proves nothing", a.acked(), forgotten.Pages)
	}
}

// configuration is how presenced finds the cluster.
func (c *cluster) configuration() string {
	return fmt.Sprintf("nats: {url: %q, stream: {replicas: %d}}", c.url(), len(c.nodes))
}

// awaitAcked blocks until n more events are acknowledged: the daemon is at work.
func (d *daemon) awaitAcked(n int64) {
	d.t.Helper()
	n += d.acked.Load()
	d.await("acknowledgements", func() bool { return d.acked.Load() >= n })
}

// read reads the log, which has to have at least so many events. A node that has
// just started, or lags, may tell less at first, or nothing; what is lost never
// comes.
func (c *cluster) read(atLeast int, quiet bool) (entries []audit.Entry) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var err error
	if !trial.Eventually(ctx, 100*time.Millisecond, func() bool {
		looking, cancel := context.WithTimeout(ctx, patience/3)
		defer cancel()
		entries, err = readServer(looking, c.url(), trial.LogConfig(len(c.nodes)), quiet)
		return err == nil && len(entries) >= atLeast
	}) {
		c.t.Errorf("%d events in the log, want the %d acknowledged ones: %v", len(entries), atLeast, err)
	}
	return entries
}

// wantReplicasAlike makes each node the leader of each stream in turn, which is
// when it tells what it has itself.
func (c *cluster) wantReplicasAlike(streams ...string) {
	c.t.Helper()
	nc, err := nats.Connect(c.url())
	if err != nil {
		c.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, stream := range streams {
		told := make(map[string]string)
		for _, n := range c.nodes {
			told[c.ledBy(js, stream, n.name)] += n.name
		}
		if len(told) != 1 {
			c.t.Errorf("replicas of %s differ: %v", stream, told)
		}
	}
}

// ledBy is what a stream holds by the account of the node.
func (c *cluster) ledBy(js jetstream.JetStream, stream, node string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var info *jetstream.StreamInfo
	if !trial.Eventually(ctx, 200*time.Millisecond, func() bool {
		asking, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		s, err := js.Stream(asking, stream)
		if err != nil {
			return false
		}
		if info = s.CachedInfo(); info.Cluster.Leader == node {
			return true
		}
		order, _ := json.Marshal(map[string]any{"placement": map[string]string{"preferred": node}})
		js.Conn().RequestWithContext(asking, "$JS.API.STREAM.LEADER.STEPDOWN."+stream, order) // the next look tells
		return false
	}) {
		c.t.Fatalf("%s was not made leader of %s: %+v", node, stream, info)
	}
	s := info.State
	return fmt.Sprintf("%d messages, %d bytes, sequences %d to %d, %d subjects, %d deleted", s.Msgs, s.Bytes, s.FirstSeq, s.LastSeq, s.NumSubjects, s.NumDeleted)
}
