package graphsim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

// arrive sends one presence request without a network, for tests that need thousands.
func arrive(sim *graphsim.Server, token string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, "/v1.0/communications/presences/"+nobody, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, req)
	return w
}

func TestLimitRefusesAndTheRefereeCountsAll(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 1, Limit: 5, Now: clock.Now, TokenLifetime: time.Hour})
	id := r.sim.UserIDs()[0]
	for range 5 {
		r.bulk(id).want(t, http.StatusOK)
		clock.advance(time.Second)
	}
	got := r.bulk(id).want(t, http.StatusTooManyRequests) // at 5 s: six in the window
	if got.Header.Get("Retry-After") != "26" {
		t.Errorf("Retry-After = %q, want 26: until the two oldest are gone", got.Header.Get("Retry-After"))
	}
	if got.text("error", "code") != "TooManyRequests" || got.text("error", "innerError", "code") != "429" ||
		got.text("error", "message") != "Please retry again later." || got.text("error", "innerError", "status") != "429" {
		t.Errorf("body = %s", got.body)
	}
	clock.advance(25 * time.Second)
	r.bulk(id).want(t, http.StatusTooManyRequests) // the one at 5 s counts too, and so does this
	clock.advance(2 * time.Second)
	r.bulk(id).want(t, http.StatusOK)

	stats := r.sim.Stats()
	if stats.Requests != 8 || stats.Throttled != 2 || stats.MaxInWindow != 6 || stats.TokenRequests != 1 {
		t.Errorf("stats = %+v, want 8 requests, 2 throttled, at most 6 in a window", stats)
	}
	if app := stats.Apps[0]; app.InWindow != 5 || app.ClientID != r.sim.Tenants()[0].ClientID {
		t.Errorf("app = %+v, want 5 in the window now", app)
	}
}

func TestRefereeIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		clock := newClock()
		sim := newSim(t, graphsim.Config{Users: 1, Limit: 40, Now: clock.Now, TokenLifetime: 24 * time.Hour})
		token := (&rig{t: t, sim: sim, url: "", client: handlerClient(sim)}).token()
		var arrivals []time.Time
		for range 300 {
			clock.advance(time.Duration(rng.ExpFloat64() * rng.Float64() * float64(2*time.Second)))
			if rng.IntN(10) == 0 {
				clock.advance(time.Duration(rng.IntN(30)) * time.Second)
			}
			arrivals = append(arrivals, clock.Now())
			arrive(sim, token)
		}
		if got, want := sim.Stats().MaxInWindow, fullest(arrivals, 30*time.Second); got != want {
			t.Errorf("seed %d: most in a window = %d, want %d", seed, got, want)
		}
	}
}

// fullest is the slow way: try every window that ends or begins with an arrival.
func fullest(arrivals []time.Time, per time.Duration) int {
	most := 0
	for _, end := range arrivals {
		for _, until := range []time.Time{end, end.Add(per - 1)} {
			n := 0
			for _, at := range arrivals {
				if at.After(until.Add(-per)) && !at.After(until) {
					n++
				}
			}
			most = max(most, n)
		}
	}
	return most
}

// handlerClient is a client that calls the handler directly.
func handlerClient(h http.Handler) *http.Client {
	return &http.Client{Transport: direct{h}}
}

type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Host == "" {
		r.Host = "sim.example"
	}
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		form   graphsim.RetryAfter
		header string
	}{
		{graphsim.RetryAfterSeconds, "29"},
		{graphsim.RetryAfterFraction, "28.900"},
		{graphsim.RetryAfterDate, "Mon, 23 Nov 2026 12:00:31 GMT"},
		{graphsim.RetryAfterAbsent, ""},
	} {
		t.Run("form "+string(test.form), func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			r := start(t, graphsim.Config{Users: 1, Limit: 2, Now: clock.Now, Modes: graphsim.Modes{RetryAfter: test.form}})
			r.bulk(nobody).want(t, http.StatusOK)
			r.bulk(nobody).want(t, http.StatusOK)
			clock.advance(1100 * time.Millisecond)
			// Arrivals at 0, 0 and 1.1 s: one more fits as soon as the two at 0 are gone.
			got := r.bulk(nobody).want(t, http.StatusTooManyRequests).Header.Get("Retry-After")
			if got != test.header {
				t.Errorf("Retry-After = %q, want %q", got, test.header)
			}
		})
	}
}

