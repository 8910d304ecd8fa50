package trial

import (
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
)

// UnknownAfter is the daemon's default of unknown_after.
const UnknownAfter = 3

// Account is what was served to daemons that lived one after the other, with every
// run cut at the deaths. So a run says exactly how often the same daemon was told
// the same, on which it depends whether the log has to have it: all but a daemon's
// last answer, which it may have died with.
type Account struct {
	Runs   map[presence.UserID][]audit.Run
	Deaths []time.Time

	seen map[string][]graphsim.Run // at the end of the daemon before
}

// Close adds what was served since the daemon before ended. Nothing more may be
// served to the daemon that it is about.
func (a *Account) Close(served map[string][]graphsim.Run) {
	if a.Runs == nil {
		a.Runs = make(map[presence.UserID][]audit.Run)
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
				a.Runs[presence.UserID(id)] = append(a.Runs[presence.UserID(id)], auditRun(run))
			}
		}
	}
	a.seen = served
}

// Die is Close for a daemon that was killed.
func (a *Account) Die(served map[string][]graphsim.Run) {
	a.Close(served)
	a.Deaths = append(a.Deaths, time.Now())
}

// Rule is what the audit has to know of the daemons: their default, and when they
// died.
func (a *Account) Rule() audit.Rule {
	return audit.Rule{UnknownAfter: UnknownAfter, Deaths: a.Deaths}
}

// Compare holds a log, in order, against the account.
func (a *Account) Compare(log []audit.Entry) audit.Report {
	return audit.Compare(a.Runs, log, a.Rule())
}

func auditRun(r graphsim.Run) audit.Run {
	return audit.Run{
		Presence: presence.Presence{Availability: presence.Canonical(r.Availability), Activity: presence.Canonical(r.Activity)},
		Since:    r.Since, First: r.First, Last: r.Last, Times: r.Times,
	}
}
