package worker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// retryPermanent is how long a tenant is left alone after a refusal that a person
// has to do something about.
const retryPermanent = 5 * time.Minute

// reign is one ownership of a tenant, from acquire to release or deposition. All
// of it runs on the tenant's goroutine.
type reign struct {
	*Tenant
	work  context.Context // outlives the order to stop by a grace
	epoch uint64
	known *lastKnown
	blind blindness

	sweep  *sweep // nil: none is under way
	cancel func() // ends the sweep's requests
	beat   *time.Timer
	resume time.Time // no sweep starts before
	said   uint64    // source events of this reign
}

func (t *Tenant) reign(ctx, work context.Context, own term) error {
	r := &reign{Tenant: t, work: work, epoch: own.owner.Epoch, beat: time.NewTimer(heartbeat), cancel: func() {}}
	defer r.beat.Stop()
	defer r.abandon()
	t.budget.Permit(own.ledger, own.sent+ownerDeadline)
	if err := r.load(ctx, own.owner); err != nil {
		return err
	}
	t.observer.Reigns(t.cfg.Tenant, r.epoch)
	t.report(func(s *Status) { s.Owns, s.Epoch = true, r.epoch })
	t.log.Info("owning the tenant", zap.Uint64("epoch", r.epoch), zap.Int("users", len(t.cfg.Users)))
	if err := r.append(r.known.leavers(t.cfg.Users, time.Now()), nil); err != nil {
		return err
	}
	return r.watch(ctx)
}

// load reads the state that we took over, and keeps the tenant ours meanwhile.
func (r *reign) load(ctx context.Context, own presence.Owner) error {
	type result struct {
		presence.Loaded
		err error
	}
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan result, 1)
	start := time.Now()
	go func() {
		l, err := r.journal.Load(loading, own)
		done <- result{l, err}
	}()
	for {
		r.turn()
		select {
		case l := <-done:
			if l.err != nil {
				return l.err
			}
			r.known = newLastKnown(r.cfg.Tenant, r.cfg.UnknownAfter, r.cfg.Users, l.Loaded, own.Summary)
			if !l.Intact {
				r.log.Error("last-known state is damaged: every user gets a new snapshot", zap.Uint64("log_sequence", own.Sequence), zap.Uint64("on_record_as_of", own.Summary.AsOf),
					zap.Int("users_found", l.Found.Users), zap.Int("users_expected", l.Expected.Users), zap.Uint64("revision_found", l.Found.Revision), zap.Uint64("revision_expected", l.Expected.Revision))
			}
			r.observer.Loaded(r.cfg.Tenant, len(l.States), time.Since(start), l.Intact)
			return nil
		case <-r.beat.C:
			if err := r.write(presence.Batch{Summary: own.Summary}); err != nil {
				cancel()
				<-done
				return err
			}
		}
	}
}

// watch is the loop of a tenant: ticks, answers, heartbeats.
func (r *reign) watch(ctx context.Context) error {
	next := r.cfg.Schedule.Next(time.Now())
	r.startSweep(0, r.interval(next))
	tick := time.NewTimer(time.Until(next))
	defer tick.Stop()
	for {
		r.turn()
		select {
		case <-ctx.Done():
			return r.release()
		case <-tick.C:
			next = r.tick(next)
			tick.Reset(time.Until(next))
		case a, ok := <-r.answers():
			if err := r.take(a, ok); err != nil {
				return err
			}
		case <-r.beat.C:
			if err := r.write(presence.Batch{Summary: r.known.summary}); err != nil {
				return err
			}
		}
	}
}

// interval is the time from one tick to the one after.
func (r *reign) interval(tick time.Time) time.Duration {
	return r.cfg.Schedule.Next(tick).Sub(tick)
}

// tick starts the sweep that is due, unless one is under way, and returns when
// the next one is. Ticks that passed unseen are skipped too.
func (r *reign) tick(due time.Time) time.Time {
	now := time.Now()
	next := r.cfg.Schedule.Next(due)
	for !next.After(now) {
		r.observer.Skipped(r.cfg.Tenant)
		due, next = next, r.cfg.Schedule.Next(next)
	}
	switch {
	case r.sweep != nil:
		r.observer.Skipped(r.cfg.Tenant)
	case now.Before(r.resume):
	default:
		interval := r.interval(due)
		r.startSweep(interval/2, interval)
	}
	return next
}

