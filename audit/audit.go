// Package audit holds the log against the truth: what a referee in Graph's place
// served, and what presenced made of it. It counts what is missing, doubled,
// invented or out of order; all four are bugs of the worst kind.
//
// It is pure: callers bring both sides.
package audit

import (
	"slices"
	"time"

	"presenced/presence"
)

// Run is a stretch of equal answers that the referee served whole about one user.
type Run struct {
	Presence presence.Presence // canonical; nil optional fields: not on record
	Since    time.Time         // when the presence began; zero: it cannot be told
	First    time.Time         // when the first of the answers was served
	Last     time.Time         // when the last of them was
	Times    int               // how many there were
}

// Entry is an event and when the log stored it.
type Entry struct {
	Event  presence.Event
	Stored time.Time
}

// Rule is what a tenant's worker was told.
type Rule struct {
	UnknownAfter int         // unknowns in a row before one is an event
	Deaths       []time.Time // when the worker was surely dead, after the last answer on record: what it was served just before may or may not be in the log
}

// Report is the outcome. Missing, Duplicates, Broken, Invented and Lost are 0
// unless there is a bug.
type Report struct {
	People     int
	Served     int // changes that were served and had to become events
	Changes    int // change events in the log
	Snapshots  int
	Missing    int             // served changes without an event
	Invented   int             // events that nothing served explains
	Duplicates int             // event ids that came twice, or changes to what was already so
	Lost       int             // snapshots that say that state was damaged; nothing but damage explains them
	Broken     int             // revisions that do not follow, or a before that is not the previous after
	Delays     []time.Duration // from a change in the model to its event in the log, sorted
}

// Compare holds the log, in order, against what was served by user. An optional
// field is compared where all answers have it.
func Compare(served map[presence.UserID][]Run, log []Entry, rule Rule) Report {
	r := Report{People: len(served)}
	word := wordOf(served)
	ids := make(map[string]bool, len(log))
	byUser := make(map[presence.UserID][]Entry)
	for _, e := range log {
		if ids[e.Event.ID()] {
			r.Duplicates++
			continue
		}
		ids[e.Event.ID()] = true
		byUser[e.Event.User] = append(byUser[e.Event.User], e)
	}
	for user, entries := range byUser {
		r.chain(entries, word)
		if _, ok := served[user]; !ok {
			r.Invented += len(entries)
		}
	}
	for user, runs := range served {
		steps := rule.steps(runs, word)
		r.Served += countRequired(steps)
		missing, invented := match(steps, byUser[user], word)
		r.Missing += missing
		r.Invented += invented
		r.delays(runs, byUser[user], word)
	}
	slices.Sort(r.Delays)
	return r
}

// chain checks one user's events against each other.
func (r *Report) chain(entries []Entry, word func(presence.Presence) string) {
	var last presence.State
	for _, entry := range entries {
		e := entry.Event
		switch e.Kind {
		case presence.KindChange:
			r.Changes++
			if e.Before == nil || word(e.Before.Presence) != word(last.Presence) || !e.Before.Since.Equal(last.Since) {
				r.Broken++
			}
			if len(e.Changed) == 0 {
				r.Duplicates++
			}
		case presence.KindSnapshot:
			r.Snapshots++
			if e.Reason == presence.ReasonStateLost {
				r.Lost++
			}
		}
		if e.Revision != last.Revision+1 && e.Reason != presence.ReasonStateLost {
			r.Broken++
		}
		last = e.State()
	}
}

// delays measures from the model's change to the log. A change event belongs to
// the newest run of its words that had begun when it was observed.
func (r *Report) delays(runs []Run, entries []Entry, word func(presence.Presence) string) {
	for _, entry := range entries {
		if entry.Event.Kind != presence.KindChange {
			continue
		}
		for _, run := range slices.Backward(runs) {
			if !run.Since.IsZero() && word(run.Presence) == word(*entry.Event.After) && !run.Since.After(entry.Event.Observed.At) {
				r.Delays = append(r.Delays, entry.Stored.Sub(run.Since))
				break
			}
		}
	}
}

// Percentile is the delay that the given share (0 to 1) of the changes kept; 0
// without changes.
func (r Report) Percentile(share float64) time.Duration {
	if len(r.Delays) == 0 {
		return 0
	}
	return r.Delays[min(int(share*float64(len(r.Delays))), len(r.Delays)-1)]
}

// step is one presence that the log has to show for a user, or may.
type step struct {
	words    string
	optional bool
}

// steps turns what was served into what the log must tell: unknowns that did not
// last are nothing, and the same again is nothing new.
func (rule Rule) steps(runs []Run, word func(presence.Presence) string) []step {
	var steps []step
	for i, run := range runs {
		unknown := run.Presence.IsUnknown()
		if unknown && run.Times < rule.UnknownAfter {
			continue
		}
		need := 1 // answers in one life that make it known
		if unknown {
			need = rule.UnknownAfter
		}
		s := step{words: word(run.Presence), optional: rule.lastWords(runs, i, need) || unknown && rule.deaths(run.First, run.Last) > 0}
		if n := len(steps); n > 0 && steps[n-1].words == s.words {
			steps[n-1].optional = steps[n-1].optional && s.optional
			continue
		}
		steps = append(steps, s)
	}
	return steps
}

// lastWords reports whether the worker may have died before it could write the
// run: every answer that made it known was the last one before a death. An answer that another
// one to the same worker follows was dealt with, because sweeps do not overlap.
func (rule Rule) lastWords(runs []Run, i, need int) bool {
	run := runs[i]
	if run.Times > rule.deaths(run.First, run.Last)+need {
		return false
	}
	next := run.Last.AddDate(1, 0, 0)
	if i+1 < len(runs) {
		next = runs[i+1].First
	}
	return rule.deaths(run.Last, next) > 0
}

func (rule Rule) deaths(from, to time.Time) int {
	n := 0
	for _, t := range rule.Deaths {
		if !t.Before(from) && !t.After(to) {
			n++
		}
	}
	return n
}

// countRequired counts changes: the first step is a first sight.
func countRequired(steps []step) int {
	n := 0
	for _, s := range steps[min(1, len(steps)):] {
		if !s.optional {
			n++
		}
	}
	return n
}

// match aligns what had to be told with what was told, with as few faults as
// possible: an optional step may go untold, a step that repeats what the log just
// said needs no event.
func match(steps []step, entries []Entry, word func(presence.Presence) string) (missing, invented int) {
	var told []string
	for _, e := range entries {
		if e.Event.After != nil {
			told = append(told, word(*e.Event.After))
		}
	}
	type faults struct{ missing, invented int }
	worse := func(a, b faults) bool { return a.missing+a.invented > b.missing+b.invented }
	// best[i]: fewest faults once the first i events are explained.
	best := make([]faults, len(told)+1)
	for i := range best {
		best[i] = faults{0, i}
	}
	for _, s := range steps {
		next := make([]faults, len(told)+1)
		for i := range next {
			skip := best[i]
			if !s.optional && (i == 0 || told[i-1] != s.words) {
				skip.missing++
			}
			next[i] = skip
			if i == 0 {
				continue
			}
			if told[i-1] == s.words && worse(next[i], best[i-1]) {
				next[i] = best[i-1]
			}
			extra := faults{next[i-1].missing, next[i-1].invented + 1}
			if worse(next[i], extra) {
				next[i] = extra
			}
		}
		best = next
	}
	end := best[len(told)]
	return end.missing, end.invented
}
