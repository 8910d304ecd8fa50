package graphsim

import "time"

// unitsPer is the time in which the directory's bucket of resource units fills up.
const unitsPer = 10 * time.Second

// unitBucket is the token bucket of resource units that limits an app in a tenant on /users and /groups.
type unitBucket struct {
	spent float64 // not yet given back
	last  time.Time
}

// spend takes units out of a bucket of the given size. It returns the share of the bucket that is in use, and how long
// to wait if the bucket did not have them. A refused request costs nothing here; only presence counts refusals.
func (b *unitBucket) spend(now time.Time, units, size int) (share float64, wait time.Duration) {
	if !b.last.IsZero() {
		refilled := now.Sub(b.last).Seconds() / unitsPer.Seconds() * float64(size)
		b.spent = max(0, b.spent-max(refilled, 0))
	}
	b.last = now
	after := b.spent + float64(units)
	share = after / float64(size)
	if after > float64(size) {
		missing := after - float64(size)
		return share, time.Duration(missing / float64(size) * float64(unitsPer))
	}
	b.spent = after
	return share, 0
}

// spend charges a directory request of an app in a tenant of the given size.
func (l *limiter) spend(id appID, units, users int) (share float64, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	if wait := l.arriveGlobal(id.client, now); wait > 0 {
		return 1, wait
	}
	return l.app(id).units.spend(now, units, l.bucketSize(users))
}

// bucketSize is the documented size for small, medium and large tenants
// (https://learn.microsoft.com/graph/throttling-limits, read 2026-11-23).
func (l *limiter) bucketSize(users int) int {
	switch {
	case l.cfg.DirectoryUnits > 0:
		return l.cfg.DirectoryUnits
	case users < 50:
		return 3500
	case users <= 500:
		return 5000
	default:
		return 8000
	}
}
