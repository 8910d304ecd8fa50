package graphclient

import (
	"sync"
	"time"
)

// pause turns refusals into the time for which the whole tenant is held back.
// It is safe for concurrent use.
type pause struct {
	mu   sync.Mutex // guards what follows
	grow growth
	step time.Duration
	last time.Time // when step was taken
}

func newPause(random func() float64) *pause {
	return &pause{grow: growing(2*time.Second, 5*time.Minute, random)}
}

// refused gives the wait after a refusal of a request that left at asked: what
// Graph asks for, or the back-off where that is longer. Requests that left
// before the last step was taken are part of the same refusal.
func (p *pause) refused(asked time.Time, retryAfter time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() || asked.After(p.last) {
		p.step, p.last = p.grow.NextBackOff(), time.Now()
	}
	return min(max(p.step, retryAfter), maxRetryAfter)
}

// answered ends the series, unless the request left before the last refusal.
func (p *pause) answered(asked time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked.After(p.last) {
		p.grow.Reset()
	}
}
