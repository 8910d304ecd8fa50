package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// retryPermanent is how long a tenant is left alone after a refusal that a person
// has to do something about.
const retryPermanent = 5 * time.Minute

// handOver is how long requests that are under way may take to end when the tenant
// is given up. A successor asks anew at once; nothing is lost but their answers.
const handOver = time.Second

// reign is one ownership of a tenant, from acquire to release or deposition. All
// of it runs on the tenant's goroutine.
type reign struct {
	*Tenant
	work  context.Context // outlives the order to stop by a grace
	epoch uint64
	known *lastKnown
	blind blindness

	begun  bool   // the first sweep has
	sweep  *sweep // nil: none is under way
	cancel func() // ends the sweep's requests
	beat   *time.Timer
	first  int       // the chunk that the next sweep begins with
	next   time.Time // when the next sweep is due
	resume time.Time // no sweep starts before
	heard  refusals
	said   uint64 // source events of this reign
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
	if err := r.append(r.known.leavers(t.cfg.Users, time.Now())); err != nil {
		return err
	}
	return r.watch(ctx)
}

// watch is the loop of a tenant: ticks, answers, heartbeats.
func (r *reign) watch(ctx context.Context) error {
	r.next = r.cfg.Schedule.Next(time.Now())
	r.startSweep(0, r.interval(r.next))
	tick := time.NewTimer(time.Until(r.next))
	defer tick.Stop()
	for {
		r.alive()
		if r.realign() {
			tick.Reset(time.Until(r.next))
		}
		select {
		case <-ctx.Done():
			return r.release()
		case <-r.seat.yield:
			return r.release()
		case <-tick.C:
			if !r.realign() {
				r.next = r.tick(r.next)
			}
			tick.Reset(time.Until(r.next))
		case a, ok := <-r.answers():
			if err := r.take(a, ok); err != nil {
				return err
			}
		case <-r.beat.C:
			if err := r.write(presence.Batch{Summary: r.known.summary}); err != nil {
				return err
			}
			if err := r.confess(); err != nil {
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
	ctx, cancel := context.WithCancel(r.work)
	r.begun = true
	r.sweep = r.Tenant.startSweep(ctx, r.first, spread, max(patience, interval))
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
	seen := false
	for ok {
		if err := r.hear(a); err != nil {
			return err
		}
		seen = seen || len(a.answers) > 0
		due = append(due, r.known.compare(a.answers)...)
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
	write := r.append
	if !ok {
		write = r.endSweep
	}
	if err := write(due); err != nil {
		return err
	}
	if seen { // also if the sweep turned out to have no news
		r.report(func(s *Status) { s.LastSweep = time.Now() })
	}
	return nil
}

// hear takes note of how a chunk went. Its error is a panic while asking.
func (r *reign) hear(a answered) error {
	var p *panicked
	if errors.As(a.err, &p) {
		return p
	}
	r.sweep.count(a)
	if a.err == nil {
		return nil
	}
	cause := causeOf(a.err)
	if !r.sweep.mute {
		r.note(a.err)
	}
	if cause.Permanent() {
		r.report(func(s *Status) { s.Cause, s.Refusal = cause, a.err })
		r.sweep.stop() // the next chunk would be refused too
	}
	return nil
}

// note has a reason for silence in the log, once for as long as it lasts.
func (r *reign) note(err error) {
	if r.heard.add(err) {
		r.log.Warn("no answer from Graph", zap.String("cause", string(causeOf(err))), zap.Error(err))
	}
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
// the tenant has changed. A mute one has no news.
func (r *reign) endSweep(due []change) error {
	s := r.sweep
	report := s.finish()
	r.cancel()
	if err := r.append(due); err != nil {
		return err
	}
	r.sweep = nil
	if s.mute {
		return nil
	}
	if !report.Answered() && report.Cause == presence.CauseNone {
		report.Cause = presence.CauseUnreachable
		r.note(&presence.BlindError{Cause: report.Cause, Err: fmt.Errorf("answers came, and not one of %d users is in them: see whether they exist in this tenant", report.Users)})
	}
	if report.Cause.Permanent() {
		r.resume = time.Now().Add(retryPermanent)
	}
	r.turnTo(s)
	said := r.known.summary.Source
	if now := r.blind.judge(report, said); now != said {
		if err := r.say(now, report.Cause); err != nil {
			return err
		}
	}
	r.known.confirm()
	r.tell(report)
	return nil
}

// turnTo chooses the chunk that the next sweep begins with, so that nobody is left
// out for ever: the first that was not asked for if the sweep was refused half way,
// or the first that had no room in the budget.
func (r *reign) turnTo(s *sweep) {
	switch {
	case !s.covered():
		r.first = (r.first + s.report.Requests) % s.chunks
	case s.report.Cause == presence.CauseThrottled:
		r.first = (r.first + s.late) % s.chunks
	}
}

// tell makes known how a sweep went.
func (r *reign) tell(report presence.Sweep) {
	refusal := r.heard.next(report.Cause)
	r.observer.Swept(r.cfg.Tenant, report)
	r.report(func(s *Status) {
		s.Sweeps++
		s.Source, s.Cause, s.Refusal = r.known.summary.Source, report.Cause, refusal
		if report.Answered() {
			s.LastSweep = time.Now()
		}
	})
	if report.Changes+report.Snapshots > 0 || report.Cause != presence.CauseNone {
		r.log.Info("sweep", zap.Int("users", report.Users), zap.Int("changes", report.Changes), zap.Int("snapshots", report.Snapshots),
			zap.Int("unanswered", report.Unanswered), zap.Int("failed", report.Failed), zap.String("cause", string(report.Cause)), zap.Duration("took", report.Took))
	}
}

// release ends a reign of our own will: requests under way may end, what they
// bring is appended, and the next owner may start at once.
func (r *reign) release() error {
	if r.sweep != nil {
		r.sweep.mute = true
		r.sweep.stop()
		r.budget.Permit(presence.Ledger{}, 0) // who waits for the budget goes home
		defer time.AfterFunc(handOver, r.cancel).Stop()
		for r.sweep != nil {
			r.alive()
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
