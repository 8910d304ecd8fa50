package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/graphsim"
)

// buffer can be written by a command and read by the test meanwhile.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// command runs one command line to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, notes buffer
	code = run(t.Context(), args, &out, &notes)
	return code, out.String(), notes.String()
}

// background runs a command until the test has seen enough.
type background struct {
	stdout, stderr buffer
	stop           func() int
}

func start(t *testing.T, args ...string) *background {
	t.Helper()
	b := &background{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() { done <- run(ctx, args, &b.stdout, &b.stderr) }()
	once := sync.OnceValue(func() int { cancel(); return <-done })
	b.stop = once
	t.Cleanup(func() { once() })
	return b
}

// eventually waits for real processes and sockets, which no fake clock drives.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// tenant is a simulated tenant, everyone in it Available, and a configuration for it.
func tenant(t *testing.T, users int) (*simulation, string) {
	t.Helper()
	sim, err := startSimulation(graphsim.Config{Seed: 7, Users: users, Frozen: true}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.close)
	for _, user := range sim.UserIDs() {
		if err := sim.SetPresence(user, "Available", "Available"); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := sim.writeConfig(dir, "", ""); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "presenced.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("@every 5s"), []byte("@every 1s")), 0o600); err != nil {
		t.Fatal(err)
	}
	return sim, path
}

var httpAddress = regexp.MustCompile(`"http":"([^"]+)"`)

// startRun runs the daemon and returns where its HTTP is.
func startRun(t *testing.T, config, store string, more ...string) (*background, string) {
	t.Helper()
	args := append([]string{"run", "-c", config, "--store-dir", store, "--nats-listen", anyPort, "--http-listen", anyPort, "--log-format", "json"}, more...)
	b := start(t, args...)
	eventually(t, "the daemon says where it listens", func() bool { return httpAddress.MatchString(b.stderr.String()) })
	return b, "http://" + httpAddress.FindStringSubmatch(b.stderr.String())[1]
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	code, body := ask(url)
	if code == 0 {
		t.Fatal(body)
	}
	return code, body
}

// ask is get of somebody who may be gone: code 0, and why.
func ask(url string) (code int, body string) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	return resp.StatusCode, b.String()
}

func TestDemoTellsTheTruth(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, "demo", "--for", "4s", "--users", "100", "--speed", "600", "--nats-listen", anyPort, "--http-listen", anyPort, "-o", "json")
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, stderr)
	}
	var s summary
	if err := json.Unmarshal([]byte(strings.TrimSpace(stdout)), &s); err != nil {
		t.Fatalf("last line %q: %v", stdout, err)
	}
	if s.People != 100 || s.Snapshots != 100 || s.Sweeps < 3 || s.Requests < 3 || s.Served == 0 || s.Changes != s.Served ||
		s.Duplicates+s.Missing+s.Invented+s.BrokenRevisions != 0 || s.MaxIn30s > 1500 || s.Detection.P99 < s.Detection.P50 || s.Detection.P50 <= 0 {
		t.Errorf("summary = %+v", s)
	}
}

