//go:build replicas

package replicas_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
	"presenced/trial"
)

// selfCheck spoils copies of the evidence of a run that was found to be clean. A
// judge who does not see that has proved nothing before. That each fault is called
// by its name, in small, is presenced/audit.TestJudgeSeesWhatIsPlanted.
func selfCheck(t *testing.T, ev audit.Evidence) {
	t.Helper()
	i := twice(ev)
	if i < 0 {
		t.Error("nobody changed twice in what surely was dealt with: nothing can be planted")
		return
	}
	for name, tc := range map[string]struct {
		spoil func(*audit.Evidence)
		sees  func(audit.Verdict) bool
	}{
		"an event doubled": {
			func(e *audit.Evidence) { e.Log = slices.Insert(e.Log, i, e.Log[i]) },
			func(v audit.Verdict) bool { return v.Duplicates == 1 },
		},
		"an event missing": {
			func(e *audit.Evidence) { e.Log = slices.Delete(e.Log, i, i+1) },
			func(v audit.Verdict) bool { return v.Missing == 1 },
		},
		"an event invented": {
			func(e *audit.Evidence) {
				after := *e.Log[i].Event.After
				after.SequenceNumber = after.SequenceNumber[:len(after.SequenceNumber)-4] + "9999"
				e.Log[i].Event.After = &after
			},
			func(v audit.Verdict) bool { return v.Invented == 1 },
		},
		"a wrong before": {
			func(e *audit.Evidence) {
				before := *e.Log[i].Event.Before
				before.Activity = "Presenting"
				e.Log[i].Event.Before = &before
			},
			func(v audit.Verdict) bool { return v.Broken == 1 },
		},
		"a broken revision": {
			func(e *audit.Evidence) { e.Log[i].Event.Revision += 1000 },
			func(v audit.Verdict) bool { return v.Broken >= 1 },
		},
		"an epoch going back": {
			func(e *audit.Evidence) {
				s := e.Sent[e.Log[i].Batch]
				s.Epoch = 0
				e.Sent[e.Log[i].Batch] = s
			},
			func(v audit.Verdict) bool { return v.Deposed >= 1 },
		},
	} {
		spoilt := audit.Evidence{Told: ev.Told, Sent: maps.Clone(ev.Sent), Log: slices.Clone(ev.Log), Stored: ev.Stored}
		tc.spoil(&spoilt)
		if v := audit.Judge(spoilt); !tc.sees(v) {
			t.Errorf("%s: the audit finds missing %d, invented %d, duplicates %d, broken %d, deposed %d", name, v.Missing, v.Invented, v.Duplicates, v.Broken, v.Deposed)
		}
	}
}

// twice finds a change event that is not its user's newest, and tells an answer that
// was surely dealt with; -1: there is none.
func twice(ev audit.Evidence) int {
	later := make(map[presence.UserID]bool)
	for i, l := range slices.Backward(ev.Log) {
		stamp := ""
		if l.Event.After != nil {
			stamp = l.Event.After.SequenceNumber
		}
		must := slices.ContainsFunc(ev.Told[l.Event.User], func(told audit.Told) bool { return told.Dealt && told.Presence.SequenceNumber == stamp })
		if later[l.Event.User] && l.Event.Kind == presence.KindChange && must && ev.Sent[l.Batch].Epoch > 0 {
			return i
		}
		later[l.Event.User] = true
	}
	return -1
}

// TestOneRequestTooMany: the referee's count has one more than the limit, and it is
// seen.
func TestOneRequestTooMany(t *testing.T) {
	t.Parallel()
	n := &tenant{name: "red", rate: "{requests: 3, per: 30s, share: 1}", allowed: 3, endpoint: "user", every: "1s"}
	ts := newTenants(t, 1, n)
	token := tokenFor(t, ts.Server, n)
	for i := range 4 {
		if over := overLimit(ts.Stats(), ts.list); len(over) > 0 {
			t.Errorf("after %d requests: %q, want nothing", i, over)
		}
		r := httptest.NewRequest(http.MethodGet, "/v1.0/users/"+string(n.people[0])+"/presence", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		ts.ServeHTTP(httptest.NewRecorder(), r)
	}
	if over := overLimit(ts.Stats(), ts.list); len(over) != 1 || !strings.Contains(over[0], "4 requests") {
		t.Errorf("after 4 requests where 3 are allowed: %q, want it to be said", over)
	}
}

// TestExcuse: which answers the log need not show is decided as account_test.go
// says.
func TestExcuse(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	at := func(second int) time.Time { return begin.Add(time.Duration(second) * time.Second) }
	const user, tenant = "00000001-0000-4000-8000-000000000001", "red"
	ask := func(second, turn int, w *wire) request {
		return request{ids: []string{user}, asked: at(second), whole: at(second), wire: w, turn: turn}
	}
	claims := func(epochs ...int) *tap { // one each ten seconds
		tp := newTap("p")
		for i, e := range epochs {
			tp.owners = append(tp.owners, claim{tenant: tenant, at: at(10 * i), Owner: presence.Owner{Epoch: uint64(e)}})
		}
		return tp
	}
	kept, gone := &wire{turns: 2}, &wire{turns: 1, closed: at(3)}
	for name, tc := range map[string]struct {
		tap   *tap
		first request
		later []request
		dealt bool
	}{
		"asked again on the same connection":                {claims(1), ask(1, 1, kept), []request{ask(2, 2, kept)}, true},
		"asked again on another, this one still there":      {claims(1), ask(1, 1, &wire{turns: 1}), []request{ask(2, 1, kept)}, true},
		"never asked again":                                 {claims(1), ask(1, 1, kept), nil, false},
		"the connection was closed":                         {claims(1), ask(1, 1, gone), []request{ask(2, 1, kept)}, false},
		"closed long after it was asked again":              {claims(1), ask(1, 1, &wire{turns: 1, closed: at(9)}), []request{ask(2, 1, kept)}, true},
		"asked again in another reign, at the second claim": {claims(1, 3), ask(1, 1, kept), []request{ask(12, 2, kept)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &life{tap: tc.tap, journal: &trial.Journal{}}
			if got := l.dealt(tc.first, tc.later, tenant); got != tc.dealt {
				t.Errorf("dealt with: %t, want %t", got, tc.dealt)
			}
		})
	}
}

// tokenFor is a token for the tenant's app.
func tokenFor(t *testing.T, sim *graphsim.Server, n *tenant) string {
	t.Helper()
	body := fmt.Sprintf("grant_type=client_credentials&client_id=%s&client_secret=%s&scope=https%%3A%%2F%%2Fgraph.microsoft.com%%2F.default", n.ClientID, n.ClientSecret)
	r := httptest.NewRequest(http.MethodPost, "/"+n.ID+"/oauth2/v2.0/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	_, rest, ok := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no token: %s", w.Body)
	}
	return token
}
