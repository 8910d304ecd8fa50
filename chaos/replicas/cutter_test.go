//go:build replicas

package replicas_test

import (
	"net"
	"sync"
	"testing"
)

// cutter carries connections to a server and, once armed, ends all of them after
// exactly so many bytes more of one direction. The other end gets those bytes.
type cutter struct {
	listener net.Listener
	target   string

	mu        sync.Mutex
	armed     bool
	direction int
	left      int // bytes until the cut
	cuts      int
	passed    [2]int // bytes since armed
	conns     map[net.Conn]bool
	all       sync.WaitGroup
}

func startCutter(t *testing.T, target string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, target: target, conns: make(map[net.Conn]bool)}
	c.all.Go(c.accept)
	return c
}

func (c *cutter) url() string { return "nats://" + c.listener.Addr().String() }

func (c *cutter) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.target)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		c.conns[client], c.conns[server] = true, true
		c.mu.Unlock()
		ends := [2]net.Conn{client, server}
		for direction := range ends {
			c.all.Go(func() { c.pump(ends, direction) })
		}
	}
}

func (c *cutter) pump(ends [2]net.Conn, direction int) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, conn := range ends {
			conn.Close()
			delete(c.conns, conn)
		}
	}()
	buffer := make([]byte, 16<<10)
	for {
		n, err := ends[direction].Read(buffer)
		if err != nil || !c.carry(ends[1-direction], direction, buffer[:n]) {
			return
		}
	}
}

// carry writes what may pass; false: that was the end. The lock is held while it
// writes, so that nothing of the other direction slips through after the cut.
func (c *cutter) carry(to net.Conn, direction int, p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed[direction] += len(p)
	if !c.armed || direction != c.direction || len(p) < c.left {
		if c.armed && direction == c.direction {
			c.left -= len(p)
		}
		_, err := to.Write(p)
		return err == nil
	}
	to.Write(p[:c.left])
	c.armed = false
	c.cuts++
	for conn := range c.conns {
		conn.Close() // without a reset, which could take back what has just been written
	}
	return false
}

// arm makes it cut once, after n bytes of that direction from now on.
func (c *cutter) arm(direction, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.direction, c.left, c.passed = true, direction, n, [2]int{}
}

// disarm reports whether it has cut, and how many bytes passed that way since it was armed.
func (c *cutter) disarm(direction int) (cut bool, passed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	return c.cuts > 0, c.passed[direction]
}

func (c *cutter) close() {
	c.listener.Close()
	c.mu.Lock()
	for conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	c.all.Wait()
}
