//go:build fuse && linux

package powercut_test

import (
	"reflect"
	"testing"

	"presenced/audit"
	"presenced/trial"
)

// life is one daemon's: how many events were acknowledged to it, and how many of it
// the log has.
type life struct{ acked, stored int }

// account is what was served and what was acknowledged.
type account struct {
	trial.Account
	lives []life
	log   []audit.Entry // as it was read last
}

// read takes in what is left of a daemon's life: the log, which goes on where it
// was before.
func (a *account) read(t *testing.T, when string, d *daemon, log []audit.Entry) audit.Report {
	t.Helper()
	wantPrefix(t, a.log, log)
	a.lives = append(a.lives, life{int(d.acked.Load()), len(log) - len(a.log)})
	a.log = log
	r := a.Compare(log)
	if r.Missing+r.Invented+r.Duplicates+r.Broken+r.Lost > 0 {
		t.Errorf("%s: missing %d, invented %d, duplicates %d, broken %d, state lost %d; want none",
			when, r.Missing, r.Invented, r.Duplicates, r.Broken, r.Lost)
	}
	if lost := a.lost(); lost > 0 {
		t.Errorf("%s: %d of %d acknowledged events are lost", when, lost, a.acked())
	}
	return r
}

// wantPrefix checks that a log goes on where it was: what was read of it once it
// says for ever, acknowledged or not. Only the time when an event was stored may
// differ: a server that finds a whole batch beside its log stores it when it starts.
func wantPrefix(t *testing.T, before, now []audit.Entry) {
	t.Helper()
	for i, e := range before {
		if i >= len(now) || !reflect.DeepEqual(e.Event, now[i].Event) {
			t.Errorf("the log had %d events and has %d now, of which the first %d are the same", len(before), len(now), i)
			return
		}
	}
}

func (a *account) acked() int {
	sum := 0
	for _, l := range a.lives {
		sum += l.acked
	}
	return sum
}

// lost counts events that were acknowledged and are not in the log: it has to hold
// as many of each life as were acknowledged in it. There is one batch under way at
// a time, so nothing that was not acknowledged can stand before something that was;
// and that none is missing in between, the audit tells by the revisions.
func (a *account) lost() int {
	sum := 0
	for _, l := range a.lives {
		sum += max(0, l.acked-l.stored)
	}
	return sum
}