func TestLimitIsPerAppAndTenant(t *testing.T) {
	t.Parallel()
	const tenant = "11111111-0000-4000-8000-000000000001"
	r := start(t, graphsim.Config{Users: 1, Limit: 1, GlobalLimit: 3, Tenants: []graphsim.TenantConfig{{ID: tenant}, {ID: tenant}, {}}})
	for i, app := range r.sim.Tenants() {
		r.bearer = r.tokenOf(app)
		if r.bulk(nobody).StatusCode != http.StatusOK {
			t.Errorf("app %d: its first request was refused because of another app's", i)
		}
	}
	r.bulk(nobody).want(t, http.StatusTooManyRequests)
	if stats := r.sim.Stats(); len(stats.Apps) != 3 || stats.MaxInWindow != 2 || stats.Throttled != 1 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestGlobalLimitIsPerAppOverAllTenants(t *testing.T) {
	t.Parallel()
	const client = "22222222-0000-4000-8000-000000000001"
	r := start(t, graphsim.Config{Users: 1, GlobalLimit: 2, Tenants: []graphsim.TenantConfig{{ClientID: client}, {ClientID: client}}})
	first, second := r.tokenOf(r.sim.Tenants()[0]), r.tokenOf(r.sim.Tenants()[1])
	for i, want := range []int{200, 200, 429, 429} {
		r.bearer = []string{first, second}[i%2]
		r.bulk(nobody).want(t, want)
	}
}

func TestRefusedTokensCountIfTheySayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now})
	r.token()
	clock.advance(2 * time.Hour)
	r.bulk(nobody).want(t, http.StatusUnauthorized) // expired
	r.bearer = "nonsense"
	r.bulk(nobody).want(t, http.StatusUnauthorized)
	if stats := r.sim.Stats(); stats.MaxInWindow != 1 || stats.Unauthorized != 2 || stats.Requests != 2 {
		t.Errorf("stats = %+v, want 1 in the window of 2 unauthorized", stats)
	}
}

func TestDirectoryHasItsOwnBudget(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 3, DirectoryUnits: 10, Limit: 1, Now: clock.Now})
	group := "/v1.0/groups/" + r.sim.GroupID(r.sim.Tenants()[0].ID, graphsim.Everyone) + "/transitiveMembers"
	for _, want := range []struct {
		path, units, share string
		status             int
	}{
		{group, "5", "", 200},
		{group + "?$select=id", "4", "0.9", 200},
		{group + "?$top=5&$select=id", "3", "1.2", 429},
		{"/v1.0/users/" + r.sim.UserIDs()[0] + "?$select=id", "1", "1.0", 200},
	} {
		got := r.get(want.path).want(t, want.status)
		if got.Header.Get("x-ms-resource-unit") != want.units || got.Header.Get("x-ms-throttle-limit-percentage") != want.share {
			t.Errorf("%s: headers = %v, want %s units, share %q", want.path, got.Header, want.units, want.share)
		}
		if want.status == 429 && (got.Header.Get("x-ms-throttle-scope") == "" || got.Header.Get("Retry-After") != "2") {
			t.Errorf("%s: headers = %v", want.path, got.Header)
		}
	}
	clock.advance(5 * time.Second) // half of the bucket is back
	r.get(group).want(t, http.StatusOK)
	r.get(group).want(t, http.StatusTooManyRequests)
	if stats := r.sim.Stats(); stats.MaxInWindow != 0 {
		t.Errorf("directory requests count as presence requests: %+v", stats)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 40
	r := start(t, graphsim.Config{Users: 20, Limit: 100})
	token, body := r.token(), idsBody(r.sim.UserIDs()...)
	done := make(chan string, clients)
	for range clients {
		go func() {
			statuses := map[string]int{}
			for range each {
				req := httptest.NewRequest(http.MethodPost, bulkPath, strings.NewReader(body))
				req.Header.Set("Authorization", "Bearer "+token)
				req.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				r.sim.ServeHTTP(w, req)
				statuses[strconv.Itoa(w.Code)]++
			}
			done <- fmt.Sprint(statuses)
		}()
	}
	for range clients {
		<-done
	}
	if stats := r.sim.Stats(); stats.MaxInWindow != clients*each || stats.Throttled != clients*each-100 {
		t.Errorf("stats = %+v, want %d in the window, 100 of them served", stats, clients*each)
	}
	for id, runs := range r.sim.Served() {
		if n := total(runs); n != 100 {
			t.Errorf("%s was served %d times, want 100", id, n)
		}
	}
}

func total(runs []graphsim.Run) int {
	n := 0
	for _, run := range runs {
		n += run.Times
	}
	return n
}
