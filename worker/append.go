package worker

import (
	"errors"
	"slices"
	"time"

	"presenced/presence"
)

// append writes the changes, in as many batches as they need. Last-known moves
// batch by batch, after each ack. With nothing to tell, nothing is written.
func (r *reign) append(due []change) error {
	for part := range slices.Chunk(due, presence.MaxBatch) {
		if err := r.confess(); err != nil {
			return err
		}
		if err := r.write(presence.Batch{Events: events(part), Summary: r.known.summary}); err != nil {
			return err
		}
		r.known.settle(part)
	}
	return r.confess()
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
	b.Ledger = r.reserve(r.due(), r.next)
	if b.Release {
		b.Ledger.Reserved = 0
	}
	sent, start := r.cfg.Boot(), time.Now()
	waits := r.waits(100*time.Millisecond, 5*time.Second)
	for tried := false; ; tried = true {
		r.alive()
		err := r.journal.Append(r.work, b)
		if err == nil {
			if tried {
				r.report(func(s *Status) { s.Trouble = nil })
			}
			r.away = r.away.over(start, time.Now(), r.cfg.Schedule)
			break
		}
		if errors.Is(err, presence.ErrDeposed) || r.work.Err() != nil {
			return err
		}
		r.trouble(err)
		sleep(r.work, waits.next())
	}
	r.budget.Permit(b.Ledger, sent+ownerDeadline)
	r.beat.Reset(heartbeat)
	r.observer.Appended(r.cfg.Tenant, b.Events, time.Since(start))
	return nil
}
