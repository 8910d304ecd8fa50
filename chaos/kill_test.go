package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
	"presenced/trial"
)

// TestKill is the promise of docs/guarantees.md under kill -9: the log of a daemon
// that dies again and again tells every change that was served, once, in order,
// and nothing else.
func TestKill(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	n := newTenant(t, graphsim.Config{Users: 2000, Speed: 600, SkipNights: true}, trial.BySecond, "@every 1s")
	pinned := n.UserIDs()[:50] // they never change
	n.pin(t, pinned, "Available")

	var a trial.Account
	var f figures
	var moments []moment
	for range *kills {
		if len(moments) == 0 {
			moments = deck(rng)
		}
		d := n.start(t)
		came := moments[0].await(t.Context(), d, rng)
		d.kill()
		a.Die(n.Served())
		f.measure(d, n.chunks())
		f.count(moments[0], came)
		moments = moments[1:]
	}
	last := n.start(t)
	last.awaitSweeps(5)
	last.stop()
	a.Close(n.Served())
	f.measure(last, n.chunks())

	s := read(t, n.store)
	report := a.Compare(s.Entries)
	wantClean(t, report, &a, s.Entries)
	wantOneSnapshotEach(t, s.Entries, n.UserIDs(), pinned)
	wantWithinLimit(t, n.Stats(), 1500)
	f.print(t, report, &a, s)
	if written, lost := lastWords(&a, s.Entries); report.Changes < 1000 || written+lost == 0 {
		t.Errorf("%d changes, %d of them in the last answer before a kill: that proves nothing", report.Changes, written+lost)
	}
	selfCheck(t, &a, s.Entries, presence.UserID(pinned[0]))
}

func wantClean(t *testing.T, r audit.Report, a *trial.Account, log []audit.Entry) {
	t.Helper()
	if r.Missing+r.Invented+r.Duplicates+r.Broken == 0 {
		return
	}
	t.Errorf("missing %d, invented %d, duplicates %d, broken %d; want none", r.Missing, r.Invented, r.Duplicates, r.Broken)
	shown := 0
	for user, runs := range a.Runs {
		entries := slices.Clone(log)
		entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Event.User != user })
		one := audit.Compare(map[presence.UserID][]audit.Run{user: runs}, entries, a.Rule())
		if one.Missing+one.Invented+one.Duplicates+one.Broken == 0 {
			continue
		}
		if shown++; shown <= 3 {
			t.Logf("%s\n%s", user, sideBySide(runs, entries, a.Deaths))
		}
	}
}

// sideBySide is one user's life, told by both sides, in order of time.
func sideBySide(runs []audit.Run, entries []audit.Entry, deaths []time.Time) string {
	var lines []string
	add := func(at time.Time, format string, args ...any) {
		lines = append(lines, at.UTC().Format("15:04:05.000000 ")+fmt.Sprintf(format, args...))
	}
	for _, r := range runs {
		add(r.Last, "served %s.%s, %d times", r.Presence.Availability, r.Presence.Activity, r.Times)
	}
	for _, e := range entries {
		if e.Event.After != nil {
			add(e.Stored, "  stored %s %d %s.%s", e.Event.Kind, e.Event.Revision, e.Event.After.Availability, e.Event.After.Activity)
		}
	}
	for _, d := range deaths {
		add(d, "killed")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// wantOneSnapshotEach is what restarts must not repeat: first sight is once in a
// life, and whoever does not change has no other event.
func wantOneSnapshotEach(t *testing.T, log []audit.Entry, all, pinned []string) {
	t.Helper()
	snapshots, events := make(map[string]int), make(map[string]int)
	odd := 0
	for _, e := range log {
		events[string(e.Event.User)]++
		switch {
		case e.Event.Kind == presence.KindSnapshot && e.Event.Reason == presence.ReasonSnapshot:
			snapshots[string(e.Event.User)]++
		case e.Event.Kind != presence.KindChange:
			odd++
		}
	}
	unlike := func(ids []string, counts map[string]int) int {
		return len(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return counts[id] == 1 }))
	}
	if n := unlike(all, snapshots); n > 0 {
		t.Errorf("%d of %d users have no snapshot or several, want one each", n, len(all))
	}
	if n := unlike(pinned, events); n > 0 {
		t.Errorf("%d of %d users who never changed have no event or several, want one each", n, len(pinned))
	}
	if odd > 0 {
		t.Errorf("%d events say that somebody left or that a state was lost", odd)
	}
}

func wantWithinLimit(t *testing.T, s graphsim.Stats, limit int) {
	t.Helper()
	if s.MaxInWindow > limit || s.Throttled > 0 {
		t.Errorf("%d requests in one window, %d throttled; want at most %d and none", s.MaxInWindow, s.Throttled, limit)
	}
}
