package trial

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/graphsim"
)

// Configuration is of a daemon that watches simulated tenants.
type Configuration struct {
	Dir     string // of the file and of what it names
	More    string // sections such as nats and embedded, in YAML
	URL     string // where the daemon finds Graph, and logs in
	Tenants []Watched
}

// Watched is a simulated tenant as a configuration names it.
type Watched struct {
	Name     string
	App      graphsim.TenantConfig
	Users    []string
	Rate     string // value of the key rate, in YAML
	Schedule string // in the syntax of the key schedules
	Endpoint string // "": the daemon's default
}

// BySecond is Graph's limit of 1,500 requests in 30 s, said by the second. A
// successor counts what a dead daemon was allowed to send for one window more: with
// the longer one it would spend most of a trial with many deaths waiting.
const BySecond = "{requests: 50, per: 1s, share: 1}"

// Write writes the configuration as a file of that name, and the secrets and lists
// of users that it needs.
func (c Configuration) Write(t testing.TB, name string) (path string) {
	t.Helper()
	text := c.More + "\ntenants:\n"
	for _, w := range c.Tenants {
		text += w.yaml(c.URL)
		write(t, filepath.Join(c.Dir, w.Name+".secret"), w.App.ClientSecret)
		write(t, filepath.Join(c.Dir, w.Name+".users"), strings.Join(w.Users, "\n"))
	}
	path = filepath.Join(c.Dir, name)
	write(t, path, text)
	return path
}

func (w Watched) yaml(url string) string {
	text := fmt.Sprintf(`  - name: %s
    tenant_id: %s
    client_id: %s
    cloud: {graph_url: %q, login_url: %q}
    credential: {secret_file: %s.secret}
    rate: %s
    schedules: [%q]
    users: {files: [%s.users]}
`, w.Name, w.App.ID, w.App.ClientID, url, url, w.Name, w.Rate, w.Schedule, w.Name)
	if w.Endpoint != "" {
		text += "    endpoint: " + w.Endpoint + "\n"
	}
	return text
}

// write replaces the file as a whole: another daemon may be reading it.
func write(t testing.TB, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}
