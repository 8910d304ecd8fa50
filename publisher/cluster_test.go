package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"

	"presenced/presence"
	"presenced/publisher"
)

// cluster is three servers in this process.
type cluster struct {
	nodes [3]*server.Server
	opts  [3]*server.Options
	urls  []string
}

// startCluster gives a cluster that has a leader. Its ports were free a moment ago:
// if somebody else takes one, the start is tried again with others.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	for t.Context().Err() == nil {
		c := &cluster{}
		var routes []string
		for i := range c.opts {
			c.opts[i] = &server.Options{
				ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: freePort(t), NoSigs: true, NoLog: true,
				JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
				Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: freePort(t)},
			}
			routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", c.opts[i].Cluster.Port))
			c.urls = append(c.urls, fmt.Sprintf("nats://127.0.0.1:%d", c.opts[i].Port))
		}
		for _, o := range c.opts {
			o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		}
		if c.start(t, 0, 1, 2) {
			t.Cleanup(func() { c.stop(0, 1, 2) })
			return c
		}
		c.stop(0, 1, 2)
	}
	t.Fatal("no cluster")
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts the nodes and waits until the cluster has a leader.
func (c *cluster) start(t *testing.T, nodes ...int) bool {
	t.Helper()
	for _, i := range nodes {
		srv, err := server.NewServer(c.opts[i].Clone())
		if err != nil {
			t.Fatal(err)
		}
		c.nodes[i] = srv
		srv.Start()
	}
	for _, i := range nodes {
		if !c.nodes[i].ReadyForConnections(30 * time.Second) {
			return false
		}
	}
	for t.Context().Err() == nil {
		if slices.ContainsFunc(c.nodes[:], func(s *server.Server) bool { return s.Running() && s.JetStreamIsLeader() }) {
			return true
		}
		breathe()
	}
	return false
}

func (c *cluster) stop(nodes ...int) {
	for _, i := range nodes {
		if c.nodes[i] != nil {
			c.nodes[i].Shutdown()
			c.nodes[i].WaitForShutdown()
		}
	}
}

// breathe lets the servers go on while a test asks again and again.
func breathe() { <-time.After(20 * time.Millisecond) }

// leader is the node that leads the log.
func (c *cluster) leader(t *testing.T) int {
	t.Helper()
	for t.Context().Err() == nil {
		for i, s := range c.nodes {
			if s.Running() && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, "PRESENCE") {
				return i
			}
		}
		breathe()
	}
	t.Fatal("the log has no leader")
	return 0
}

func (c *cluster) open(t *testing.T) *publisher.Log {
	t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), URL: strings.Join(c.urls, ",")}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.AwaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := config
	cfg.Replicas = 3
	for {
		log, drifts, err := publisher.Open(t.Context(), conn, cfg)
		if err == nil {
			if len(drifts) > 0 {
				t.Errorf("a log just made drifts: %v", drifts)
			}
			return log
		}
		if errors.Is(err, publisher.ErrUnfit) || t.Context().Err() != nil {
			t.Fatal(err)
		}
		breathe()
	}
}

// clustered is a replica that has loaded the tenant's state from a cluster.
type clustered struct {
	*cluster
	log *publisher.Log
	*publisher.Chain
	*people
	written int // events
}

// reign takes the tenant over and loads it, as often as the cluster needs.
func (c *clustered) reign(t *testing.T, replica string, timeout time.Duration) presence.Loaded {
	t.Helper()
	var err error
	for ctx := t.Context(); ctx.Err() == nil; breathe() {
		c.Chain = publisher.NewChain(c.log, publisher.ChainConfig{Tenant: tenant, Replica: replica, Timeout: timeout})
		var seen, own presence.Owner
		if seen, err = c.Owner(ctx); err != nil {
			continue
		}
		if own, err = c.Acquire(ctx, seen, presence.Ledger{}); err != nil {
			continue
		}
		var l presence.Loaded
		if l, err = c.Load(ctx, own); err == nil {
			return l
		}
	}
	t.Fatal(err)
	return presence.Loaded{}
}

