package soak_test

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"presenced/trial"
)

// daemon is one process of `presenced run`.
type daemon struct {
	*trial.Process
	t       *testing.T
	stderr  *tail
	address string // of its HTTP
}

func launch(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, stderr: &tail{}}
	cmd := exec.Command(binary, append([]string{"run", "--http-listen", "127.0.0.1:0", "--log-format", "json"}, args...)...)
	cmd.Stderr = d.stderr
	d.Process = trial.Start(t, cmd)
	t.Cleanup(func() {
		d.Process.Process.Kill()
		<-d.Ended
	})
	address := regexp.MustCompile(`"http":"([^"]+)"`)
	d.await("it says where it listens", func() bool {
		m := address.FindStringSubmatch(d.stderr.text())
		if m != nil {
			d.address = m[1]
		}
		return m != nil
	})
	return d
}

// stop is SIGTERM.
func (d *daemon) stop() {
	d.t.Helper()
	d.Stop(d.t, patience)
	if d.t.Failed() {
		d.t.Logf("it said:\n%s", d.stderr.text())
	}
}

func (d *daemon) await(what string, cond func() bool) {
	d.t.Helper()
	d.awaitFor(patience, what, cond)
}

// awaitFor blocks until cond holds and returns how long after exec that was.
func (d *daemon) awaitFor(long time.Duration, what string, cond func() bool) time.Duration {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), long)
	defer cancel()
	if !d.Await(ctx, 20*time.Millisecond, cond) {
		d.t.Fatalf("waited for %s: process %v\n%s", what, d.ProcessState, d.stderr.text())
	}
	return time.Since(d.Started)
}

// swept is how many sweeps got answers.
func (d *daemon) swept() int {
	return int(d.metric(`presenced_sweeps_total{result="up",tenant="soak"}`))
}

func (d *daemon) awaitSweeps(n int) {
	d.t.Helper()
	d.await("sweeps", func() bool { return d.swept() >= n })
}

func (d *daemon) metric(name string) float64 { return d.metrics().Value(name) }

func (d *daemon) metrics() trial.Metrics { return trial.AskMetrics(d.t.Context(), d.address) }

// tail keeps the beginning and the end of what a daemon says: a soak may be long.
type tail struct {
	mu        sync.Mutex
	head, end []byte
}

// Write implements io.Writer.
func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.head) < 16<<10 {
		o.head = append(o.head, p...)
		return len(p), nil
	}
	o.end = append(o.end, p...)
	if over := len(o.end) - 64<<10; over > 0 {
		o.end = bytes.Clone(o.end[over:])
	}
	return len(p), nil
}

func (o *tail) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.head) + string(o.end)
}
