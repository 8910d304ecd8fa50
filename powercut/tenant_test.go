//go:build fuse && linux

package powercut_test

import (
	"fmt"
	"testing"
	"time"

	"presenced/graphsim"
	"presenced/trial"
)

// tenant is a simulated tenant and the configuration of a daemon that watches it.
// The daemon comes and goes; this stays, and no power cut reaches it.
type tenant struct {
	*graphsim.Server
	dir   string
	nats  string // the sections nats and embedded
	limit limit
}

// limit is of how many requests Graph takes in which time.
type limit struct {
	requests int
	per      time.Duration
}

// newTenant is of people who change often. Their limit of requests is said by the
// second: a successor counts what the dead daemon was allowed to send for one
// window more, and with windows of 30 s would spend most of the time waiting.
func newTenant(t *testing.T, nats string) *tenant {
	t.Helper()
	return newTenantWithin(t, nats, limit{50, time.Second})
}

func newTenantWithin(t *testing.T, nats string, l limit) *tenant {
	t.Helper()
	sim, err := graphsim.New(graphsim.Config{Users: 400, Speed: 3000, SkipNights: true, Limit: l.requests, Per: l.per})
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{Server: sim, dir: t.TempDir(), nats: nats, limit: l}
}

// configure writes the configuration of a daemon that finds Graph at url.
func (n *tenant) configure(t *testing.T, url string) (path string) {
	t.Helper()
	rate := fmt.Sprintf("{requests: %d, per: %s, share: 1}", n.limit.requests, n.limit.per)
	watched := trial.Watched{Name: "power", App: n.Tenants()[0], Users: n.UserIDs(), Rate: rate, Schedule: "@every 1s"}
	return trial.Configuration{Dir: n.dir, More: n.nats, URL: url, Tenants: []trial.Watched{watched}}.Write(t, "presenced.yaml")
}
