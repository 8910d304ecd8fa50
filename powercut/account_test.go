//go:build fuse && linux

package powercut_test

import (
	"reflect"
	"testing"
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
)

// life is one daemon's: how many events were acknowledged to it, and how many of it
// the log has.
type life struct{ acked, stored int }

// account is what was served and what was acknowledged. Runs of equal answers are
// cut at the deaths: so one says exactly how often the same daemon was told the
// same, on which it depends whether the log has to have it: all but a daemon's last
// answer, which it may have died with.
type account struct {
	runs   map[presence.UserID][]audit.Run
	deaths []time.Time
	lives  []life
	log    []audit.Entry             // as it was read last
	seen   map[string][]graphsim.Run // at the end of the daemon before
}

// close adds what was served since the daemon before ended.
func (a *account) close(served map[string][]graphsim.Run) {
	if a.runs == nil {
		a.runs = make(map[presence.UserID][]audit.Run)
	}
	for id, runs := range served {
		old := a.seen[id]
		for i := max(len(old)-1, 0); i < len(runs); i++ {
			run := runs[i]
			if i < len(old) { // one that goes on
				run.Times -= old[i].Times
				run.First = run.Last // unknown, and nobody asks
			}
			if run.Times > 0 {
				a.runs[presence.UserID(id)] = append(a.runs[presence.UserID(id)], auditRun(run))
			}
		}
	}
	a.seen = served
}

func auditRun(r graphsim.Run) audit.Run {
	return audit.Run{
		Presence: presence.Presence{Availability: presence.Canonical(r.Availability), Activity: presence.Canonical(r.Activity)},
		Since:    r.Since, First: r.First, Last: r.Last, Times: r.Times,
	}
}

// read takes in what is left of a daemon's life: the log, which goes on where it
// was before.
func (a *account) read(t *testing.T, when string, d *daemon, log []audit.Entry) audit.Report {
	t.Helper()
	wantPrefix(t, a.log, log)
	a.lives = append(a.lives, life{int(d.acked.Load()), len(log) - len(a.log)})
	a.log = log
	r := audit.Compare(a.runs, log, audit.Rule{UnknownAfter: 3, Deaths: a.deaths}) // 3 is the daemon's default
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
