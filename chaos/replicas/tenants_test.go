//go:build replicas

package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"presenced/graphsim"
	"presenced/presence"
	"presenced/trial"
)

// tenants are the simulated directories. Their people change by our hand alone.
type tenants struct {
	*graphsim.Server
	dir  string // of what configurations name
	list []*tenant

	mu    sync.Mutex
	words map[presence.UserID]string // what everybody is now
}

type tenant struct {
	graphsim.TenantConfig
	name     string
	rate     string // value of the key rate
	allowed  int    // requests in 30 s, as rate says
	endpoint string
	every    string // of its schedule
	people   []presence.UserID
	still    map[presence.UserID]bool // those who never change
}

// moods are what people change between. Each is both words.
var moods = []string{"Available", "Busy", "Away", "DoNotDisturb", "BeRightBack", "Offline"}

// newTenants makes tenants named as given. Each has so many people, of whom one in
// twenty never changes.
func newTenants(t *testing.T, people int, list ...*tenant) *tenants {
	t.Helper()
	apps := make([]graphsim.TenantConfig, len(list))
	for i := range apps {
		apps[i] = graphsim.TenantConfig{Users: people}
	}
	sim, err := graphsim.New(graphsim.Config{Users: people, Frozen: true, Tenants: apps, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ts := &tenants{Server: sim, dir: t.TempDir(), list: list, words: make(map[presence.UserID]string)}
	for i, n := range list {
		n.TenantConfig, n.still = sim.Tenants()[i], make(map[presence.UserID]bool)
		for j, u := range sim.Users(n.ID) {
			n.people = append(n.people, presence.UserID(u.ID))
			n.still[presence.UserID(u.ID)] = j%20 == 0
			ts.become(t, presence.UserID(u.ID), moods[j%len(moods)])
		}
	}
	return ts
}

func (ts *tenants) become(t *testing.T, user presence.UserID, mood string) {
	t.Helper()
	if err := ts.SetPresence(string(user), mood, mood); err != nil {
		t.Fatal(err)
	}
	ts.words[user] = mood
}

// flip makes everybody change who ever does, again and again until ctx ends.
func (ts *tenants) flip(ctx context.Context, t *testing.T, rng *rand.Rand, every time.Duration) {
	for ctx.Err() == nil {
		begin := time.Now()
		for _, n := range ts.list {
			for _, user := range n.people {
				if n.still[user] {
					continue
				}
				ts.mu.Lock()
				next := rng.IntN(len(moods) - 1)
				if moods[next] == ts.words[user] {
					next = len(moods) - 1
				}
				ts.become(t, user, moods[next])
				ts.mu.Unlock()
			}
		}
		rest(ctx, every-time.Since(begin))
	}
}

// configure writes a configuration of a replica that finds Graph and NATS there.
func (ts *tenants) configure(t *testing.T, name, graphURL, natsURL string, copies int) (path string) {
	t.Helper()
	c := trial.Configuration{Dir: ts.dir, URL: graphURL, More: fmt.Sprintf("nats: {url: %q, stream: {name: %s, replicas: %d}}", natsURL, streamName, copies)}
	for _, n := range ts.list {
		var ids []string
		for _, user := range n.people {
			ids = append(ids, string(user))
		}
		c.Tenants = append(c.Tenants, trial.Watched{Name: n.name, App: n.TenantConfig, Users: ids, Rate: n.rate, Schedule: "@every " + n.every, Endpoint: n.endpoint})
	}
	return c.Write(t, name+".yaml")
}

// tenantOf says whose person it is.
func (ts *tenants) tenantOf() map[presence.UserID]string {
	of := make(map[presence.UserID]string)
	for _, n := range ts.list {
		for _, user := range n.people {
			of[user] = n.name
		}
	}
	return of
}

// overLimit says which tenants got more requests than their limit in any 30 s, the
// referee's sliding window. Requests over Graph's own limit, which is higher, are
// throttled and counted too.
func overLimit(stats graphsim.Stats, list []*tenant) []string {
	var over []string
	for _, n := range list {
		for _, app := range stats.Apps {
			if app.ClientID == n.ClientID && (app.MaxInWindow > n.allowed || app.Throttled > 0) {
				over = append(over, fmt.Sprintf("%s: %d requests in one window, %d throttled, want at most %d and none", n.name, app.MaxInWindow, app.Throttled, n.allowed))
			}
		}
	}
	return over
}
