package graphsim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

func TestFaultSelection(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 2, Now: clock.Now})
	app, id := r.sim.Tenants()[0], r.sim.UserIDs()[0]
	r.token()
	send := map[string]func() answer{
		"bulk":           func() answer { return r.bulk(id) },
		"user":           func() answer { return r.get("/v1.0/users/" + id + "/presence") },
		"communications": func() answer { return r.get("/v1.0/communications/presences/" + id) },
		"users":          func() answer { return r.get("/v1.0/users/" + id) },
		"group": func() answer {
			return r.get("/v1.0/groups/" + r.sim.GroupID(app.ID, graphsim.Everyone) + "/transitiveMembers")
		},
		"token": func() answer { return r.form(app.ID, "token", secretForm(app)) },
	}
	for _, test := range []struct {
		name string
		on   string
		hits []string
	}{
		{"every Graph endpoint", "", []string{"bulk", "communications", "group", "user", "users"}},
		{"one endpoint", "user", []string{"user"}},
		{"the token service", "token", []string{"token"}},
		{"a path", "/v1.0/users/", []string{"user", "users"}},
	} {
		inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindUnavailable, On: test.on})
		var hits []string
		for name, f := range send {
			if f().StatusCode == http.StatusServiceUnavailable {
				hits = append(hits, name)
			}
		}
		slices.Sort(hits)
		if !slices.Equal(hits, test.hits) {
			t.Errorf("%s: hit %v, want %v", test.name, hits, test.hits)
		}
		r.sim.Heal()
	}

	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindUnavailable, Tenant: nobody})
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindInternalError, After: 5 * time.Second, For: 10 * time.Second})
	for _, step := range []struct {
		at     time.Duration
		status int
	}{{0, 200}, {4999 * time.Millisecond, 200}, {5 * time.Second, 500}, {14 * time.Second, 500}, {15 * time.Second, 200}} {
		clock.advance(step.at - clock.Now().Sub(newClock().Now()))
		if got := r.bulk(id).StatusCode; got != step.status {
			t.Errorf("after %v: %d, want %d", step.at, got, step.status)
		}
	}
	if states := r.sim.Faults(); states[0].Hits != 0 || states[1].Hits != 2 || states[1].Active || !states[0].Active {
		t.Errorf("faults = %+v", states)
	}
}

func TestProbabilityIsSeeded(t *testing.T) {
	t.Parallel()
	pattern := func(seed uint64) string {
		sim := newSim(t, graphsim.Config{Seed: seed, Users: 1})
		token := (&rig{t: t, sim: sim, client: handlerClient(sim)}).token()
		inject(t, sim, graphsim.Fault{Kind: graphsim.KindUnavailable, Probability: 0.3})
		var b strings.Builder
		for range 200 {
			b.WriteByte(".x"[btoi(arrive(sim, token).Code == http.StatusServiceUnavailable)])
		}
		return b.String()
	}
	first := pattern(1)
	if hits := strings.Count(first, "x"); hits < 40 || hits > 80 {
		t.Errorf("%d of 200 hit, want about 60", hits)
	}
	if pattern(1) != first || pattern(2) == first {
		t.Error("the pattern does not follow the seed")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