// write appends a change of three users until its fate is known.
func (c *clustered) write(t *testing.T, word string) {
	t.Helper()
	c.insist(t, c.become(word, word, userID(1), userID(2), userID(3)))
}

func (c *clustered) insist(t *testing.T, b presence.Batch) {
	t.Helper()
	c.written += len(b.Events)
	for {
		err := c.Append(t.Context(), b)
		if err == nil {
			return
		}
		if errors.Is(err, presence.ErrDeposed) || errors.Is(err, publisher.ErrUnfit) || t.Context().Err() != nil {
			t.Fatal(err)
		}
		breathe()
	}
}

// check reads the whole log: each event once, in order. Then another replica
// loads the state.
func (c *clustered) check(t *testing.T, replica string) {
	t.Helper()
	revisions := map[presence.UserID]uint64{}
	events := read(t, c.log)
	for _, e := range events {
		if e.Revision != revisions[e.User]+1 {
			t.Errorf("revision %d of a user follows %d", e.Revision, revisions[e.User])
		}
		revisions[e.User] = e.Revision
	}
	if len(events) != c.written {
		t.Errorf("%d events in the log, want %d", len(events), c.written)
	}
	l := c.reign(t, replica, 2*time.Second)
	if diff := cmp.Diff(c.known(), l.States); diff != "" || !l.Intact {
		t.Errorf("intact %t, states (-want +got):\n%s", l.Intact, diff)
	}
}

// Whatever becomes of a cluster's servers, each event is in the log once. The cases
// share one cluster, one after the other.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t)
	c := &clustered{cluster: nodes, log: nodes.open(t), people: newPeople()}
	c.reign(t, "first", 2*time.Second)
	var everybody []presence.UserID
	for i := range 3000 {
		everybody = append(everybody, userID(i))
	}
	for part := range slices.Chunk(everybody, presence.MaxBatch) {
		c.insist(t, c.become("Offline", "Offline", part...))
	}

	t.Run("leader changes", func(t *testing.T) {
		nc, err := nats.Connect(strings.Join(c.urls, ","))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		for i := range 9 {
			if i%3 == 0 {
				if err := nc.Publish("$JS.API.STREAM.LEADER.STEPDOWN.PRESENCE", nil); err != nil {
					t.Fatal(err)
				}
			}
			c.write(t, fmt.Sprintf("Step%d", i))
		}
		c.check(t, "after leader changes")
	})

	// A reply that takes longer than we wait: what we ask then meets our own write on
	// its way through the cluster (10164), and that is no other owner.
	t.Run("in flight", func(t *testing.T) {
		c.reign(t, "hasty", 2*time.Millisecond)
		for i := range 20 {
			c.write(t, fmt.Sprintf("Haste%d", i))
		}
		c.check(t, "after haste")
	})

	t.Run("leader lost while it is read", func(t *testing.T) {
		lost := -1
		got := 0
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		err := c.log.Replay(ctx, "presence.>", 0, func(publisher.Record) {
			if got++; got == 10 {
				lost = c.leader(t)
				c.stop(lost)
			}
		})
		if err != nil || got != c.written {
			t.Errorf("read %d events, %v; want %d", got, err, c.written)
		}
		c.write(t, "Busy") // two of three are enough
		c.start(t, lost)
		c.check(t, "after the leader was lost")
	})

	t.Run("majority lost", func(t *testing.T) {
		lost := []int{c.leader(t)}
		lost = append(lost, (lost[0]+1)%3)
		c.stop(lost...)
		b := c.become("Away", "Away", userID(1), userID(2), userID(3))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := c.Append(ctx, b)
		cancel()
		if err == nil || errors.Is(err, presence.ErrDeposed) {
			t.Errorf("append to one server of three: %v, want an error that is no deposal", err)
		}
		c.start(t, lost...)
		c.insist(t, b)
		c.check(t, "after the majority was lost")
	})
}
