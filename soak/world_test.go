package soak_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"presenced/audit"
	"presenced/graphsim"
	"presenced/publisher"
	"presenced/trial"
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
	watched := trial.Watched{Name: "soak", App: sim.Tenants()[0], Users: sim.UserIDs(), Rate: trial.BySecond, Schedule: "@every " + every}
	return trial.Configuration{Dir: t.TempDir(), More: more, URL: url, Tenants: []trial.Watched{watched}}.Write(t, "presenced.yaml")
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
	log, conn, err := trial.OpenLog(w.t.Context(), publisher.ConnectionConfig{Name: w.t.Name(), URL: w.nats.ClientURL()}, trial.LogConfig(1))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	s, err := trial.ReadLog(w.t.Context(), log)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Entries
}
