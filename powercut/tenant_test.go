//go:build fuse && linux

package powercut_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
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
	n := &tenant{Server: sim, dir: t.TempDir(), nats: nats, limit: l}
	n.write(t, "client-secret", sim.Tenants()[0].ClientSecret)
	n.write(t, "users.txt", strings.Join(sim.UserIDs(), "\n"))
	return n
}

// configure writes the configuration of a daemon that finds Graph at url.
func (n *tenant) configure(t *testing.T, url string) (path string) {
	t.Helper()
	app := n.Tenants()[0]
	return n.write(t, "presenced.yaml", fmt.Sprintf(`%s
tenants:
  - name: power
    tenant_id: %s
    client_id: %s
    cloud: {graph_url: %q, login_url: %q}
    credential: {secret_file: client-secret}
    rate: {requests: %d, per: %s, share: 1}
    schedules: ["@every 1s"]
    users: {files: [users.txt]}
`, n.nats, app.ID, app.ClientID, url, url, n.limit.requests, n.limit.per))
}

func (n *tenant) write(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(n.dir, name)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
