package main

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"presenced/publisher"
)

// A cluster that keeps one copy of the log is worth a word, a single server is not.
func TestLoneCopy(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]*server.Options{
		"":     {Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true},
		"east": {Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Cluster: server.ClusterOpts{Name: "east", Host: "127.0.0.1", Port: -1}},
	} {
		s, err := server.NewServer(options)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("the server does not start")
		}
		conn, err := publisher.Connect(publisher.ConnectionConfig{Name: "test", URL: s.ClientURL()}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		if err := conn.AwaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := loneCopy(conn, publisher.Config{Replicas: 1}); (got != "") != (name != "") || !strings.Contains(got, name) {
			t.Errorf("cluster %q with one copy: %q", name, got)
		}
		if got := loneCopy(conn, publisher.Config{Replicas: 3}); got != "" {
			t.Errorf("cluster %q with three copies: %q", name, got)
		}
	}
}
