//go:build fuse && linux

package powercut_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// daemon is one process of `presenced run`, from its start to its end.
type daemon struct {
	*process
	t       *testing.T
	graph   *httptest.Server // its own: once closed, no answer to it can be on its way into the records
	journal journal
	started time.Time
	acked   atomic.Int64 // events that NATS had acknowledged to it when it was last asked
	swept   atomic.Int64 // sweeps completed, likewise
	asking  chan struct{}
}

// run starts a daemon with the configuration's flags added.
func (n *tenant) run(t *testing.T, flags ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, graph: httptest.NewServer(n), started: time.Now(), asking: make(chan struct{})}
	cmd := exec.Command(presenced, append([]string{"run", "-c", n.configure(t, d.graph.URL), "--http-listen", "127.0.0.1:0", "--log-format", "json"}, flags...)...)
	cmd.Stderr = &d.journal
	d.process = launch(t, cmd)
	go d.ask()
	t.Cleanup(func() {
		d.Process.Kill()
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
	go func() { <-d.ended; cancel() }()
	eventually(ctx, 5*time.Millisecond, func() bool {
		runs, ok := d.journal.said("presenced runs")
		if !ok {
			return false
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+runs.HTTP+"/metrics", nil)
		if err != nil {
			return false
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			d.note(resp)
			resp.Body.Close()
		}
		return false
	})
}

func (d *daemon) note(resp *http.Response) {
	var acked, swept int64
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch {
		case strings.HasPrefix(name, "presenced_events_total{"):
			acked += n
		case strings.HasPrefix(name, `presenced_sweeps_total{result="up"`):
			swept += n
		}
	}
	d.acked.Store(max(acked, d.acked.Load())) // an answer may have been cut short
	d.swept.Store(max(swept, d.swept.Load()))
}

// await blocks until cond holds. A daemon that ends meanwhile ends the test.
func (d *daemon) await(what string, cond func() bool) {
	d.t.Helper()
	if !d.awaitOrEnd(what, cond) {
		d.t.Fatalf("waited for %s: process %v, log complains %q", what, d.ProcessState, d.journal.complaintsSoFar())
	}
}

// awaitOrEnd blocks until cond holds, or the daemon has ended, which is false.
func (d *daemon) awaitOrEnd(what string, cond func() bool) bool {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	if !eventually(ctx, 5*time.Millisecond, func() bool { return cond() || d.isOver() }) {
		d.t.Fatalf("waited for %s: it never came, log complains %q", what, d.journal.complaintsSoFar())
	}
	return !d.isOver()
}

// close waits until everything that was served and acknowledged to a daemon that
// has ended is on record.
func (d *daemon) close() {
	<-d.ended
	<-d.asking
	d.graph.Close()
}

// kill is kill -9 of a daemon that is on no disk of ours.
func (d *daemon) kill() {
	d.Process.Kill()
	d.close()
}

func (d *daemon) stop() {
	d.t.Helper()
	d.end(d.t)
	d.close()
}
