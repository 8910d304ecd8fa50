//go:build replicas

package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/trial"
)

// natsServer is one nats-server, which comes and goes on one store and one port.
type natsServer struct {
	t    *testing.T
	name string
	dir  string
	port int

	busy sync.Mutex // held by the fault at work on it
	*child
}

// natsCluster is one server alone, or three.
type natsCluster struct{ servers []*natsServer }

// startNATS starts n servers and waits until JetStream takes orders. jetStream are
// its settings beside the sizes. A cluster that does not come together in a minute,
// as was seen once in hundreds, says what it did, and another one is started: nothing
// that is on trial runs yet.
func startNATS(t *testing.T, n int, jetStream string) *natsCluster {
	t.Helper()
	c := newNATS(t, n, jetStream)
	if c.takesOrders(t) {
		return c
	}
	for _, s := range c.servers {
		s.kill()
		text, err := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Logf("%s takes no orders (%v); its log:\n%s%v", s.name, s.ProcessState, text, err)
	}
	if c = newNATS(t, n, jetStream); !c.takesOrders(t) {
		t.Fatal("nats-server takes no orders")
	}
	return c
}

func newNATS(t *testing.T, n int, jetStream string) *natsCluster {
	t.Helper()
	c := &natsCluster{}
	ports, routes := freePorts(t, 2*n), ""
	for i := range n {
		routes += fmt.Sprintf("nats-route://127.0.0.1:%d, ", ports[n+i])
	}
	for i := range n {
		s := &natsServer{t: t, name: fmt.Sprintf("n%d", i+1), dir: t.TempDir(), port: ports[i]}
		// Clients hear of no other server: every connection goes through a proxy of ours.
		text := fmt.Sprintf("server_name: %s\nlisten: \"127.0.0.1:%d\"\nlog_file: %q\njetstream: {store_dir: %q, %s, max_file: 8G, max_mem: 256M}\n",
			s.name, s.port, filepath.Join(s.dir, "log"), s.dir, jetStream)
		if n > 1 {
			text += fmt.Sprintf("cluster: {name: chaos, listen: \"127.0.0.1:%d\", no_advertise: true, routes: [%s]}\n", ports[n+i], strings.TrimSuffix(routes, ", "))
		}
		if err := os.WriteFile(filepath.Join(s.dir, "nats.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.servers = append(c.servers, s)
		s.start()
	}
	return c
}

// freePorts finds ports below those that the kernel gives to connections, so that
// none is taken while a server is down.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for tries := 0; len(ports) < n && tries < 1000; tries++ {
		port := 20_000 + rand.IntN(12_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		ports = append(ports, port)
	}
	if len(ports) < n {
		t.Fatal("no free ports")
	}
	return ports
}

func (s *natsServer) start() {
	if s.child == nil || s.IsOver() {
		s.child = startChild(s.t, exec.Command(natsBinary, "-c", filepath.Join(s.dir, "nats.conf")))
	}
}

func (s *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

func (c *natsCluster) url() string {
	urls := make([]string, len(c.servers))
	for i, s := range c.servers {
		urls[i] = s.url()
	}
	return strings.Join(urls, ",")
}

// connect goes to the servers directly, past all faults on the way.
func (c *natsCluster) connect(t *testing.T) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(c.url(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true), nats.Timeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func (c *natsCluster) takesOrders(t *testing.T) bool {
	t.Helper()
	js := c.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ready := func() bool {
		asking, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := js.AccountInfo(asking)
		return err == nil
	}
	return trial.Eventually(ctx, 100*time.Millisecond, ready)
}

// leader is the server that leads the log's group; with one server that one. nil:
// nobody does.
func (c *natsCluster) leader(ctx context.Context, js jetstream.JetStream) *natsServer {
	if len(c.servers) == 1 {
		return c.servers[0]
	}
	asking, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := js.Stream(asking, streamName)
	if err != nil || stream.CachedInfo().Cluster == nil {
		return nil
	}
	for _, s := range c.servers {
		if s.name == stream.CachedInfo().Cluster.Leader {
			return s
		}
	}
	return nil
}
