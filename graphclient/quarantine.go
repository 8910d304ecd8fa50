package graphclient

import (
	"sync"
	"time"

	"presenced/presence"
)

const (
	// recheckAfter is how long a refused id is left out before it is asked again.
	recheckAfter = 10 * time.Minute
	// maxRefusals in a row mean that Graph refuses everything, not one id: two
	// bad ids at the far ends of a chunk of 650 cost no more.
	maxRefusals = 24
)

// quarantine remembers the ids that Graph refuses, so that they do not spoil
// their chunk in every sweep. It is safe for concurrent use.
type quarantine struct {
	mu       sync.Mutex                    // guards what follows
	bad      map[presence.UserID]time.Time // until when they are left out
	suspects []presence.UserID             // refused alone; guilty once Graph answers for others
	row      int                           // refusals since the last answer
	rest     time.Time                     // no chunk is taken apart before
}

// split separates what is asked now from an id to be asked by itself once more.
// One at a time: a chunk that was refused as a whole must not come back as 650
// requests.
func (q *quarantine) split(ids []presence.UserID, now time.Time) (good, again []presence.UserID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.bad) == 0 {
		return ids, nil
	}
	for _, id := range ids {
		until, bad := q.bad[id]
		switch {
		case !bad:
			good = append(good, id)
		case len(again) == 0 && !now.Before(until):
			again = append(again, id)
		}
	}
	return good, again
}

// refused counts a refusal and reports whether it can be blamed on an id.
func (q *quarantine) refused(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Before(q.rest) {
		return false
	}
	q.row++
	if q.row > maxRefusals {
		q.row, q.rest, q.suspects = 0, now.Add(recheckAfter), nil
		return false
	}
	return true
}

// suspect notes an id that was refused when it was asked by itself.
func (q *quarantine) suspect(id presence.UserID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.suspects = append(q.suspects, id)
}

// answered says that Graph took these ids. They are free, and the suspects of
// the moment are to blame for their own refusals.
func (q *quarantine) answered(ids []presence.UserID, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.row, q.rest = 0, time.Time{}
	if len(q.bad)+len(q.suspects) == 0 {
		return
	}
	if q.bad == nil {
		q.bad = make(map[presence.UserID]time.Time)
	}
	for _, id := range q.suspects {
		q.bad[id] = now.Add(recheckAfter)
	}
	q.suspects = nil
	for _, id := range ids {
		delete(q.bad, id)
	}
}
