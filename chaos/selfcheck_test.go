package chaos_test

import (
	"slices"
	"testing"

	"presenced/audit"
	"presenced/presence"
	"presenced/trial"
)

// selfCheck spoils copies of a log that was found to be clean. A comparison that
// does not see that has proved nothing before.
func selfCheck(t *testing.T, a *trial.Account, log []audit.Entry, unchanged presence.UserID) {
	t.Helper()
	i, j := twoOfOne(t, a, log)
	for name, tc := range map[string]struct {
		spoil func([]audit.Entry) []audit.Entry
		sees  func(audit.Report) bool
	}{
		"an event dropped": {
			func(l []audit.Entry) []audit.Entry { return slices.Delete(l, i, i+1) },
			func(r audit.Report) bool { return r.Missing == 1 && r.Broken > 0 },
		},
		"the newest event of a user dropped": {
			func(l []audit.Entry) []audit.Entry { return slices.Delete(l, j, j+1) },
			func(r audit.Report) bool { return r.Missing == 1 && r.Broken == 0 },
		},
		"an event twice": {
			func(l []audit.Entry) []audit.Entry { return append(l, l[i]) },
			func(r audit.Report) bool { return r.Duplicates == 1 },
		},
		"two events swapped": {
			func(l []audit.Entry) []audit.Entry { l[i], l[j] = l[j], l[i]; return l },
			func(r audit.Report) bool { return r.Broken > 0 },
		},
		"a change that was not": {
			func(l []audit.Entry) []audit.Entry { return append(l, invented(l, unchanged)) },
			func(r audit.Report) bool { return r.Invented == 1 },
		},
		"a second snapshot": {
			func(l []audit.Entry) []audit.Entry { return append(l, again(l, unchanged)) },
			func(r audit.Report) bool { return r.Invented == 1 },
		},
	} {
		if r := a.Compare(tc.spoil(slices.Clone(log))); !tc.sees(r) {
			t.Errorf("%s: audit finds missing %d, invented %d, duplicates %d, broken %d", name, r.Missing, r.Invented, r.Duplicates, r.Broken)
		}
	}
}

// twoOfOne finds the last two events of one user, both after the last death, when
// nothing may be missing any more.
func twoOfOne(t *testing.T, a *trial.Account, log []audit.Entry) (i, j int) {
	t.Helper()
	newest := make(map[presence.UserID]int)
	for i, e := range slices.Backward(log) {
		if e.Stored.Before(a.Deaths[len(a.Deaths)-1]) {
			break
		}
		user := e.Event.User
		if j, ok := newest[user]; ok && !same(*e.Event.After, *log[j].Event.After) && e.Event.Kind == presence.KindChange {
			return i, j
		} else if !ok {
			newest[user] = i
		}
	}
	t.Fatal("nobody changed twice after the last kill")
	return 0, 0
}

func newestOf(log []audit.Entry, user presence.UserID) audit.Entry {
	for _, e := range slices.Backward(log) {
		if e.Event.User == user {
			return e
		}
	}
	return audit.Entry{}
}

// invented is a change as a daemon would have written it, had there been one.
func invented(log []audit.Entry, user presence.UserID) audit.Entry {
	e := newestOf(log, user)
	words := presence.Presence{Availability: "Away", Activity: "Away"}
	event, _ := presence.Rule{Tenant: e.Event.Tenant}.Diff(e.Event.State(), presence.Answer{User: user, Presence: words, Asked: e.Stored, At: e.Stored})
	return audit.Entry{Event: *event, Stored: e.Stored}
}

// again is what a daemon would write that does not know what its log says.
func again(log []audit.Entry, user presence.UserID) audit.Entry {
	e := newestOf(log, user)
	e.Event.Revision++
	return e
}
