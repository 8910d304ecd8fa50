//go:build replicas

package replicas_test

import (
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"presenced/trial"
)

// child is a process of ours, and what we did to it.
type child struct {
	*trial.Process

	mu     sync.Mutex
	paused bool
	told   bool // to end, by us
}

func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{Process: trial.Start(t, cmd)}
	t.Cleanup(c.kill)
	return c
}

// runs reports whether it is there and not paused.
func (c *child) runs() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.paused && !c.IsOver()
}

// endedByItself reports whether it is over, and not by our doing.
func (c *child) endedByItself() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IsOver() && !c.told
}

func (c *child) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = c.told || !c.IsOver()
}

// kill is kill -9; when it returns, the process is gone.
func (c *child) kill() {
	c.tell()
	c.Process.Process.Signal(syscall.SIGKILL) // it may be over
	<-c.Ended
}

// stop is SIGTERM; false if the process was not over in time.
func (c *child) stop(within time.Duration) bool {
	c.tell()
	c.Process.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.Ended:
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
	c.Process.Process.Signal(s)
}
