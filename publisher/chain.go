package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"presenced/presence"
)

// ChainConfig says who writes for which tenant.
type ChainConfig struct {
	Tenant   string
	Replica  string        // unique for each start of a process
	Embedded bool          // the server runs in this process, its store locked by it
	Timeout  time.Duration // for one write; 0: 5 s
}

// Chain is one replica's side of a tenant's ownership chain. Every write begins
// with the owner message and holds only if nobody wrote one since ours, so two
// replicas that both believe to own the tenant cannot both write.
//
// A Chain belongs to one goroutine, but for Load, which may run beside Append.
// See docs/adr/0002-ownership-chain.md.
type Chain struct {
	log *Log
	cfg ChainConfig

	last  presence.Owner // the owner message of ours that stands in the log
	n     uint64         // of the newest write tried
	doubt *doubt         // the write whose fate is unknown; nil: none
	done  int            // events of the batch at hand that are in the log already
	gone  uint64         // an owner message of ours that was acknowledged and could not be read; 0: none
}

// ErrUnkept says that the log acknowledges owner messages and has none: it is
// damaged on disk. A nats-server that cannot read the newest message of a subject
// takes it for none, and what it rolls up then is the one that was just written.
var ErrUnkept = errors.New("the log acknowledges an owner message and does not keep it: it is damaged on disk; start its server without the stream's index.db")

// NewChain returns a chain that owns nothing yet.
func NewChain(log *Log, cfg ChainConfig) *Chain {
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	return &Chain{log: log, cfg: cfg}
}

// Owner reads the tenant's newest owner message; the zero Owner if there is none.
// One that cannot be read has a Sequence and no Replica: its epoch is set to the
// sequence, which no epoch can have passed. [ErrReplaced] if there is none because
// the log was deleted and made anew. After [ErrUnkept] none counts as one that cannot
// be read: somebody may own the tenant.
func (c *Chain) Owner(ctx context.Context) (presence.Owner, error) {
	m, err := c.log.last(ctx, c.log.cfg.Stream, c.log.ownerSubject(c.cfg.Tenant))
	if err != nil {
		return presence.Owner{}, fmt.Errorf("read owner of tenant %s: %w", c.cfg.Tenant, err)
	}
	if m == nil {
		if err := c.log.same(ctx); err != nil {
			return presence.Owner{}, fmt.Errorf("read owner of tenant %s: %w", c.cfg.Tenant, err)
		}
		return presence.Owner{Sequence: c.gone, Epoch: c.gone}, nil
	}
	return parseOwner(m), nil
}

func parseOwner(m *message) presence.Owner {
	var o presence.Owner
	if err := json.Unmarshal(m.Data, &o); err != nil || !sane(o, m.Sequence) {
		o = presence.Owner{Epoch: m.Sequence}
	}
	o.Sequence = m.Sequence
	return o
}

// sane tells an owner message from what somebody else may have written in its
// place. Each epoch has a message of its own, so none is above the sequence; and a
// negative count in the ledger would let us ask Graph for more than the limit.
func sane(o presence.Owner, sequence uint64) bool {
	negative := func(n int) bool { return n < 0 }
	return o.Replica != "" && o.Epoch <= sequence &&
		o.Ledger.InFlight >= 0 && o.Ledger.Reserved >= 0 && !slices.ContainsFunc(o.Ledger.Completed, negative)
}

// inherited is the summary of an owner message for the one after it, which comes
// behind that one's events.
func inherited(o presence.Owner) presence.Summary {
	s := o.Summary
	if s.AsOf == 0 {
		s.AsOf = o.Sequence
	}
	return s
}

// Acquire takes the tenant over from the owner seen. It returns our owner message,
// or [presence.ErrDeposed] if somebody else was quicker. From then on the old
// owner's writes are refused. After any error the tenant is not ours; [ErrUnkept]
// if it is not to be had at all.
func (c *Chain) Acquire(ctx context.Context, seen presence.Owner, ledger presence.Ledger) (presence.Owner, error) {
	if err := c.log.same(ctx); err != nil {
		return presence.Owner{}, fmt.Errorf("acquire tenant %s: %w", c.cfg.Tenant, err)
	}
	c.done, c.doubt = 0, nil // but n goes on: an earlier try may be stored yet, and is not this one
	ours := presence.Owner{
		Sequence: seen.Sequence, Replica: c.cfg.Replica, Epoch: seen.Epoch + 1,
		Embedded: c.cfg.Embedded, Ledger: ledger, Summary: inherited(seen),
	}
	if seen.Sequence == c.gone {
		ours.Sequence, ours.Summary = 0, presence.Summary{} // as far as the log can tell
	}
	c.last = ours
	if err := c.settle(ctx, nil, func() presence.Owner { return ours }); err != nil {
		return presence.Owner{}, fmt.Errorf("acquire tenant %s: %w", c.cfg.Tenant, err)
	}
	// A first owner message has no condition that ties it to the stream: ask again.
	if err := c.log.same(ctx); err != nil {
		return presence.Owner{}, fmt.Errorf("acquire tenant %s: %w", c.cfg.Tenant, err)
	}
	if err := c.kept(ctx); err != nil {
		return presence.Owner{}, fmt.Errorf("acquire tenant %s: %w", c.cfg.Tenant, err)
	}
	return c.last, nil
}

