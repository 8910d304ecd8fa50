package audit

import (
	"fmt"
	"slices"
	"time"

	"presenced/presence"
)

// Evidence is what is known of a run in which several processes watched the same
// users and wrote one log, as processes that die, pause and are cut off do.
type Evidence struct {
	Told   map[presence.UserID][]Told // in the order in which they asked
	Sent   map[string]Sent            // every batch with events that ever left a process, by its id
	Log    []Line                     // the events about users, in order
	Stored map[string]int             // messages in the log by batch, without the owner message
}

// Told is one answer about one user. Its presence has Graph's version stamp, by
// which every change of a user can be told from every other.
type Told struct {
	Process  string
	Presence presence.Presence
	Asked    time.Time // its request had arrived
	Dealt    bool      // the process surely read the answer and wrote what was due; false: it may have
}

// Sent is a batch as it left a process, whatever became of it.
type Sent struct {
	Process  string
	Tenant   string
	Epoch, N uint64    // of the owner message at its head
	Events   int       // messages behind the owner message
	At       time.Time // the owner message had left
}

// Line is an entry of the log, where it stands there, and in which batch it came.
type Line struct {
	Entry
	Sequence uint64
	Batch    string
}

// Verdict is the outcome of [Judge]. What [Verdict.Violations] counts is 0 unless
// there is a bug.
type Verdict struct {
	Report           // Served counts changes that had to be told; Delays stay empty
	Excused int      // changes that were answered and are not in the log, and need not be
	Deposed int      // batches of an owner behind those of its successor, or of two owners in one epoch
	Torn    int      // batches of which only part is stored
	Finding []string // the first few faults, in words
}

// Violations counts everything that must not be.
func (v Verdict) Violations() int {
	return v.Missing + v.Invented + v.Duplicates + v.Lost + v.Broken + v.Deposed + v.Torn
}

const maxFindings = 12

func (v *Verdict) find(count *int, format string, args ...any) {
	*count++
	if len(v.Finding) < maxFindings {
		v.Finding = append(v.Finding, fmt.Sprintf(format, args...))
	}
}

// Judge holds the log of several processes against what each of them was told. An
// event must tell what the process that wrote it had been told; a change that was
// surely taken in must be told, whoever comes after; epochs never go back.
func Judge(ev Evidence) Verdict {
	v := Verdict{Report: Report{People: len(ev.Told)}}
	v.epochs(ev)
	byUser := make(map[presence.UserID][]Line)
	ids := make(map[string]bool, len(ev.Log))
	for _, line := range ev.Log {
		if id := line.Event.ID(); ids[id] {
			v.find(&v.Duplicates, "message %d of the log: event %s again", line.Sequence, id)
			continue
		} else {
			ids[id] = true
		}
		byUser[line.Event.User] = append(byUser[line.Event.User], line)
	}
	for user, lines := range byUser {
		v.history(user, lines)
		v.explain(user, lines, ev)
	}
	for user, told := range ev.Told {
		v.demand(user, told, byUser[user])
	}
	return v
}

// epochs checks that a tenant's batches stand in the order of its owners.
func (v *Verdict) epochs(ev Evidence) {
	type owner struct {
		Sent
		batch string
	}
	last := make(map[string]owner)
	for _, line := range ev.Log {
		s, ok := ev.Sent[line.Batch]
		if !ok {
			continue // explain counts it
		}
		before, seen := last[s.Tenant]
		if seen && before.batch == line.Batch {
			continue
		}
		if got := ev.Stored[line.Batch]; got != s.Events {
			v.find(&v.Torn, "message %d of the log: batch %s has %d of %d events", line.Sequence, line.Batch, got, s.Events)
		}
		switch {
		case !seen:
		case s.Epoch < before.Epoch:
			v.find(&v.Deposed, "message %d of the log: %s wrote in epoch %d, after epoch %d of %s had begun", line.Sequence, s.Process, s.Epoch, before.Epoch, before.Process)
			continue
		case s.Epoch == before.Epoch && (s.Process != before.Process || s.N <= before.N):
			v.find(&v.Deposed, "message %d of the log: %s wrote %d of epoch %d, after %d of %s", line.Sequence, s.Process, s.N, s.Epoch, before.N, before.Process)
		}
		last[s.Tenant] = owner{s, line.Batch}
	}
}

