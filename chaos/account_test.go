package chaos_test

import (
	"time"

	"presenced/audit"
	"presenced/presence"
	"presenced/trial"
)

// lastWords counts the changes that a daemon was told in its last answer about a
// user: those that the log had when it died, and those that died with it. Without
// some of both, the kills missed what they were meant to hit.
func lastWords(a *trial.Account, log []audit.Entry) (written, lost int) {
	byUser := make(map[presence.UserID][]audit.Entry)
	for _, e := range log {
		byUser[e.Event.User] = append(byUser[e.Event.User], e)
	}
	for user, runs := range a.Runs {
		for i := 1; i < len(runs); i++ {
			died, ok := deathBetween(a, runs, i)
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
func deathBetween(a *trial.Account, runs []audit.Run, i int) (time.Time, bool) {
	for _, died := range a.Deaths {
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