// kept is nil if the owner message just written can be read, or a newer one.
func (c *Chain) kept(ctx context.Context) error {
	m, err := c.log.last(ctx, c.log.cfg.Stream, c.log.ownerSubject(c.cfg.Tenant))
	switch {
	case err != nil:
		return fmt.Errorf("read owner message: %w", err)
	case m == nil:
		c.gone = c.last.Sequence
		return fmt.Errorf("read message %d of stream %s: %w", c.gone, c.log.cfg.Stream, ErrUnkept)
	}
	return nil
}

// Append writes the batch: the owner message and the events, in one atomic batch.
// Without events it is a heartbeat.
//
// After [presence.ErrDeposed] the tenant is lost. After any other error the batch
// may or may not be in the log, and the next Append must bring the same batch: it
// finds out first, and writes only what is not there.
func (c *Chain) Append(ctx context.Context, b presence.Batch) error {
	if len(b.Events) > presence.MaxBatch {
		return fmt.Errorf("append %d events: want at most %d", len(b.Events), presence.MaxBatch)
	}
	events, err := c.log.eventMessages(b)
	if err != nil {
		return err
	}
	err = c.settle(ctx, events, func() presence.Owner {
		next := c.last
		next.Released, next.Ledger, next.Summary = b.Release, b.Ledger, b.Summary
		if c.done > 0 { // b.Summary is of before all of them
			next.Summary = inherited(c.last)
		}
		return next
	})
	if err != nil {
		return fmt.Errorf("append to tenant %s: %w", c.cfg.Tenant, err)
	}
	c.done = 0
	return nil
}

func (l *Log) eventMessages(b presence.Batch) ([]*nats.Msg, error) {
	msgs := make([]*nats.Msg, 0, len(b.Events)+1)
	for _, e := range b.Events {
		m, err := eventMessage(l.cfg.Prefix, e)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, m)
	}
	if b.Source != nil {
		m, err := sourceMessage(l.cfg.Prefix, b.Source)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, m)
	}
	return msgs, nil
}

// write sends the owner message o, conditional on our last one, and the events
// behind it. It returns nil once they are stored; InDoubt if nobody knows.
func (c *Chain) write(ctx context.Context, o presence.Owner, events []*nats.Msg) error {
	o.N = c.n
	head, err := ownerMessage(c.log.ownerSubject(c.cfg.Tenant), o, c.last.Sequence)
	if err != nil {
		return err
	}
	batch := nats.NewInbox()[len(nats.InboxPrefix):] // a fresh id for each attempt
	sent := time.Now()
	sendCtx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	r, err := c.log.send(sendCtx, batch, append([]*nats.Msg{head}, events...))
	if err != nil {
		c.doubt = &doubt{n: o.N, batch: batch, events: len(events), since: sent}
		if denied := c.log.conn.deniedSince(sent); denied != nil {
			err = denied
		}
		return &doubtError{cause: err}
	}
	switch r.fate {
	case stored:
		if r.first <= c.last.Sequence {
			return fmt.Errorf("%w: stream %s counts from the start again", presence.ErrDeposed, c.log.cfg.Stream)
		}
		o.Sequence = r.first
		c.last = o
		return nil
	case refused, inFlight:
		// Refused may also mean that an earlier try of ours was stored after all.
		c.doubt = &doubt{n: o.N, batch: batch, events: len(events), since: sent}
		return &doubtError{cause: r.err}
	default:
		if r.partial { // as when the right to one of the subjects is missing, which is told apart
			pause(ctx, deniedWait)
			if denied := c.log.conn.deniedSince(sent); denied != nil {
				return denied
			}
		}
		return r.err
	}
}
