package publisher

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/nats-io/nats.go"

	"presenced/presence"
)

// doubt is a write whose fate is unknown: its reply was lost, or it was refused
// by an owner message that may be its own.
type doubt struct {
	n      uint64    // of the owner message at its head
	batch  string    // its id
	events int       // how many follow the owner message
	since  time.Time // when it was sent
}

// doubtError is a write that ended in doubt.
type doubtError struct{ cause error }

func (e *doubtError) Error() string { return fmt.Sprintf("in doubt: %v", e.cause) }
func (e *doubtError) Unwrap() error { return e.cause }

// InDoubt reports whether err left a write in doubt; worth counting.
func InDoubt(err error) bool {
	var d *doubtError
	return errors.As(err, &d)
}

// tries bounds how often one call goes round before it hands the doubt back to
// its caller, who waits and comes again.
const tries = 4

// lostAfter times the time for one write is how long a leader may be behind.
const lostAfter = 6

// settle resolves a doubt left by an earlier call, then writes what of the events
// is not in the log, then resolves the doubt of that, until all of them are known
// to be stored. It never sends a message twice without proof that the first one is
// not stored and never will be. next is the owner message to write.
func (c *Chain) settle(ctx context.Context, events []*nats.Msg, next func() presence.Owner) error {
	var err error
	for range tries {
		if c.doubt != nil {
			var applied bool
			applied, err = c.resolve(ctx)
			if err != nil {
				if hopeless(err) || ctx.Err() != nil {
					return err
				}
				continue
			}
			if applied {
				return nil
			}
		}
		c.n++
		err = c.write(ctx, next(), events[c.done:])
		if err == nil || !InDoubt(err) || hopeless(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// hopeless tells what another try at once would not change.
func hopeless(err error) bool {
	var denied *deniedError
	return errors.Is(err, presence.ErrDeposed) || errors.As(err, &denied)
}

// resolve finds out about the write in doubt by writing an owner message of our
// own under the same condition. If that is stored, the write in doubt is not, and
// never can be. If it is refused, the message that stands in its way tells why.
func (c *Chain) resolve(ctx context.Context) (applied bool, err error) {
	c.n++
	probe := c.last
	probe.N, probe.Summary = c.n, inherited(c.last)
	head, err := ownerMessage(c.log.ownerSubject(c.cfg.Tenant), probe, c.last.Sequence)
	if err != nil {
		return false, err
	}
	sendCtx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	sent := time.Now()
	r, err := c.log.send(sendCtx, "", []*nats.Msg{head})
	if err != nil {
		if denied := c.log.conn.deniedSince(sent); denied != nil {
			err = denied
		}
		return false, &doubtError{cause: err}
	}
	switch r.fate {
	case stored:
		if r.first <= c.last.Sequence {
			return false, fmt.Errorf("%w: stream %s counts from the start again", presence.ErrDeposed, c.log.cfg.Stream)
		}
		probe.Sequence = r.first
		c.last, c.doubt = probe, nil
		return false, nil
	case refused:
		return c.judge(sendCtx, r.current)
	default: // in flight, or the server cannot: still in doubt
		pause(ctx, 50*time.Millisecond)
		return false, &doubtError{cause: r.err}
	}
}

// judge reads the owner message that stands in the log and tells whose it is. A
// replica that has just become the cluster's leader may still show one from
// before; standing is the sequence it must have reached. One that goes on for long
// is no such leader, but a log that lost its end.
func (c *Chain) judge(ctx context.Context, standing uint64) (applied bool, err error) {
	m, err := c.log.last(ctx, c.log.cfg.Stream, c.log.ownerSubject(c.cfg.Tenant))
	if err != nil {
		return false, &doubtError{cause: fmt.Errorf("read owner message: %w", err)}
	}
	if m == nil {
		return false, c.log.removed(ctx)
	}
	o := parseOwner(m)
	switch {
	case o.Sequence == standing && standing < c.last.Sequence && time.Since(c.doubt.since) > lostAfter*c.cfg.Timeout:
		return false, fmt.Errorf("%w: the log has lost its owner message at %d, %d stands; was it restored from a backup?", presence.ErrDeposed, c.last.Sequence, standing)
	case o.Sequence < standing || o.Sequence <= c.last.Sequence:
		return false, &doubtError{cause: fmt.Errorf("owner message at %d is older than the one that stands", o.Sequence)}
	case o.Replica != c.cfg.Replica || o.Epoch != c.last.Epoch:
		c.doubt = nil
		return false, deposedBy(o)
	case o.N == c.doubt.n:
		stored, err := c.log.storedOf(ctx, o.Sequence, c.doubt.batch, c.doubt.events)
		if err != nil {
			return false, &doubtError{cause: err}
		}
		applied = stored == c.doubt.events
		c.done += stored
		c.last, c.doubt = o, nil
		return applied, nil
	default: // an earlier probe of ours: stored in the doubtful write's place
		c.last, c.doubt = o, nil
		return false, nil
	}
}

func deposedBy(o presence.Owner) error {
	if o.Replica == "" {
		return fmt.Errorf("%w: somebody wrote over its owner message", presence.ErrDeposed)
	}
	return fmt.Errorf("%w: %s since epoch %d", presence.ErrDeposed, o.Replica, o.Epoch)
}

// removed tells why an owner message is not in the log: [presence.ErrDeposed] in any
// case, because nothing ties us to the tenant any more.
func (l *Log) removed(ctx context.Context) error {
	if err := l.same(ctx); errors.Is(err, ErrReplaced) {
		return fmt.Errorf("%w: %w", presence.ErrDeposed, err)
	}
	return fmt.Errorf("%w: its owner message was removed from the log", presence.ErrDeposed)
}

// storedOf counts how many of a batch's n events stand behind its owner message.
// All of them, as a rule: a server that was killed while it stored a batch finishes
// it from a copy when it starts again. A log that lost its end has the first few.
func (l *Log) storedOf(ctx context.Context, owner uint64, batch string, n int) (int, error) {
	var failed error
	stored := sort.Search(n, func(i int) bool { // the first that is missing
		if failed != nil {
			return true
		}
		m, err := l.at(ctx, l.cfg.Stream, owner+1+uint64(i))
		if err != nil {
			failed = fmt.Errorf("look for message %d of the log: %w", owner+1+uint64(i), err)
		}
		return m == nil || m.header(batchIDHeader) != batch
	})
	return stored, failed
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
