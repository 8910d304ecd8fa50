//go:build fuse && linux

package powercut_test

import (
	"context"
	"net/http/httptest"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"presenced/trial"
)

// daemon is one process of `presenced run`, from its start to its end.
type daemon struct {
	*trial.Process
	t       *testing.T
	graph   *httptest.Server // its own: once closed, no answer to it can be on its way into the records
	journal trial.Journal
	acked   atomic.Int64 // events that NATS had acknowledged to it when it was last asked
	swept   atomic.Int64 // sweeps completed, likewise
	asking  chan struct{}
}

// run starts a daemon with the configuration's flags added.
func (n *tenant) run(t *testing.T, flags ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, graph: httptest.NewServer(n), asking: make(chan struct{})}
	cmd := exec.Command(presenced, append([]string{"run", "-c", n.configure(t, d.graph.URL), "--http-listen", "127.0.0.1:0", "--log-format", "json"}, flags...)...)
	cmd.Stderr = &d.journal
	d.Process = launch(t, cmd)
	go d.ask()
	t.Cleanup(func() {
		d.Process.Process.Kill()
		d.graph.Close()
	})
	return d
}

// ask reads the daemon's own metrics again and again. An event counts there once
// the publisher has its acknowledgement.
func (d *daemon) ask() {
	defer close(d.asking)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-d.Ended; cancel() }()
	trial.Eventually(ctx, 5*time.Millisecond, func() bool {
		if runs, ok := d.journal.Said("presenced runs"); ok {
			d.note(trial.AskMetrics(ctx, runs.HTTP))
		}
		return false
	})
}

func (d *daemon) note(m trial.Metrics) {
	acked, swept := m.Sum("presenced_events_total{"), m.Sum(`presenced_sweeps_total{result="up"`)
	d.acked.Store(max(int64(acked), d.acked.Load())) // an answer may have been cut short
	d.swept.Store(max(int64(swept), d.swept.Load()))
}

// await blocks until cond holds. A daemon that ends meanwhile ends the test.
func (d *daemon) await(what string, cond func() bool) {
	d.t.Helper()
	if !d.awaitOrEnd(what, cond) {
		d.t.Fatalf("waited for %s: process %v, log complains %q", what, d.ProcessState, d.journal.Complaints())
	}
}

// awaitOrEnd blocks until cond holds, or the daemon has ended, which is false.
func (d *daemon) awaitOrEnd(what string, cond func() bool) bool {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	came := d.Await(ctx, 5*time.Millisecond, cond)
	if !came && !d.IsOver() {
		d.t.Fatalf("waited for %s: it never came, log complains %q", what, d.journal.Complaints())
	}
	return came
}

// close waits until everything that was served and acknowledged to a daemon that
// has ended is on record.
func (d *daemon) close() {
	<-d.Ended
	<-d.asking
	d.graph.Close()
}

// kill is kill -9 of a daemon that is on no disk of ours.
func (d *daemon) kill() {
	d.Process.Process.Kill()
	d.close()
}

func (d *daemon) stop() {
	d.t.Helper()
	d.Stop(d.t, patience)
	d.close()
}
