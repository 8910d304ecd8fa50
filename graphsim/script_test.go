package graphsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphsim"
)

func TestParseScript(t *testing.T) {
	t.Parallel()
	got, err := graphsim.ParseScript([]byte(`
faults:
  - {kind: unavailable, on: bulk, after: 5s, for: 1m30s, probability: 0.3, retry_after: "7"}
  - {kind: poison, ids: [a, b], count: 2}
  - {kind: clock-skew, skew: -1h}
presence:
  - {at: 10s, user: 3, availability: Busy, activity: InAMeeting}
  - {at: 20s, user: ada@contoso.example, remove: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := graphsim.Script{
		Faults: []graphsim.Fault{
			{Kind: graphsim.KindUnavailable, On: "bulk", After: 5 * time.Second, For: 90 * time.Second, Probability: 0.3, RetryAfter: "7"},
			{Kind: graphsim.KindPoison, IDs: []string{"a", "b"}, Count: 2},
			{Kind: graphsim.KindClockSkew, Skew: -time.Hour},
		},
		Presence: []graphsim.Step{
			{At: 10 * time.Second, User: "3", Availability: "Busy", Activity: "InAMeeting"},
			{At: 20 * time.Second, User: "ada@contoso.example", Remove: true},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
}

func TestEmptyScript(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing happens\n", "faults:\n", "{}"} {
		if got, err := graphsim.ParseScript([]byte(text)); err != nil || len(got.Faults)+len(got.Presence) > 0 {
			t.Errorf("%q = %+v, %v; want nothing", text, got, err)
		}
	}
}

func TestParseScriptRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "fautls: []", []string{"reading the script", "fautls"}},
		{"two documents", "faults: []\n---\nfaults: []", []string{"got 2 YAML documents"}},
		{"not YAML", "faults: [", []string{"reading the script"}},
		{"a duration without a unit", "faults: [{kind: reset, after: soon}]", []string{"reading the script"}},
		{"everything at once", "faults: [{kind: meteor, on: moon}]\npresence: [{at: -1s, user: 1}, {user: 1, availability: Busy}, {}, {user: 1, remove: true, activity: x}]",
			[]string{"fault 0: kind", "on: got \"moon\"", "presence 0: at", "presence 1: availability", "presence 2: user", "presence 3: remove"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := graphsim.ParseScript([]byte(test.text))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not have %q", err, want)
				}
			}
		})
	}
}

func TestScriptRuns(t *testing.T) {
	t.Parallel()
	script, err := graphsim.ParseScript([]byte(`
faults: [{kind: unavailable, after: 10s, for: 10s}]
presence:
  - {at: 30s, user: 1, availability: Away, activity: Away}
  - {at: 5s, user: 1, availability: Busy, activity: InACall}
  - {at: 40s, user: 0, remove: true}
  - {at: 50s, user: 0, availability: Busy, activity: Busy}
`))
	if err != nil {
		t.Fatal(err)
	}
	clock := newClock()
	begin := clock.Now()
	r := start(t, graphsim.Config{Users: 3, Frozen: true, Script: script, Now: clock.Now})
	first, second := r.sim.UserIDs()[0], r.sim.UserIDs()[1]
	clock.advance(15 * time.Second)
	r.bulk(second).want(t, http.StatusServiceUnavailable)
	clock.advance(5 * time.Second)
	if got := r.bulk(second).want(t, http.StatusOK).presences(t)[0]; got.words() != "Busy/InACall" {
		t.Errorf("at 20s = %s", got.words())
	}
	clock.advance(40 * time.Second)
	p, _ := r.sim.Presence(second)
	if p.Availability != "Away" || !p.Since.Equal(begin.Add(30*time.Second)) {
		t.Errorf("at 60s = %+v, want Away since 30s", p)
	}
	if _, known := r.sim.Presence(first); known {
		t.Error("the removed user came back")
	}
}

func TestScriptMayNotNameStrangers(t *testing.T) {
	t.Parallel()
	_, err := graphsim.New(graphsim.Config{Users: 3, Script: graphsim.Script{Presence: []graphsim.Step{{User: "3", Remove: true}}}})
	if err == nil || !strings.Contains(err.Error(), "a number below 3") {
		t.Errorf("= %v, want it to say which users there are", err)
	}
}

func TestScriptNamesUsersByPrincipalName(t *testing.T) {
	t.Parallel()
	upn := newSim(t, graphsim.Config{Users: 3}).Users("")[2].UserPrincipalName
	sim := newSim(t, graphsim.Config{Users: 3, Script: graphsim.Script{Presence: []graphsim.Step{{User: upper(upn), Remove: true}}}})
	if len(sim.UserIDs()) != 2 {
		t.Error("the user is still there")
	}
}
