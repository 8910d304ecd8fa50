//go:build fuse && linux

package powercut_test

import (
	"math/rand/v2"
	"time"

	"presenced/powercut/lossy"
	"presenced/trial"
)

// moment is when in a daemon's life the power goes: so many changes of its disk
// after it got there. A daemon that makes fewer is cut when the patience is over.
type moment struct {
	name     string
	there    func(*daemon) bool
	changes  int // 0: at any time within patience, wherever the disk is
	patience time.Duration
}

// deck is a daemon's life in moments, in random order. Appends get the most: they
// are where something could be lost. An append makes some ten changes.
func deck(rng *rand.Rand) []moment {
	atOnce := func(*daemon) bool { return true }
	owns := func(d *daemon) bool { _, ok := d.journal.Said("owning the tenant"); return ok }
	swept := func(n int64) func(*daemon) bool { return func(d *daemon) bool { return d.swept.Load() >= n } }
	moments := []moment{
		{"while it starts", atOnce, 1 + rng.IntN(60), 2 * time.Second},
		{"in its first sweep", owns, 1 + rng.IntN(60), 2 * time.Second},
		{"as it appends", swept(1), 1 + rng.IntN(40), 3 * time.Second},
		{"as it appends", swept(2), 1 + rng.IntN(40), 3 * time.Second},
		{"at any time", atOnce, 0, trial.Between(rng, 500*time.Millisecond, 4*time.Second)},
	}
	rng.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
	return moments
}

// await blocks until the moment has come and the disk is off.
func (m moment) await(d *daemon, disk *lossy.Disk) {
	d.await("its moment, "+m.name, func() bool { return m.there(d) })
	var off <-chan struct{}
	if m.changes > 0 {
		off = disk.OffAfter(m.changes)
	}
	select {
	case <-off:
	case <-d.Ended:
		d.t.Fatalf("daemon ended before its cut: %v, log complains %q", d.ProcessState, d.journal.Complaints())
	case <-time.After(m.patience):
		disk.Off()
	}
}
