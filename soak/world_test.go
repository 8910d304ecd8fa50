package soak_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/presence"
	"presenced/publisher"
)

// world is a daemon, a tenant that it watches and a NATS server elsewhere.
type world struct {
	*daemon
	t     *testing.T
	sim   *graphsim.Server
	store string
	port  int // of NATS, the same for ever
	nats  *server.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sim, err := graphsim.New(graphsim.Config{Seed: 11, Users: 300, Speed: 600, SkipNights: true})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	w := &world{t: t, sim: sim, store: t.TempDir(), port: server.RANDOM_PORT}
	w.startNATS()
	t.Cleanup(w.stopNATS)
	w.daemon = launch(t, "-c", configure(t, sim, web.URL, "1s", fmt.Sprintf(`nats: {url: "nats://127.0.0.1:%d"}`, w.port)))
	return w
}

// configure writes the configuration of a daemon that finds the tenant at url.
func configure(t *testing.T, sim *graphsim.Server, url, every, more string) (path string) {
	t.Helper()
	dir, app := t.TempDir(), sim.Tenants()[0]
	files := map[string]string{
		"client-secret": app.ClientSecret,
		"users.txt":     strings.Join(sim.UserIDs(), "\n"),
		"presenced.yaml": fmt.Sprintf(`%s
tenants:
  - name: soak
    tenant_id: %s
    client_id: %s
    cloud: {graph_url: %q, login_url: %q}
    credential: {secret_file: client-secret}
    rate: {requests: 50, per: 1s, share: 1}
    schedules: ["@every %s"]
    users: {files: [users.txt]}
`, more, app.ID, app.ClientID, url, url, every),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "presenced.yaml")
}

func (w *world) startNATS() {
	w.t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "soak", Host: "127.0.0.1", Port: w.port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: w.store,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		w.t.Fatal("the NATS server does not start")
	}
	w.nats, w.port = s, s.Addr().(*net.TCPAddr).Port
}

func (w *world) stopNATS() {
	w.nats.Shutdown()
	w.nats.WaitForShutdown()
}

// inject makes Graph fail in every way that passes by itself, for d.
func (w *world) inject(d time.Duration) {
	w.t.Helper()
	for _, f := range []graphsim.Fault{
		{Kind: graphsim.KindInternalError, Probability: 0.3}, {Kind: graphsim.KindReset, Probability: 0.3},
		{Kind: graphsim.KindTruncated, Probability: 0.3}, {Kind: graphsim.KindMissing, Probability: 0.3},
	} {
		f.For = d
		if err := w.sim.Inject(f); err != nil {
			w.t.Fatal(err)
		}
	}
}

// log is every event about a user, in order.
func (w *world) log() []audit.Entry {
	w.t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: w.t.Name(), URL: w.nats.ClientURL()}, zap.NewNop())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.AwaitConnected(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	log, _, err := publisher.Open(w.t.Context(), conn, publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageOff})
	if err != nil {
		w.t.Fatal(err)
	}
	var entries []audit.Entry
	err = log.Replay(w.t.Context(), log.Subject("*.user.>"), 0, func(r publisher.Record) {
		e, err := presence.ParseEvent(r.Payload)
		if err != nil {
			w.t.Errorf("message %d of the log: %v", r.Sequence, err)
		}
		entries = append(entries, audit.Entry{Event: e, Stored: r.Stored})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return entries
}
