package worker

import (
	"time"

	"go.uber.org/zap"
)

// moved is by how much the wall clock moved between two readings of a clock, beside
// the time that passed: somebody set it, or the machine slept. Both readings have
// to have a monotonic part.
func moved(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

// realign reports whether the wall clock has moved, by a second or more, since it was
// worked out when the next sweep is due. A schedule that goes by the wall clock has
// that worked out anew then; for another nothing has changed.
func (r *reign) realign() bool {
	now := time.Now()
	by := moved(r.next, now)
	if by.Abs() < time.Second {
		return false
	}
	r.log.Warn("the wall clock moved by itself: it was set, or the machine slept", zap.Duration("by", by))
	if r.cfg.Schedule.byWallClock() {
		r.next = r.cfg.Schedule.Next(now)
	} else {
		same := now.Add(r.next.Sub(now))
		r.next = same.Add(-time.Duration(same.Nanosecond())) // @every counts from whole seconds
	}
	return true
}