// history checks one user's events against each other.
func (v *Verdict) history(user presence.UserID, lines []Line) {
	entries := make([]Entry, len(lines))
	for i, line := range lines {
		entries[i] = line.Entry
	}
	before := v.Report
	v.chain(entries, words)
	faults := v.Broken - before.Broken + v.Duplicates - before.Duplicates + v.Lost - before.Lost
	for i := 1; i < len(lines); i++ {
		was, is := stampOf(lines[i-1]), stampOf(lines[i])
		if is <= was {
			v.Broken++
			faults++
		}
	}
	if faults > 0 && len(v.Finding) < maxFindings {
		v.Finding = append(v.Finding, fmt.Sprintf("events of %s do not follow from each other: %s", user, story(lines)))
	}
}

func stampOf(l Line) string {
	if l.Event.After == nil {
		return ""
	}
	return l.Event.After.SequenceNumber
}

// story is a user's events in short.
func story(lines []Line) string {
	text := ""
	for _, l := range lines {
		text += fmt.Sprintf("\n  %d: %s %d %s", l.Sequence, l.Event.Kind, l.Event.Revision, stampOf(l))
		if l.Event.After != nil {
			text += " " + words(*l.Event.After)
		}
	}
	return text
}

// explain looks for the answer behind each event: to the process that wrote it, and
// before it did.
func (v *Verdict) explain(user presence.UserID, lines []Line, ev Evidence) {
	for _, line := range lines {
		s, ok := ev.Sent[line.Batch]
		told := slices.ContainsFunc(ev.Told[user], func(t Told) bool {
			return ok && line.Event.After != nil && t.Process == s.Process && !t.Asked.After(s.At) && equal(t.Presence, *line.Event.After)
		})
		if !told {
			v.find(&v.Invented, "message %d of the log: %s %d of %s is %+v, of which the writer %q was told nothing", line.Sequence, line.Event.Kind, line.Event.Revision, user, line.Event.After, s.Process)
		}
	}
}

func equal(p, q presence.Presence) bool {
	return words(p) == words(q) && p.SequenceNumber == q.SequenceNumber
}

// demand looks for the event of each answer. Answers with the stamp of an event are
// told by it; one that shows again what the event before its stamp says needs none.
func (v *Verdict) demand(user presence.UserID, told []Told, lines []Line) {
	in := make(map[string]bool, len(lines))
	for _, l := range lines {
		in[stampOf(l)] = true
	}
	dealt := make(map[string]Told)
	maybe := make(map[string]bool)
	for _, t := range told {
		if t.Dealt {
			dealt[t.Presence.SequenceNumber] = t
		}
	}
	for _, t := range told {
		stamp := t.Presence.SequenceNumber
		if _, ok := dealt[stamp]; !ok && !in[stamp] && !needless(t, lines) && !maybe[stamp] {
			maybe[stamp] = true
			v.Excused++
		}
	}
	for stamp, t := range dealt {
		switch {
		case in[stamp]:
			v.Served++
		case needless(t, lines):
		default:
			v.Served++
			v.find(&v.Missing, "%s was %s %s when %s asked at %s, and went on; the log does not say so:%s", user, stamp, words(t.Presence), t.Process, t.Asked.UTC().Format("15:04:05.000000"), story(lines))
		}
	}
}

// needless reports whether an answer that no event tells brought nothing new.
func needless(t Told, lines []Line) bool {
	var before *presence.Presence
	for i := range lines {
		if after := lines[i].Event.After; after != nil && after.SequenceNumber < t.Presence.SequenceNumber {
			before = after
		}
	}
	return before != nil && words(*before) == words(t.Presence)
}
