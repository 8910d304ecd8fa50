package worker

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// waits grow from try to try, each a random share of what it could be, so that
// those who failed together do not come back together.
type waits struct {
	*backoff.ExponentialBackOff
	random func() float64
}

func (t *Tenant) waits(first, most time.Duration) waits {
	w := waits{backoff.NewExponentialBackOff(), t.cfg.Random}
	w.InitialInterval, w.MaxInterval, w.RandomizationFactor = first, most, 0
	return w
}

func (w waits) next() time.Duration {
	return time.Duration((0.5 + w.random()) * float64(w.NextBackOff()))
}

// jitter is a time below most.
func (t *Tenant) jitter(most time.Duration) time.Duration {
	return time.Duration(t.cfg.Random() * float64(most))
}
