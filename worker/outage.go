package worker

import (
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// outage is how long the log cannot be reached. While it lasts nothing can be
// written, not even that: it is said afterwards, by whoever owns the tenant then.
type outage struct {
	since time.Time // of the first call that failed; zero: the log can be reached
	due   bool      // it outlasted two intervals, and has not been said
}

// failed takes note of a call that began at the time given.
func (o outage) failed(begun time.Time) outage {
	if o.since.IsZero() {
		o.since = begun
	}
	return o
}

// over takes note of a call that began at the time given and went through. An
// outage is news if a sweep fell into it and it lasted for more than two intervals:
// for less no change is marked as a gap.
func (o outage) over(begun, now time.Time, schedule Schedule) outage {
	o = o.failed(begun)
	tick := schedule.Next(o.since)
	interval := schedule.Next(tick).Sub(tick)
	if !tick.After(now) && now.Sub(o.since) > 2*interval {
		o.due = true
	}
	o.since = time.Time{}
	return o
}

// confess says that an outage of NATS is over, before anything that was seen since.
// The sweep that it caught says nothing more: the first whole one after it does.
func (r *reign) confess() error {
	if !r.away.due {
		return nil
	}
	r.away.due = false
	if r.sweep != nil {
		r.sweep.mute = true
	}
	if said := r.known.summary.Source; said == presence.SourceNew || said == presence.SourceDown {
		return nil // nothing was ever seen, or nothing before either
	}
	return r.say(presence.SourceDown, presence.CauseNATS)
}

// say writes the news that what we can see of the tenant changed.
func (r *reign) say(now presence.SourceState, cause presence.Cause) error {
	r.said++
	news := &presence.SourceEvent{
		Tenant: r.cfg.Tenant, Before: r.known.summary.Source, After: now, Cause: cause,
		LastGood: r.known.summary.Confirmed, At: time.Now(), Epoch: r.epoch, N: r.said,
	}
	if err := r.write(presence.Batch{Source: news, Summary: r.known.summary}); err != nil {
		return err
	}
	r.known.summary.Source = now
	r.observer.SourceChanged(r.cfg.Tenant, now, cause)
	r.log.Info("what we see of the tenant changed", zap.String("before", string(news.Before)), zap.String("now", string(now)), zap.String("cause", string(cause)))
	return nil
}
