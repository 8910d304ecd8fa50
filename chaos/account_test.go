package chaos_test

import (
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
)

// account is what was served, with every run cut at the deaths. So a run says
// exactly how often the same daemon was told the same, on which it depends whether
// the log has to have it: all but a daemon's last answer, which it may have died
// with.
type account struct {
	runs   map[presence.UserID][]audit.Run
	deaths []time.Time
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

// die is close for a daemon that was killed.
func (a *account) die(served map[string][]graphsim.Run) {
	a.close(served)
	a.deaths = append(a.deaths, time.Now())
}

func auditRun(r graphsim.Run) audit.Run {
	return audit.Run{
		Presence: presence.Presence{Availability: presence.Canonical(r.Availability), Activity: presence.Canonical(r.Activity)},
		Since:    r.Since, First: r.First, Last: r.Last, Times: r.Times,
	}
}

// lastWords counts the changes that a daemon was told in its last answer about a
// user: those that the log had when it died, and those that died with it. Without
// some of both, the kills missed what they were meant to hit.
func (a *account) lastWords(log []audit.Entry) (written, lost int) {
	byUser := make(map[presence.UserID][]audit.Entry)
	for _, e := range log {
		byUser[e.Event.User] = append(byUser[e.Event.User], e)
	}
	for user, runs := range a.runs {
		for i := 1; i < len(runs); i++ {
			died, ok := a.deathBetween(runs, i)
			if !ok || runs[i].Times > 1 || same(runs[i].Presence, runs[i-1].Presence) {
				continue
			}
			if told(byUser[user], runs[i], died) {
				written++
			} else {
				lost++
			}
		}
	}
	return written, lost
}

// deathBetween is the death after the user's i-th run and before the next one.
func (a *account) deathBetween(runs []audit.Run, i int) (time.Time, bool) {
	for _, died := range a.deaths {
		if !died.Before(runs[i].Last) {
			return died, i+1 == len(runs) || died.Before(runs[i+1].First)
		}
	}
	return time.Time{}, false
}

// told reports whether an event tells of the run and was stored before the death.
func told(entries []audit.Entry, run audit.Run, died time.Time) bool {
	for _, e := range entries {
		if e.Event.After != nil && same(*e.Event.After, run.Presence) && !e.Event.Observed.At.Before(run.First.Add(-time.Second)) && e.Stored.Before(died) {
			return true
		}
	}
	return false
}

func same(p, q presence.Presence) bool {
	return p.Availability == q.Availability && p.Activity == q.Activity
}
