package trial_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphsim"
	"presenced/trial"
)

// A run that goes on over a death is two: so many answers to the one daemon, so many
// to the other.
func TestAccountCutsRunsAtDeaths(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Date(2026, 11, 23, 9, 0, second, 0, time.UTC) }
	run := func(word string, first, last, times int) graphsim.Run {
		return graphsim.Run{Availability: word, Activity: word, First: at(first), Last: at(last), Times: times}
	}
	var a trial.Account
	a.Die(map[string][]graphsim.Run{"anna": {run("Busy", 0, 2, 3)}})
	a.Close(map[string][]graphsim.Run{"anna": {run("Busy", 0, 5, 5), run("Away", 6, 6, 1)}, "ben": {run("Away", 5, 5, 1)}})
	a.Close(map[string][]graphsim.Run{"anna": {run("Busy", 0, 5, 5), run("Away", 6, 6, 1)}, "ben": {run("Away", 5, 5, 1)}}) // nothing new

	got := make(map[string][]string)
	for user, runs := range a.Runs {
		for _, r := range runs {
			got[string(user)] = append(got[string(user)], r.Presence.Availability+" "+r.First.Format("05")+"-"+r.Last.Format("05")+" "+string(rune('0'+r.Times)))
		}
	}
	want := map[string][]string{
		"anna": {"Busy 00-02 3", "Busy 05-05 2", "Away 06-06 1"},
		"ben":  {"Away 05-05 1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if len(a.Deaths) != 1 {
		t.Errorf("%d deaths, want 1", len(a.Deaths))
	}
}
