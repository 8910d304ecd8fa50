package worker

import (
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"presenced/presence"
)

// append writes the changes, in as many batches as they need, and the news with
// the last of them. Last-known moves batch by batch, after each ack. With nothing
// to tell, nothing is written.
func (r *reign) append(due []change, news *presence.SourceEvent) error {
	parts := slices.Collect(slices.Chunk(due, presence.MaxBatch-1)) // one place is for the news
	if news != nil && len(parts) == 0 {
		parts = [][]change{nil}
	}
	for i, part := range parts {
		b := presence.Batch{Events: events(part), Summary: r.known.summary}
		if i == len(parts)-1 {
			b.Source = news
		}
		if err := r.write(b); err != nil {
			return err
		}
		r.known.settle(part)
	}
	if news != nil {
		r.known.summary.Source = news.After
		r.observer.SourceChanged(r.cfg.Tenant, news.After, news.Cause)
		r.log.Info("what we see of the tenant changed", zap.String("before", string(news.Before)), zap.String("now", string(news.After)), zap.String("cause", string(news.Cause)))
	}
	return nil
}

func events(due []change) []*presence.Event {
	es := make([]*presence.Event, len(due))
	for i, c := range due {
		es[i] = c.event
	}
	return es
}

// write appends one batch, for as long as it takes. The ledger and the moment are
// those of the first try, whichever try is stored: what they permit is then too
// little, never too much.
func (r *reign) write(b presence.Batch) error {
	b.Ledger = r.ledger()
	if b.Release {
		b.Ledger.Reserved = 0
	}
	sent, start := r.cfg.Boot(), time.Now()
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = 100*time.Millisecond, 5*time.Second
	for tried := false; ; tried = true {
		r.alive()
		err := r.journal.Append(r.work, b)
		if err == nil {
			if tried {
				r.report(func(s *Status) { s.Trouble = nil })
			}
			break
		}
		if errors.Is(err, presence.ErrDeposed) || r.work.Err() != nil {
			return err
		}
		r.trouble(err)
		sleep(r.work, waits.NextBackOff())
	}
	r.budget.Permit(b.Ledger, sent+ownerDeadline)
	r.beat.Reset(heartbeat)
	r.observer.Appended(r.cfg.Tenant, b.Events, time.Since(start))
	return nil
}
