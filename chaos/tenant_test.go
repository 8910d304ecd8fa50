package chaos_test

import (
	"path/filepath"
	"testing"

	"presenced/graphsim"
	"presenced/trial"
)

// byDefault is Graph's limit of 1,500 requests in 30 s, of which presenced uses 0.8
// by default.
const byDefault = "{requests: 1500, per: 30s, share: 0.8}"

// tenant is a simulated tenant, and the configuration and store of a daemon that
// watches it. The daemon comes and goes; this stays.
type tenant struct {
	*graphsim.Server
	dir      string // configuration
	store    string
	rate     string // value of the key rate
	schedule string
	more     string // of the configuration
}

func newTenant(t *testing.T, cfg graphsim.Config, rate, schedule string) *tenant {
	t.Helper()
	sim, err := graphsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{Server: sim, dir: t.TempDir(), store: filepath.Join(t.TempDir(), "store"), rate: rate, schedule: schedule}
}

// frozenTenant is a tenant in which nobody changes but by pin, all of them alike.
func frozenTenant(t *testing.T, users int) *tenant {
	t.Helper()
	n := newTenant(t, graphsim.Config{Users: users, Frozen: true}, byDefault, "@every 1s")
	n.pin(t, n.UserIDs(), "Available")
	return n
}

// pin makes the users be this from now on, in both words.
func (n *tenant) pin(t *testing.T, ids []string, word string) {
	t.Helper()
	for _, id := range ids {
		if err := n.SetPresence(id, word, word); err != nil {
			t.Fatal(err)
		}
	}
}

// chunks is how many requests a sweep takes.
func (n *tenant) chunks() int { return (len(n.UserIDs()) + 649) / 650 }

// configure writes the configuration of a daemon that finds Graph at url.
func (n *tenant) configure(t *testing.T, url string) (path string) {
	t.Helper()
	watched := trial.Watched{Name: "chaos", App: n.Tenants()[0], Users: n.UserIDs(), Rate: n.rate, Schedule: n.schedule}
	return trial.Configuration{Dir: n.dir, More: n.more, URL: url, Tenants: []trial.Watched{watched}}.Write(t, "presenced.yaml")
}
