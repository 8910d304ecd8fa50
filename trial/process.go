package trial

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a program from its start to its end.
type Process struct {
	*exec.Cmd
	Started time.Time
	Ended   chan struct{} // closed once it is reaped; then ProcessState is set, and Left
	Left    time.Time     // when it was reaped
}

// Start starts a program without this machine's environment: its AZURE_ and NATS_
// variables are not for it. The caller sees to its end.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	if err := lookAtSources(); err != nil {
		t.Fatal(err)
	}
	p := &Process{Cmd: cmd, Started: time.Now(), Ended: make(chan struct{})}
	cmd.Env = []string{"TZ=UTC"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.Ended)
		cmd.Wait() //nolint:errcheck // its error is in ProcessState
		p.Left = time.Now()
	}()
	return p
}

// IsOver reports whether it has ended.
func (p *Process) IsOver() bool {
	select {
	case <-p.Ended:
		return true
	default:
		return false
	}
}

// Await blocks until cond holds; false if the process has ended, or ctx ends first.
func (p *Process) Await(ctx context.Context, every time.Duration, cond func() bool) bool {
	return Eventually(ctx, every, func() bool { return cond() || p.IsOver() }) && !p.IsOver()
}

// Stop is SIGTERM, after which a program finishes what is under way, within the
// patience, and ends with 0.
func (p *Process) Stop(t testing.TB, patience time.Duration) {
	t.Helper()
	p.end(t, syscall.SIGTERM, patience)
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("process: %v, want exit code 0", p.ProcessState)
	}
}

// Kill is SIGKILL of a program that has not ended by itself.
func (p *Process) Kill(t testing.TB, patience time.Duration) {
	t.Helper()
	p.end(t, syscall.SIGKILL, patience)
	p.WantKilled(t)
}

// WantKilled checks that a process that is over has died of SIGKILL.
func (p *Process) WantKilled(t testing.TB) {
	t.Helper()
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("process: %v, want it killed", p.ProcessState)
	}
}

func (p *Process) end(t testing.TB, s os.Signal, patience time.Duration) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Errorf("signal %v: %v: it ended by itself (%v)", s, err, p.ProcessState)
	}
	select {
	case <-p.Ended:
	case <-time.After(patience):
		t.Fatalf("%s still runs %v after %v", p.Path, patience, s)
	}
}
