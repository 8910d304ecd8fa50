//go:build replicas

package replicas_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// gate is what a proxy does with the bytes of one direction.
type gate int

const (
	open    gate = iota
	hold         // keep them, and deliver them once it opens: what TCP makes of a short partition
	swallow      // read and forget: what a middlebox makes of a long one; the connection ends with it
)

// The directions of a proxy.
const (
	up   = 0 // from the client to the server
	down = 1
)

// proxy stands between one process and one NATS server.
type proxy struct {
	listener net.Listener
	target   string
	tap      *tap // nil: nobody listens

	mu      sync.Mutex
	changed *sync.Cond // the gates did, or a connection ended
	gates   [2]gate
	shut    bool // new connections end at once
	pairs   map[*pair]bool
	all     sync.WaitGroup
}

// pair is one connection through the proxy.
type pair struct {
	ends   [2]net.Conn // of the client, of the server
	lossy  bool        // bytes were swallowed
	closed bool
}

func startProxy(t *testing.T, target string, tap *tap) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, tap: tap, pairs: make(map[*pair]bool)}
	p.changed = sync.NewCond(&p.mu)
	p.all.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	p.mu.Lock()
	shut := p.shut
	p.mu.Unlock()
	if shut {
		client.Close()
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	c := &pair{ends: [2]net.Conn{client, server}}
	p.mu.Lock()
	p.pairs[c] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	for direction := range c.ends {
		both.Go(func() { p.pump(c, direction) })
	}
	both.Wait()
}

// pump carries bytes one way. Whatever ends it ends the connection.
func (p *proxy) pump(c *pair, direction int) {
	defer p.end(c)
	from, to := c.ends[direction], c.ends[1-direction]
	var listener io.Writer = io.Discard
	if direction == up && p.tap != nil {
		listener = &stream{tap: p.tap}
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		listener.Write(buffer[:n])
		pass, alive := p.pass(c, direction)
		if !alive {
			return
		}
		if !pass {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// pass waits while the gate holds, and reports whether the bytes go on.
func (p *proxy) pass(c *pair, direction int) (pass, alive bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.gates[direction] == hold && !c.closed {
		p.changed.Wait()
	}
	if p.gates[direction] == swallow {
		c.lossy = true
		return false, !c.closed
	}
	return true, !c.closed && !c.lossy
}

func (p *proxy) end(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(c)
}

// drop ends a connection as a machine that is gone does. The mutex is held.
func (p *proxy) drop(c *pair) {
	if c.closed {
		return
	}
	c.closed = true
	delete(p.pairs, c)
	for _, conn := range c.ends {
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	p.changed.Broadcast()
}

// cut ends every connection there is.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		p.drop(c)
	}
}

// set changes a gate. Connections that lost bytes end when it opens.
func (p *proxy) set(direction int, g gate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates[direction] = g
	for c := range p.pairs {
		if c.lossy && g == open {
			p.drop(c)
		}
	}
	p.changed.Broadcast()
}

// close ends it, and everything on its way.
func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.shut = true
	for c := range p.pairs {
		p.drop(c)
	}
	p.mu.Unlock()
	p.all.Wait()
}
