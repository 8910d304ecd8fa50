package soak_test

import (
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemon is one process of `presenced run`.
type daemon struct {
	t       *testing.T
	cmd     *exec.Cmd
	started time.Time
	stderr  *tail
	http    string
	ended   chan struct{} // closed once it is reaped
}

func launch(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, stderr: &tail{}, ended: make(chan struct{})}
	d.cmd = exec.Command(binary, append([]string{"run", "--http-listen", "127.0.0.1:0", "--log-format", "json"}, args...)...)
	d.cmd.Env = []string{"TZ=UTC"}
	d.cmd.Stderr = d.stderr
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
	})
	address := regexp.MustCompile(`"http":"([^"]+)"`)
	d.await("it says where it listens", func() bool {
		m := address.FindStringSubmatch(d.stderr.text())
		if m != nil {
			d.http = "http://" + m[1]
		}
		return m != nil
	})
	return d
}

// stop is SIGTERM.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.ended:
	case <-time.After(patience):
		d.t.Fatal("still runs after SIGTERM")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("ended with %d, want 0:\n%s", code, d.stderr.text())
	}
}

func (d *daemon) await(what string, cond func() bool) {
	d.t.Helper()
	d.awaitFor(patience, what, cond)
}

// awaitFor blocks until cond holds and returns how long after exec that was.
func (d *daemon) awaitFor(long time.Duration, what string, cond func() bool) time.Duration {
	d.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(long)
	for !cond() {
		select {
		case <-tick.C:
		case <-d.ended:
			d.t.Fatalf("ended (%v) before %s:\n%s", d.cmd.ProcessState, what, d.stderr.text())
		case <-deadline:
			d.t.Fatalf("never happened: %s:\n%s", what, d.stderr.text())
		}
	}
	return time.Since(d.started)
}

// swept is how many sweeps got answers.
func (d *daemon) swept() int {
	return int(d.metric(`presenced_sweeps_total{result="up",tenant="soak"}`))
}

func (d *daemon) awaitSweeps(n int) {
	d.t.Helper()
	d.await("sweeps", func() bool { return d.swept() >= n })
}

func (d *daemon) metric(name string) float64 { return value(d.metrics(), name) }

func (d *daemon) metrics() string {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(d.http + "/metrics")
	if err != nil {
		return "" // what is waited for is not there, and the next look may find it
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

func value(text, name string) float64 {
	for line := range strings.SplitSeq(text, "\n") {
		if number, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseFloat(number, 64)
			return n
		}
	}
	return 0
}

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
