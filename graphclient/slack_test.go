package graphclient_test

import (
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// slack makes an end of a net.Pipe take what is written without waiting for the
// reader, as a socket does. TLS would wait for both sides to part otherwise.
type slack struct {
	net.Conn
	out chan []byte

	mu     sync.Mutex // guards what follows
	closed bool
	until  time.Time // of writing; zero: for ever
}

func newSlack(conn net.Conn) *slack {
	s := &slack{Conn: conn, out: make(chan []byte, 1<<12)}
	go func() {
		defer conn.Close()
		for b := range s.out {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Hour))
			_, _ = conn.Write(b)
		}
	}()
	return s
}

func (s *slack) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case !s.until.IsZero() && !time.Now().Before(s.until):
		return 0, os.ErrDeadlineExceeded
	}
	s.out <- slices.Clone(b)
	return len(b), nil
}

func (s *slack) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = at
	return nil
}

func (s *slack) SetDeadline(at time.Time) error {
	_ = s.SetWriteDeadline(at)
	return s.SetReadDeadline(at)
}

// Close sends what was written before it.
func (s *slack) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	close(s.out)
	return s.SetReadDeadline(time.Unix(1, 0))
}

// slackListener accepts such connections.
type slackListener struct{ net.Listener }

func (l slackListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSlack(conn), nil
}
