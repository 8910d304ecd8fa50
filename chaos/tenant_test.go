package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/graphsim"
)

// Two ways to say Graph's limit of 1,500 requests in 30 s. A successor counts what
// the dead daemon was allowed to send for one window more: with the longer one it
// would spend most of a run with many kills waiting.
const (
	byDefault = "{requests: 1500, per: 30s, share: 0.8}"
	bySecond  = "{requests: 50, per: 1s, share: 1}"
)

// tenant is a simulated tenant, and the configuration and store of a daemon that
// watches it. The daemon comes and goes; this stays.
type tenant struct {
	*graphsim.Server
	dir   string // configuration
	store string
	rate  string // value of the key rate
	every string // of the schedule
}

func newTenant(t *testing.T, cfg graphsim.Config, rate, every string) *tenant {
	t.Helper()
	sim, err := graphsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := &tenant{Server: sim, dir: t.TempDir(), store: filepath.Join(t.TempDir(), "store"), rate: rate, every: every}
	n.write(t, "client-secret", sim.Tenants()[0].ClientSecret)
	n.write(t, "users.txt", strings.Join(sim.UserIDs(), "\n"))
	return n
}

// frozenTenant is a tenant in which nobody changes but by pin, all of them alike.
func frozenTenant(t *testing.T, users int) *tenant {
	t.Helper()
	n := newTenant(t, graphsim.Config{Users: users, Frozen: true}, byDefault, "1s")
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
	app := n.Tenants()[0]
	return n.write(t, "presenced.yaml", fmt.Sprintf(`tenants:
  - name: chaos
    tenant_id: %s
    client_id: %s
    cloud: {graph_url: %q, login_url: %q}
    credential: {secret_file: client-secret}
    rate: %s
    schedules: ["@every %s"]
    users: {files: [users.txt]}
`, app.ID, app.ClientID, url, url, n.rate, n.every))
}

func (n *tenant) write(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(n.dir, name)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
