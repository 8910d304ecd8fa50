package worker

import (
	"presenced/presence"
)

// refusals are why chunks got no answer, sweep by sweep: worth a line in the log
// when a cause is new, and not again for as long as it lasts.
type refusals struct {
	sweep  map[presence.Cause]error // of the sweep under way, the first of each cause
	before map[presence.Cause]error // of the one before
}

// add takes one more; fresh if nobody has heard of its cause yet.
func (r *refusals) add(err error) (fresh bool) {
	cause := causeOf(err)
	if _, known := r.sweep[cause]; known {
		return false
	}
	if r.sweep == nil {
		r.sweep = make(map[presence.Cause]error)
	}
	r.sweep[cause] = err
	_, known := r.before[cause]
	return !known
}

// next ends the sweep: causes that it did not have are over. It returns the error
// behind the sweep's cause; nil if every chunk was answered.
func (r *refusals) next(cause presence.Cause) error {
	r.before, r.sweep = r.sweep, nil
	return r.before[cause]
}
