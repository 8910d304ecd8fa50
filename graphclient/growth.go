package graphclient

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// growth is a back-off that doubles, give or take what random says: who failed
// together does not come back together.
type growth struct {
	*backoff.ExponentialBackOff
	random func() float64
}

// growing needs a random number in [0, 1) for each wait; nil: math/rand's.
func growing(first, most time.Duration, random func() float64) growth {
	return growth{&backoff.ExponentialBackOff{InitialInterval: first, MaxInterval: most, Multiplier: 2}, orGlobal(random)}
}

// NextBackOff is the next wait.
func (g growth) NextBackOff() time.Duration {
	return time.Duration((0.7 + 0.6*g.random()) * float64(g.ExponentialBackOff.NextBackOff()))
}

func orGlobal(random func() float64) func() float64 {
	if random == nil {
		return rand.Float64
	}
	return random
}