// startSweep begins a pass over the roster. Requests leave within spread; the
// rest of the interval is for answers that take long.
func (r *reign) startSweep(spread, interval time.Duration) {
	r.known.rule.GapAfter = 2 * interval
	r.report(func(s *Status) { s.Interval = interval })
	ctx, cancel := context.WithTimeout(r.work, max(2*interval, 30*time.Second))
	r.sweep = startSweep(ctx, r.source, r.cfg.Tenant, r.cfg.Users, r.cfg.Chunk, spread)
	r.cancel = cancel
}

func (r *reign) answers() <-chan answered {
	if r.sweep == nil {
		return nil
	}
	return r.sweep.answers
}

// take handles a chunk's answers, with all others that have come in meanwhile, or
// the end of the sweep.
func (r *reign) take(a answered, ok bool) error {
	var due []change
	for ok {
		r.sweep.count(a)
		due = append(due, r.known.compare(a.answers)...)
		if causeOf(a.err).Permanent() {
			r.sweep.stop() // the next chunk would be refused too
		}
		if len(due) >= presence.MaxBatch {
			break
		}
		select {
		case a, ok = <-r.sweep.answers:
			continue
		default:
		}
		break
	}
	r.tally(due)
	if !ok {
		return r.endSweep(due)
	}
	return r.append(due, nil)
}

func (r *reign) tally(due []change) {
	for _, c := range due {
		if c.event.Kind == presence.KindChange {
			r.sweep.report.Changes++
		} else {
			r.sweep.report.Snapshots++
		}
	}
}

// endSweep appends the sweep's last events, and the news if what we can see of
// the tenant has changed.
func (r *reign) endSweep(due []change) error {
	report := r.sweep.finish()
	r.cancel()
	r.sweep = nil
	said := r.known.summary.Source
	now := r.blind.judge(report, said)
	if report.Cause.Permanent() {
		r.resume = time.Now().Add(retryPermanent)
	}
	var news *presence.SourceEvent
	if now != said {
		r.said++
		news = &presence.SourceEvent{
			Tenant: r.cfg.Tenant, Before: said, After: now, Cause: report.Cause,
			LastGood: r.known.summary.Confirmed, At: time.Now(), Epoch: r.epoch, N: r.said,
		}
	}
	if err := r.append(due, news); err != nil {
		return err
	}
	r.known.confirm()
	r.observer.Swept(r.cfg.Tenant, report)
	r.report(func(s *Status) {
		s.Sweeps++
		s.Source, s.Cause = r.known.summary.Source, report.Cause
		if report.Source() != presence.SourceDown {
			s.LastSweep = time.Now()
		}
	})
	if report.Changes+report.Snapshots > 0 || report.Failed > 0 {
		r.log.Info("sweep", zap.Int("users", report.Users), zap.Int("changes", report.Changes), zap.Int("snapshots", report.Snapshots),
			zap.Int("unanswered", report.Unanswered), zap.Int("failed", report.Failed), zap.String("cause", string(report.Cause)), zap.Duration("took", report.Took))
	}
	return nil
}

// release ends a reign of our own will: requests under way may end, what they
// bring is appended, and the next owner may start at once.
func (r *reign) release() error {
	if r.sweep != nil {
		r.sweep.stop()
		r.budget.Permit(presence.Ledger{}, 0) // who waits for the budget goes home
		defer time.AfterFunc(shutdownGrace/2, r.cancel).Stop()
		for r.sweep != nil {
			r.turn()
			a, ok := <-r.sweep.answers
			if err := r.take(a, ok); err != nil {
				return err
			}
		}
	}
	return r.write(presence.Batch{Summary: r.known.summary, Release: true})
}

// abandon ends a sweep whose answers nobody wants any more.
func (r *reign) abandon() {
	r.cancel()
	if r.sweep != nil {
		for range r.sweep.answers { // until its goroutines are done
		}
	}
}
