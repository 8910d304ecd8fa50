//go:build replicas

package replicas_test

import (
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is a process of ours, from its start to its end.
type child struct {
	cmd     *exec.Cmd
	started time.Time
	over    chan struct{} // closed once it is reaped

	mu     sync.Mutex
	paused bool
	told   bool      // to end, by us
	left   time.Time // when it was reaped
}

func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{cmd: cmd, started: time.Now(), over: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait() // its error is in ProcessState
		c.mu.Lock()
		c.left = time.Now()
		c.mu.Unlock()
		close(c.over)
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) isOver() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// runs reports whether it is there and not paused.
func (c *child) runs() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.paused && !c.isOver()
}

// endedByItself reports whether it is over, and not by our doing.
func (c *child) endedByItself() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isOver() && !c.told
}

func (c *child) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = c.told || !c.isOver()
}

// kill is kill -9; when it returns, the process is gone.
func (c *child) kill() {
	c.tell()
	c.cmd.Process.Signal(syscall.SIGKILL) // it may be over
	<-c.over
}

// stop is SIGTERM; false if the process was not over in time.
func (c *child) stop(within time.Duration) bool {
	c.tell()
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.over:
		return true
	case <-time.After(within):
		return false
	}
}

// pause is SIGSTOP, go on SIGCONT.
func (c *child) pause() { c.halt(true, syscall.SIGSTOP) }
func (c *child) goOn()  { c.halt(false, syscall.SIGCONT) }

func (c *child) halt(paused bool, s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = paused
	c.cmd.Process.Signal(s)
}
