package chaos_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"presenced/trial"
)

// patience is how long anything here may take before it counts as stuck.
const patience = 30 * time.Second

// daemon is one process of `presenced run`, from its start to its end.
type daemon struct {
	*trial.Process
	t       *testing.T
	front   *front
	journal trial.Journal
}

func (n *tenant) start(t *testing.T) *daemon {
	t.Helper()
	return n.startProgram(t, binary)
}

// startProgram starts a build of the daemon.
func (n *tenant) startProgram(t *testing.T, program string) *daemon {
	t.Helper()
	d := &daemon{t: t, front: newFront(n)}
	cmd := exec.Command(program, "run", "-c", n.configure(t, d.front.web.URL), "--store-dir", n.store,
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--log-format", "json")
	cmd.Stderr = &d.journal
	d.Process = trial.Start(t, cmd)
	t.Cleanup(func() {
		d.Process.Process.Kill()
		<-d.Ended
		d.front.web.Close()
	})
	return d
}

// await blocks until cond holds. A daemon that ends meanwhile ends the test.
func (d *daemon) await(what string, cond func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	every := 10 * time.Millisecond // to look takes the daemon's time too
	if !d.Await(ctx, every, cond) {
		d.t.Fatalf("waited for %s: process %v, log complains %q", what, d.ProcessState, d.journal.Complaints())
	}
}

// kill is kill -9. When it returns, everything that was served to the daemon is on
// record.
func (d *daemon) kill() {
	d.t.Helper()
	d.Kill(d.t, patience)
	d.close()
}

// stop is SIGTERM, after which a daemon finishes what is under way.
func (d *daemon) stop() {
	d.t.Helper()
	d.Stop(d.t, patience)
	d.close()
}

func (d *daemon) close() {
	d.t.Helper()
	d.front.web.Close()
	for _, line := range d.journal.Complaints() {
		d.t.Errorf("the daemon complains: %s", line)
	}
}

// swept is how many sweeps the daemon has completed, by its own metrics: their
// answers were compared and what changed is in the log.
func (d *daemon) swept() int {
	runs, ok := d.journal.Said("presenced runs")
	if !ok {
		return 0
	}
	return int(trial.AskMetrics(d.t.Context(), runs.HTTP).Value(`presenced_sweeps_total{result="up",tenant="chaos"}`))
}

func (d *daemon) awaitSweeps(n int) {
	d.t.Helper()
	d.await("sweeps", func() bool { return d.swept() >= n })
}
