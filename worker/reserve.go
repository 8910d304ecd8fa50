package worker

import (
	"time"

	"presenced/presence"
)

// reserve is the ledger for an owner message, with no more reserved than what is due
// before an owner deadline: the chunks given, those of the sweeps from tick on that
// begin by then, and tries to follow. A successor has to count it all as used.
func (t *Tenant) reserve(due int, tick time.Time) presence.Ledger {
	for end := time.Now().Add(ownerDeadline); !tick.IsZero() && !tick.After(end); tick = t.cfg.Schedule.Next(tick) {
		due += t.chunks()
	}
	return t.budget.Reserve(due + min(2*due, retries))
}

// chunks is how many requests a sweep is.
func (t *Tenant) chunks() int { return (len(t.cfg.Users) + t.cfg.Chunk - 1) / t.cfg.Chunk }

// due is how many chunks are to be asked for, or under way, apart from sweeps to
// come. The first sweep of a reign begins when the state is loaded.
func (r *reign) due() int {
	switch {
	case !r.begun:
		return r.chunks()
	case r.sweep != nil:
		return r.sweep.chunks - r.sweep.report.Requests
	}
	return 0
}
