package chaos_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything here may take before it counts as stuck.
const patience = 30 * time.Second

// daemon is one process of `presenced run`, from its start to its end.
type daemon struct {
	t       *testing.T
	cmd     *exec.Cmd
	front   *front
	journal journal
	started time.Time
	ended   chan struct{} // closed once it is reaped
}

func (n *tenant) start(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{t: t, front: newFront(n), ended: make(chan struct{})}
	d.cmd = exec.Command(binary, "run", "-c", n.configure(t, d.front.web.URL), "--store-dir", n.store,
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--log-format", "json")
	d.cmd.Env = []string{"TZ=UTC"} // this machine's AZURE_ and NATS_ variables are not for it
	d.cmd.Stderr = &d.journal
	d.started = time.Now()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		d.cmd.Wait() // its error is in ProcessState
	}()
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		<-d.ended
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
	if !eventually(ctx, every, func() bool { return cond() || d.isOver() }) || d.isOver() {
		d.t.Fatalf("waited for %s: process %v, log complains %q", what, d.cmd.ProcessState, d.journal.complaintsSoFar())
	}
}

func (d *daemon) isOver() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// kill is kill -9. When it returns, everything that was served to the daemon is on
// record.
func (d *daemon) kill() {
	d.t.Helper()
	d.end(syscall.SIGKILL)
	if status := d.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		d.t.Errorf("process: %v, want it killed", d.cmd.ProcessState)
	}
}

// stop is SIGTERM, after which a daemon finishes what is under way.
func (d *daemon) stop() {
	d.t.Helper()
	d.end(syscall.SIGTERM)
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("process: %v, want exit code 0", d.cmd.ProcessState)
	}
}

func (d *daemon) end(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Errorf("signal %v: %v: it ended by itself (%v)", s, err, d.cmd.ProcessState)
	}
	select {
	case <-d.ended:
	case <-time.After(patience):
		d.t.Fatalf("still runs %v after %v", patience, s)
	}
	d.front.web.Close()
	for _, text := range d.journal.complaintsSoFar() {
		d.t.Errorf("the daemon complains: %s", text)
	}
}

// swept is how many sweeps the daemon has completed, by its own metrics: their
// answers were compared and what changed is in the log.
func (d *daemon) swept() int {
	runs, ok := d.journal.said("presenced runs")
	if !ok {
		return 0
	}
	resp, err := http.Get("http://" + runs.HTTP + "/metrics")
	if err != nil {
		return 0 // it may be ending
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), `presenced_sweeps_total{result="up",tenant="chaos"} `); ok {
			n, _ := strconv.Atoi(value)
			return n
		}
	}
	return 0
}

func (d *daemon) awaitSweeps(n int) {
	d.t.Helper()
	d.await("sweeps", func() bool { return d.swept() >= n })
}