func TestDemoShowsChanges(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	code, stdout, stderr := command(t, "demo", "--for", "3s", "--users", "50", "--speed", "600", "--nats-listen", anyPort, "--http-listen", anyPort, "--store-dir", dir)
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, stderr)
	}
	for _, want := range []string{" → ", "the log tells exactly what was served", "0 duplicates, 0 missing"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	for _, want := range []string{"sub 'presence.>'", "kv watch presence", "curl 'http://", "/readyz?verbose'"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	if code, _, stderr := command(t, "demo", "--for", "1s", "--store-dir", dir); code != exitUsage || !strings.Contains(stderr, "not empty") {
		t.Errorf("demo on a used store: exit %d, %s", code, stderr)
	}
}

func TestRunFromPollToTable(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 30)
	store := filepath.Join(t.TempDir(), "store")
	daemon, url := startRun(t, config, store)
	eventually(t, "ready", func() bool { code, _ := get(t, url+"/readyz"); return code == http.StatusOK })

	if _, body := get(t, url+"/readyz?verbose"); !strings.Contains(body, "[+]tenant demo ok") || !strings.Contains(body, "[+]store ok") {
		t.Errorf("readyz:\n%s", body)
	}
	if code, _, stderr := command(t, "healthz", url+"/readyz"); code != 0 {
		t.Errorf("healthz of a ready daemon: exit %d: %s", code, stderr)
	}
	if code, _, _ := command(t, "healthz", url+"/nothing-here"); code != exitFailed {
		t.Errorf("healthz of nothing: exit %d, want %d", code, exitFailed)
	}
	if _, body := get(t, url+"/metrics"); !strings.Contains(body, `presenced_events_total{kind="snapshot",tenant="demo"} 30`) {
		t.Errorf("metrics do not count 30 snapshots:\n%s", grep(body, "presenced_events"))
	}
	server := natsURL(t, daemon)
	watching := start(t, "watch", "-s", server, "demo.user.*.change.DoNotDisturb.*", "-o", "json")
	user := sim.UserIDs()[3]
	eventually(t, "the change is seen", func() bool { // the watch may begin after the first of them
		if err := sim.SetPresence(user, "Busy", "InACall"); err != nil {
			t.Fatal(err)
		}
		return waitChange(t, server, user, "Busy/InACall")
	})
	if err := sim.SetPresence(user, "DoNotDisturb", "Presenting"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the watch shows it", func() bool { return strings.Contains(watching.stdout.String(), `"activity":"Presenting"`) })
	if code := watching.stop(); code != 0 {
		t.Errorf("watch: exit %d: %s", code, watching.stderr.String())
	}

	code, stdout, stderr := command(t, "get", "-s", server, user, "-o", "json")
	if code != 0 || !strings.Contains(stdout, `"availability":"DoNotDisturb"`) {
		t.Errorf("get: exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := command(t, "get", "-s", server); code != 0 || strings.Count(stdout, "\n") != 31 {
		t.Errorf("get of all: exit %d, %d lines", code, strings.Count(stdout, "\n"))
	}
	if code, one, stderr := command(t, "get", "-s", server, "--tenant", "demo", user, "-o", "json"); code != 0 || one != stdout {
		t.Errorf("get of a user in a tenant: exit %d: %s%s, want %s", code, one, stderr, stdout)
	}
	if code, _, stderr := command(t, "get", "-s", server, "--tenant", "demo", "00000000-0000-4000-8000-000000000000"); code != exitFailed || !strings.Contains(stderr, "roster") {
		t.Errorf("get of a stranger in a tenant: exit %d: %s", code, stderr)
	}
	if code, _, stderr := command(t, "get", "-s", server, "00000000-0000-4000-8000-000000000000"); code != exitFailed || !strings.Contains(stderr, "roster") {
		t.Errorf("get of a stranger: exit %d: %s", code, stderr)
	}
	code, stdout, stderr = command(t, "check", "-c", config, "--nats-listen", strings.TrimPrefix(server, "nats://"), "--store-dir", store)
	if code != 0 || strings.Count(stdout, "ok  ") != 6 {
		t.Errorf("check: exit %d:\n%s%s", code, stdout, stderr)
	}

	code, stdout, _ = command(t, "check", "-c", config, "--nats-listen", strings.TrimPrefix(server, "nats://"), "--store-dir", newStore(t))
	if code != exitFailed || !strings.Contains(stdout, "FAIL  nats: "+strings.TrimPrefix(server, "nats://")+" is taken, and not by presenced with store ") {
		t.Errorf("check with another store: exit %d:\n%s", code, stdout)
	}

	if code := daemon.stop(); code != 0 {
		t.Errorf("run: exit %d: %s", code, daemon.stderr.String())
	}
	logs := daemon.stderr.String()
	for _, secret := range []string{sim.Tenants()[0].ClientSecret, user, "DoNotDisturb", "eyJ"} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestRestartTellsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 20)
	store := filepath.Join(t.TempDir(), "store")
	first, url := startRun(t, config, store)
	eventually(t, "ready", func() bool { code, _ := get(t, url+"/readyz"); return code == http.StatusOK })
	first.stop()
	if err := sim.SetPresence(sim.UserIDs()[0], "Away", "BeRightBack"); err != nil {
		t.Fatal(err)
	}
	second, url := startRun(t, config, store)
	eventually(t, "ready again", func() bool { code, _ := get(t, url+"/readyz"); return code == http.StatusOK })
	_, body := get(t, url+"/metrics")
	if got := grep(body, "presenced_events_total"); !strings.Contains(got, `{kind="change",tenant="demo"} 1`) || !strings.Contains(got, `{kind="snapshot",tenant="demo"} 0`) {
		t.Errorf("after a restart:\n%s", got)
	}
	second.stop()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 3)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	users := "users: {ids: [" + strings.Join(sim.UserIDs(), ", ") + "]}"
	text := regexp.MustCompile(`users: \{files.*`).ReplaceAllString(string(good), users)
	write("client-secret", "wrong", 0o600)
	wrongSecret := write("wrong.yaml", text, 0o600)
	write("open-secret", "canary-secret", 0o644)
	open := write("open.yaml", strings.ReplaceAll(text, "client-secret", "open-secret"), 0o600)
	inline := write("inline.yaml", strings.ReplaceAll(text, "secret_file: client-secret", "secret: canary-secret"), 0o600)
	rush := write("rush.yaml", strings.ReplaceAll(text, "@every 1s", "*/1 * * * * *")+"\n    endpoint: user\n    rate: {requests: 10}\n", 0o600)
	cron := write("cron.yaml", strings.ReplaceAll(text, "@every 1s", "TZ=UTC"), 0o600)

	for name, tc := range map[string]struct {
		args []string
		code int
		want string // in what it says
	}{
		"no such command":        {[]string{"fly"}, exitUsage, "fly"},
		"no such flag":           {[]string{"run", "--fly"}, exitUsage, "--fly"},
		"no such output":         {[]string{"version", "-o", "xml"}, exitUsage, "want text or json"},
		"too many arguments":     {[]string{"get", "a", "b"}, exitUsage, "at most 1"},
		"no user id":             {[]string{"get", "anna"}, exitUsage, "GUID"},
		"no configuration":       {[]string{"run", "-c", filepath.Join(dir, "none.yaml")}, exitConfig, "presenced config example"},
		"secret others can read": {[]string{"run", "-c", open}, exitConfig, "chmod 600"},
		"secret in the file":     {[]string{"run", "-c", inline}, exitConfig, "secret_file"},
		"schedule that panics":   {[]string{"run", "-c", cron}, exitConfig, "has no fields"},
		"schedule too fast":      {[]string{"run", "-c", rush}, exitConfig, "with sweeps 1s apart, want at least 12s"},
		"wrong secret":           {[]string{"check", "-c", wrongSecret, "--nats-listen", "127.0.0.1:1"}, exitPermission, "7000215"},
		"nobody at the server":   {[]string{"watch", "-s", "nats://127.0.0.1:1"}, exitTemporary, "no NATS server answers"},
		"a demo of nobody":       {[]string{"demo", "--users", "0"}, exitUsage, "--users is 0"},
		"a simulation of nobody": {[]string{"simulate", "--users", "0"}, exitUsage, "--users is 0"},
		"time stands still":      {[]string{"demo", "--speed", "0"}, exitUsage, "--speed is 0"},
		"not NATS at the port":   {[]string{"check", "-c", config, "--nats-listen", strings.TrimPrefix(sim.url, "http://"), "--store-dir", filepath.Join(dir, "none")}, exitFailed, " is taken, and not by presenced"},
		"no such config command": {[]string{"config", "foo"}, exitUsage, `unknown command "foo" for "presenced config"`},
		"no such shell":          {[]string{"completion", "foo"}, exitUsage, `unknown command "foo"`},
		"a file and a server":    {[]string{"get", "-c", config, "--server", "nats://127.0.0.1:1"}, exitUsage, "--server and --config are given, want one"},
		"a file and a prefix":    {[]string{"watch", "-c", config, "--prefix", "foo"}, exitUsage, "--prefix and --config are given"},
		"no filter":              {[]string{"watch", "-s", "nats://127.0.0.1:1", "contoso.."}, exitUsage, `the filter is "contoso.."`},
		"no url":                 {[]string{"healthz", "foo"}, exitUsage, "want one such as http://"},
		"a url without scheme":   {[]string{"healthz", "127.0.0.1:1/readyz"}, exitUsage, "want one such as http://"},
		"a server for everyone":  {[]string{"nats", "--store-dir", filepath.Join(dir, "none"), "--nats-listen", "0.0.0.0:0"}, exitUsage, "--allow-remote"},
		"a server's port taken":  {[]string{"nats", "--store-dir", filepath.Join(dir, "taken"), "--nats-listen", strings.TrimPrefix(sim.url, "http://")}, exitFailed, "is taken: stop what listens there, or choose another"},
		"a simulation's port":    {[]string{"simulate", "--listen", strings.TrimPrefix(sim.url, "http://")}, exitFailed, "is taken: choose another address with --listen"},
		"one failed check":       {[]string{"check", "-c", wrongSecret, "--nats-listen", "127.0.0.1:1"}, exitPermission, "check: 1 of 4 checks failed\n"},
		"one tenant":             {[]string{"check", "-c", wrongSecret, "--offline"}, 0, "1 tenant\n"},
		"one request":            {[]string{"check", "-c", wrongSecret, "--offline"}, 0, "3 known users, 1 request a sweep"},
		"offline check":          {[]string{"check", "-c", wrongSecret, "--offline"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := command(t, tc.args...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.want) {
				t.Errorf("exit %d, want %d with %q in\n%s%s", code, tc.code, tc.want, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "canary-secret") {
				t.Error("it tells the secret")
			}
		})
	}
}

// The help tells every exit code that there is.
func TestHelpTellsExitCodes(t *testing.T) {
	t.Parallel()
	code, stdout, _ := command(t, "--help")
	for _, exit := range []int{0, exitFailed, exitUsage, exitIO, exitTemporary, exitPermission, exitConfig} {
		if !strings.Contains(stdout, fmt.Sprintf("\n  %2d  ", exit)) {
			t.Errorf("--help does not tell %d", exit)
		}
	}
	if code != 0 {
		t.Errorf("--help: exit %d", code)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	store := t.TempDir()
	_, url := startRun(t, config, filepath.Join(store, "a"))
	code, _, stderr := command(t, "run", "-c", config, "--store-dir", filepath.Join(store, "b"), "--nats-listen", anyPort, "--http-listen", strings.TrimPrefix(url, "http://"))
	if code != exitFailed || !strings.Contains(stderr, strings.TrimPrefix(url, "http://")) {
		t.Errorf("exit %d: %s", code, stderr)
	}
	code, _, stderr = command(t, "run", "-c", config, "--store-dir", filepath.Join(store, "a"), "--nats-listen", anyPort, "--http-listen", anyPort)
	if code != exitFailed || !strings.Contains(stderr, fmt.Sprint(os.Getpid())) {
		t.Errorf("a second process on one store: exit %d: %s", code, stderr)
	}
}

func TestVersionAndConfig(t *testing.T) {
	t.Parallel()
	if code, stdout, _ := command(t, "version", "-o", "json"); code != 0 || !json.Valid([]byte(stdout)) || !strings.Contains(stdout, `"nats_server":"2.`) {
		t.Errorf("version: exit %d: %s", code, stdout)
	}
	if code, stdout, _ := command(t, "config", "example"); code != 0 || !strings.Contains(stdout, "tenants:") {
		t.Errorf("config example: exit %d: %s", code, stdout)
	}
	if code, stdout, _ := command(t, "config", "schema"); code != 0 || !json.Valid([]byte(stdout)) {
		t.Errorf("config schema: exit %d", code)
	}
	sim, config := tenant(t, 3)
	code, stdout, _ := command(t, "config", "show", "-c", config)
	if code != 0 || !strings.Contains(stdout, "tenants[0].name") || strings.Contains(stdout, sim.Tenants()[0].ClientSecret) {
		t.Errorf("config show: exit %d: %s", code, stdout)
	}
}

// What config show prints as JSON is a line for each value, with its secrets hidden.
func TestConfigShowJSON(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 3)
	code, stdout, stderr := command(t, "config", "show", "-c", config, "-o", "json")
	if code != 0 || strings.Contains(stdout, sim.Tenants()[0].ClientSecret) {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	values := map[string]string{}
	for line := range strings.Lines(stdout) {
		var v struct{ Key, Value, Origin string }
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Origin == "" {
			t.Fatalf("%q: %v", line, err)
		}
		values[v.Key] = v.Value
	}
	if values["tenants[0].name"] != "demo" || values["nats.prefix"] != "presence" {
		t.Errorf("config show -o json = %v", values)
	}
}

func grep(text, part string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, part) && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

var natsAddress = regexp.MustCompile(`"nats":"([^"]+)"`)

func natsURL(t *testing.T, b *background) string {
	t.Helper()
	m := natsAddress.FindStringSubmatch(b.stderr.String())
	if m == nil {
		t.Fatalf("the daemon does not say where NATS is:\n%s", b.stderr.String())
	}
	return m[1]
}

func waitChange(t *testing.T, server, user, want string) bool {
	t.Helper()
	_, stdout, _ := command(t, "get", "-s", server, user)
	return strings.Contains(stdout, want)
}
