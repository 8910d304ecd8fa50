package board

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener within the process, so that a server can run in fake time.
type pipes struct {
	conns  chan net.Conn
	broken chan error
	closed chan struct{}
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), broken: make(chan error, 1), closed: make(chan struct{})}
}

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case err := <-p.broken:
		return nil, err
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func runInFakeTime(t *testing.T, cfg Config) (p *pipes, end func() error) {
	p = newPipes()
	s := New(cfg)
	s.listener = p
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return p, func() error { cancel(); return <-done }
}

func TestSlowClientsAreCut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		sent  string
		after time.Duration
	}{
		{"nothing is sent", "", 5 * time.Second},
		{"the header never ends", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", 5 * time.Second},
		{"nothing after the first answer", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 60 * time.Second},
		{"the body never comes", "PUT /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, end := runInFakeTime(t, Config{})
				conn := p.dial()
				began := time.Now()
				go io.WriteString(conn, tt.sent)
				io.Copy(io.Discard, conn) // until the server hangs up
				if took := time.Since(began); took < tt.after || took > tt.after+time.Second {
					t.Errorf("hung up after %v, want %v", took, tt.after)
				}
				if err := end(); err != nil {
					t.Errorf("Run = %v", err)
				}
			})
		})
	}
}

func TestProbeHasTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		fine := func(ctx context.Context) error { return ctx.Err() }
		p, end := runInFakeTime(t, Config{Ready: func() []Check { return []Check{{Name: "slow", Probe: hang}, {Name: "fine", Probe: fine}} }})
		conn := p.dial()
		began := time.Now()
		go io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		if want := "[-]slow: context deadline exceeded\n[+]fine ok\n"; string(text) != want {
			t.Errorf("answer = %q, want %q", text, want)
		}
		if took := time.Since(began); took != probeTime {
			t.Errorf("took %v, want %v", took, probeTime)
		}
		if err := end(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := func(context.Context) error { <-release; return nil }
		p, end := runInFakeTime(t, Config{Ready: func() []Check { return []Check{{Name: "stuck", Probe: stuck}} }})
		conn := p.dial()
		go io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		began := time.Now()
		if err := end(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took < grace || took > grace+time.Second {
			t.Errorf("Run ended after %v, want %v", took, grace)
		}
		close(release)
	})
}

func TestRunGivesTheListenersError(t *testing.T) {
	t.Parallel()
	p, s := newPipes(), New(Config{})
	s.listener = p
	p.broken <- io.ErrUnexpectedEOF
	err := s.Run(t.Context())
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "serve http on pipe: ") {
		t.Errorf("Run = %v, want the listener's error", err)
	}
}
