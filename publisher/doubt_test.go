package publisher_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"presenced/presence"
	"presenced/publisher"
)

// cutter is a TCP proxy that breaks one connection at a chosen moment: after so
// many bytes that the client sent from arm on.
type cutter struct {
	url    string
	target string
	left   atomic.Int64 // bytes until the cut; negative: none is due
	mute   atomic.Bool  // instead of cutting, let the rest through but no answer back
	muted  atomic.Bool
	cuts   atomic.Int64
	sent   atomic.Int64 // bytes from clients so far
	mu     sync.Mutex
	open   []net.Conn
}

func startCutter(t *testing.T, target string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{url: "nats://" + l.Addr().String(), target: strings.TrimPrefix(target, "nats://")}
	c.left.Store(-1)
	t.Cleanup(func() { l.Close(); c.hangUp() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(client)
		}
	}()
	return c
}

// arm cuts after n more bytes from the client.
func (c *cutter) arm(n int64, mute bool) {
	c.mute.Store(mute)
	c.left.Store(n)
}

func (c *cutter) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		conn.Close()
	}
	c.open = nil
}

func (c *cutter) serve(client net.Conn) {
	server, err := net.Dial("tcp", c.target)
	if err != nil {
		client.Close()
		return
	}
	c.mu.Lock()
	c.open = append(c.open, client, server)
	c.mu.Unlock()
	c.muted.Store(false)
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				client.Close()
				return
			}
			if !c.muted.Load() {
				client.Write(buf[:n])
			}
		}
	}()
	buf := make([]byte, 64)
	for {
		n, err := client.Read(buf)
		if err != nil {
			server.Close()
			return
		}
		c.sent.Add(int64(n))
		left := c.left.Load()
		if left >= 0 && left < int64(n) {
			c.left.Store(-1)
			c.cuts.Add(1)
			if !c.mute.Load() {
				server.Write(buf[:left])
				c.hangUp()
				return
			}
			c.muted.Store(true) // the server hears everything, the client nothing
		} else if left >= 0 {
			c.left.Store(left - int64(n))
		}
		if _, err := server.Write(buf[:n]); err != nil {
			client.Close()
			return
		}
	}
}

func openThrough(t *testing.T, c *cutter) *publisher.Log { return openAt(t, c.url) }

func openAt(t *testing.T, url string) *publisher.Log {
	t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), URL: url}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.AwaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, _, err := publisher.Open(t.Context(), conn, config)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// appendUntilKnown does what a worker does: the same batch again until its fate is
// known.
func appendUntilKnown(t *testing.T, c *publisher.Chain, b presence.Batch) (doubts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := c.Append(ctx, b)
		if err == nil {
			return doubts
		}
		if errors.Is(err, presence.ErrDeposed) || ctx.Err() != nil {
			t.Fatal(err)
		}
		if publisher.InDoubt(err) {
			doubts++
		}
	}
}

// However the connection breaks in the middle of a batch, or after it with the ack
// lost, the batch is in the log exactly once.
func TestBrokenConnectionsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	log := openLog(t, server)
	_ = log
	for name, tc := range map[string]struct {
		part float64 // of the batch's bytes
		mute bool
	}{
		"before the first byte":      {0, false},
		"in the owner message":       {0.1, false},
		"between messages":           {0.3, false},
		"in the last message":        {0.9, false},
		"ack lost":                   {0.1, true},
		"ack lost, server hears all": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := startCutter(t, server.ClientURL())
			log := openThrough(t, proxy)
			c := publisher.NewChain(log, publisher.ChainConfig{Tenant: tenant, Replica: name, Timeout: 500 * time.Millisecond})
			seen, err := c.Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			own, err := c.Acquire(t.Context(), seen, presence.Ledger{})
			if err != nil {
				t.Fatal(err)
			}
			l, err := c.Load(t.Context(), own)
			if err != nil {
				t.Fatal(err)
			}
			p := newPeople()
			for u, s := range l.States {
				p.move(u, s)
			}
			three := []presence.UserID{userID(1), userID(2), userID(3)}
			sent := proxy.sent.Load()
			mustAppend(t, c, p.become("Away", "Away", three...))
			size := float64(proxy.sent.Load() - sent)
			before := len(read(t, log))
			word := strings.ReplaceAll(name, " ", "-")
			word = strings.ReplaceAll(word, ",", "")
			b := p.become(word, word, three...)
			proxy.arm(int64(tc.part*size), tc.mute)
			if tc.mute {
				time.AfterFunc(2*time.Second, proxy.hangUp) // half-open connections end some time
			}
			appendUntilKnown(t, c, b)
			mustAppend(t, c, p.become("Available", "Available", userID(1)))
			if proxy.cuts.Load() != 1 {
				t.Errorf("the connection was cut %d times, want once", proxy.cuts.Load())
			}
			events := read(t, log)
			if n := len(events) - before; n != 4 {
				t.Errorf("%d events, want 3 and 1", n)
			}
			revisions := map[presence.UserID]uint64{}
			for _, e := range events {
				if e.Revision != revisions[e.User]+1 {
					t.Errorf("revision %d of a user follows %d", e.Revision, revisions[e.User])
				}
				revisions[e.User] = e.Revision
			}
			b = p.beat()
			b.Release = true
			mustAppend(t, c, b)
		})
	}
}
