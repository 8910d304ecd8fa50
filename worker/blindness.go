package worker

import (
	"errors"
	"slices"

	"presenced/presence"
)

// blindness decides when to say that what we can see of a tenant changed. Up is
// said at once; less than up when two sweeps in a row saw as little, which is when
// changes begin to be marked as gaps, or at once if waiting is pointless.
type blindness struct {
	before presence.SourceState // of the previous sweep
}

// judge returns the state to say after a sweep; said is what was said last.
func (b *blindness) judge(s presence.Sweep, said presence.SourceState) presence.SourceState {
	now := s.Source()
	twice := b.before == now
	b.before = now
	if now == presence.SourceUp || twice || s.Cause.Permanent() {
		return now
	}
	return said
}

func causeOf(err error) presence.Cause {
	if err == nil {
		return presence.CauseNone
	}
	var blind *presence.BlindError
	if errors.As(err, &blind) {
		return blind.Cause
	}
	return presence.CauseUnreachable
}

// worse is the cause that a person should hear of first.
func worse(a, b presence.Cause) presence.Cause {
	order := []presence.Cause{presence.CauseNone, presence.CauseUnreachable, presence.CauseNATS, presence.CauseThrottled, presence.CauseUnauthorized, presence.CauseForbidden}
	if slices.Index(order, a) < slices.Index(order, b) {
		return b
	}
	return a
}
