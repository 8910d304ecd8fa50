package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programEnv makes this test binary the program itself.
const programEnv = "PRESENCED_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		os.Unsetenv(programEnv)
		main()
	}
	os.Exit(m.Run())
}

// patience is how long anything here may take before it counts as stuck.
const patience = time.Minute

// process is a presenced of its own, for what only a process can show: signals,
// limits, its end.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr buffer
	ended          chan struct{}
}

func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append([]string{programEnv + "=1", "TZ=UTC"}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait() // its error is in ProcessState
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// launchRun runs the daemon on a store and returns where its HTTP is.
func launchRun(t *testing.T, env []string, config, store string, more ...string) (*process, string) {
	t.Helper()
	args := append([]string{"run", "-c", config, "--store-dir", store, "--nats-listen", anyPort, "--http-listen", anyPort, "--log-format", "json"}, more...)
	p := launch(t, env, args...)
	p.await("it says where it listens", func() bool { return httpAddress.MatchString(p.stderr.String()) })
	return p, "http://" + httpAddress.FindStringSubmatch(p.stderr.String())[1]
}

// await blocks until cond holds; a process that ends meanwhile ends the test.
func (p *process) await(what string, cond func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-p.ended:
			if !cond() {
				p.t.Fatalf("ended (%v) before %s:\n%s", p.cmd.ProcessState, what, p.stderr.String())
			}
			return
		case <-deadline:
			p.t.Fatalf("never happened: %s:\n%s", what, p.stderr.String())
		}
	}
}

func (p *process) awaitReady(url string) {
	p.t.Helper()
	p.await("it is ready", func() bool { code, _ := ask(url + "/readyz"); return code == 200 })
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v: %v:\n%s", s, err, p.stderr.String())
	}
}

// awaitEnd returns how the process ended.
func (p *process) awaitEnd() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("still runs:\n%s", p.stderr.String())
	}
	return p.cmd.ProcessState
}

// stop is SIGTERM, which ends a daemon with exit code 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if state := p.awaitEnd(); state.ExitCode() != 0 {
		p.t.Errorf("after SIGTERM: %v, want exit code 0:\n%s", state, p.stderr.String())
	}
}

// said counts the log lines that hold all the parts.
func (p *process) said(parts ...string) int {
	n := 0
	for line := range strings.SplitSeq(p.stderr.String(), "\n") {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			n++
		}
	}
	return n
}

// newStore is where a store can be made.
func newStore(t *testing.T) string { return filepath.Join(t.TempDir(), "store") }

// rewrite changes a file as an editor does, by a new one in its place.
func rewrite(t *testing.T, path string, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(text))
	if changed == string(text) {
		t.Fatalf("nothing to change in %s:\n%s", path, text)
	}
	if err := os.WriteFile(path+".new", []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
