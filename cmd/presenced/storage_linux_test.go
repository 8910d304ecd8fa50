package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noWrites makes every write to a file fail with EFBIG, in the running process:
// what a disk does that is full, without the right to mount one.
func (p *process) noWrites() {
	p.t.Helper()
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: unix.RLIM_INFINITY}, nil); err != nil {
		p.t.Fatal(err)
	}
}

// A disk that takes no writes: not ready at once, the process ends by itself with
// path and errno, and the next one has every event that was acknowledged.
func TestDiskThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 20)
	store := newStore(t)
	p, url := launchRun(t, nil, config, store)
	p.awaitReady(url)
	if err := sim.SetPresence(sim.UserIDs()[0], "Busy", "InACall"); err != nil {
		t.Fatal(err)
	}
	p.await("the change is in the log", func() bool {
		_, text := ask(url + "/metrics")
		return strings.Contains(text, `presenced_events_total{kind="change",tenant="demo"} 1`)
	})
	acked := replay(t, natsOf(p))

	p.noWrites()
	began := time.Now()
	var health string
	p.await("it is not ready", func() bool {
		code, text := ask(url + "/readyz?verbose")
		health = text
		return code == 503 && strings.Contains(text, "[-]store")
	})
	t.Logf("not ready %v after the disk took no more writes", time.Since(began).Round(time.Millisecond))
	if !strings.Contains(health, store) || !strings.Contains(health, "file too large") {
		t.Errorf("readyz names not path and errno:\n%s", health)
	}
	if err := sim.SetPresence(sim.UserIDs()[1], "Away", "Away"); err != nil { // it can be seen, but not told
		t.Fatal(err)
	}
	if state := p.awaitEnd(); state.ExitCode() != exitIO {
		t.Errorf("ended with %v, want exit code %d:\n%s", state, exitIO, p.stderr.String())
	}
	t.Logf("ended %v after the disk took no more writes", time.Since(began).Round(time.Millisecond))
	if p.said("the store has taken no writes for", store, "file too large") == 0 {
		t.Errorf("it does not say why:\n%s", p.stderr.String())
	}

	next, url := launchRun(t, nil, config, store)
	next.awaitReady(url)
	wantKept(t, acked, replay(t, natsOf(next)))
	next.await("the change that could not be told", func() bool {
		_, text := ask(url + "/metrics")
		return strings.Contains(text, `presenced_events_total{kind="change",tenant="demo"} 1`)
	})
	if _, text := ask(url + "/metrics"); !strings.Contains(text, `presenced_state_lost_total{tenant="demo"} 0`) || !strings.Contains(text, `presenced_events_total{kind="snapshot",tenant="demo"} 0`) {
		t.Errorf("state was lost:\n%s", grep(text, "demo"))
	}
	next.stop()
}

func TestDeletedStore(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 5)
	store := newStore(t)
	p, url := launchRun(t, nil, config, store)
	p.awaitReady(url)
	if err := os.Rename(store, newStore(t)); err != nil { // to delete it file by file would be a race with the server
		t.Fatal(err)
	}
	if state := p.awaitEnd(); state.ExitCode() != exitIO {
		t.Errorf("ended with %v, want exit code %d:\n%s", state, exitIO, p.stderr.String())
	}
	if p.said("store is gone", store, "no such file or directory") == 0 {
		t.Errorf("it does not say why:\n%s", p.stderr.String())
	}
	next, url := launchRun(t, nil, config, store) // it begins anew
	next.awaitReady(url)
	next.stop()
}

func TestStartOnADiskThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 5)
	store := newStore(t)
	cmd := exec.Command("sh", "-c", `ulimit -f 0; exec "$0" "$@"`, os.Args[0], "run", "-c", config, "--store-dir", store, "--nats-listen", anyPort, "--http-listen", anyPort)
	cmd.Env = []string{programEnv + "=1"}
	out, _ := cmd.CombinedOutput() // its error is the exit code
	if code := cmd.ProcessState.ExitCode(); code != exitIO || !strings.Contains(string(out), store) || !strings.Contains(string(out), "file too large") {
		t.Errorf("exit %d, want %d with path and errno in\n%s", code, exitIO, out)
	}
}
