package chaos_test

import (
	"context"
	"math/rand/v2"
	"time"

	"presenced/trial"
)

// moment is when in its life a daemon is killed: a random time after it got there.
// One that does not get there, because the rate budget holds it back, is killed
// where it is.
type moment struct {
	name     string
	there    func(*daemon) bool
	patience time.Duration // how long it may take to get there
	from, to time.Duration
}

// deck is a daemon's life in eight moments, in random order. Appends get the most:
// they are where something could be lost or doubled.
func deck(rng *rand.Rand) []moment {
	const ms, enough = time.Millisecond, 5 * time.Second
	atOnce := func(*daemon) bool { return true }
	running := func(d *daemon) bool { _, ok := d.journal.Said("presenced runs"); return ok }
	asking := func(d *daemon) bool { return d.front.asks() > 0 }
	answered := func(n int) func(*daemon) bool {
		return func(d *daemon) bool { return d.front.answers() >= n }
	}
	moments := []moment{
		{"while it starts", atOnce, enough, 0, 100 * ms},
		{"while it loads", running, enough, 0, 40 * ms},
		{"as it asks first", asking, enough, 0, 10 * ms},
		{"as it appends", answered(1 + rng.IntN(4)), enough, 0, 25 * ms},
		{"as it appends", answered(5 + rng.IntN(4)), enough, 0, 25 * ms},
		{"as it appends", answered(9 + rng.IntN(4)), enough, 0, 25 * ms},
		{"at any time", atOnce, enough, 200 * ms, 4000 * ms},
		{"at any time", atOnce, enough, 200 * ms, 4000 * ms},
	}
	rng.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
	return moments
}

// await blocks until the moment has come; false if the daemon did not get there.
func (m moment) await(ctx context.Context, d *daemon, rng *rand.Rand) bool {
	waiting, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	came := trial.Eventually(waiting, time.Millisecond, func() bool { return m.there(d) })
	<-time.After(trial.Between(rng, m.from, m.to))
	return came
}
