package network

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// lane is one direction of a link.
type lane struct {
	latency func(time.Time) time.Duration
	wake    chan struct{} // something changed that a reader waits for

	mu      sync.Mutex // guards what follows
	flying  []burst    // in order of arrival
	stalled time.Time  // nothing arrives before
	silent  bool       // what is written is lost
	ended   bool       // nothing more is accepted; a reader gets EOF behind what flies
	endDue  time.Time  // when the end arrives
	closed  bool       // the reader's side is closed
	expires time.Time  // the reader's deadline; zero: none
}

// burst is what was written at one instant.
type burst struct {
	data         []byte
	written, due time.Time
}

func newLane(latency func(time.Time) time.Duration) *lane {
	return &lane{latency: latency, wake: make(chan struct{}, 1)}
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write never blocks: the network holds as much as it is given.
func (l *lane) write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return 0, io.ErrClosedPipe
	}
	if l.silent || len(p) == 0 {
		return len(p), nil
	}
	now := time.Now()
	if n := len(l.flying); n > 0 && l.flying[n-1].written.Equal(now) {
		l.flying[n-1].data = append(l.flying[n-1].data, p...)
		return len(p), nil
	}
	l.flying = append(l.flying, burst{append([]byte(nil), p...), now, l.dueFrom(now)})
	l.poke()
	return len(p), nil
}

// dueFrom keeps the order: nothing overtakes.
func (l *lane) dueFrom(now time.Time) time.Time {
	due := now.Add(l.latency(now))
	if n := len(l.flying); n > 0 && !due.After(l.flying[n-1].due) {
		due = l.flying[n-1].due.Add(time.Nanosecond)
	}
	return due
}

// read blocks until something has arrived.
func (l *lane) read(p []byte) (int, error) {
	for {
		n, wait, err := l.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		if wait == 0 {
			<-l.wake
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-l.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// take returns what has arrived, or how long to wait (0: until something changes).
func (l *lane) take(p []byte) (n int, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.closed {
		return 0, 0, net.ErrClosed
	}
	if !l.expires.IsZero() && !now.Before(l.expires) {
		return 0, 0, os.ErrDeadlineExceeded
	}
	until := l.expires
	switch {
	case len(l.flying) > 0:
		b := &l.flying[0]
		if due := later(b.due, l.stalled); !now.Before(due) {
			n = copy(p, b.data)
			if b.data = b.data[n:]; len(b.data) == 0 {
				l.flying = l.flying[1:]
			}
			return n, 0, nil
		} else if until.IsZero() || due.Before(until) {
			until = due
		}
	case l.ended:
		if due := later(l.endDue, l.stalled); !now.Before(due) {
			return 0, 0, io.EOF
		} else if until.IsZero() || due.Before(until) {
			until = due
		}
	}
	if until.IsZero() {
		return 0, 0, nil
	}
	return 0, until.Sub(now), nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// end is an orderly close by the writer: what flies arrives before it.
func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.endDue = l.dueFrom(time.Now())
	if l.silent {
		l.flying = nil
	}
	l.ended = true
	l.poke()
}

// cut ends the lane with the first share of what flies.
func (l *lane) cut(share float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := 0
	for _, b := range l.flying {
		size += len(b.data)
	}
	left := int(share * float64(size))
	for i := range l.flying {
		if b := &l.flying[i]; len(b.data) > left {
			b.data = b.data[:left]
			l.flying = l.flying[:i+1]
			if left == 0 {
				l.flying = l.flying[:i]
			}
			break
		}
		left -= len(l.flying[i].data)
	}
	l.endDue = time.Now()
	if n := len(l.flying); n > 0 {
		l.endDue = l.flying[n-1].due
	}
	l.ended = true
	l.poke()
}

func (l *lane) stall(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = later(l.stalled, until)
	l.poke()
}

func (l *lane) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.flying = true, nil
}

// leave is the reader's close.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.poke()
}

func (l *lane) deadline(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expires = t
	l.poke()
}
