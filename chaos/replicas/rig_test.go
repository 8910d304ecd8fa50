//go:build replicas

package replicas_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"presenced/audit"
	"presenced/presence"
	"presenced/publisher"
)

const (
	streamName = "PRESENCE"
	// patience is how long anything here may take before it counts as stuck.
	patience = 90 * time.Second
)

// rig is everything of one test: the servers, the tenants, the replicas.
type rig struct {
	t       *testing.T
	nats    *natsCluster
	js      jetstream.JetStream // straight to the servers
	tenants *tenants
	graph   *graph
	direct  *publisher.Log // past all faults

	mu       sync.Mutex
	replicas []*replica
}

func newRig(t *testing.T, servers, people int, list ...*tenant) *rig {
	t.Helper()
	r := &rig{t: t, nats: startNATS(t, servers, "sync_interval: always"), tenants: newTenants(t, people, list...)}
	r.js, r.graph = r.nats.connect(t), &graph{sim: r.tenants}
	return r
}

// join adds a replica and starts it.
func (r *rig) join(t *testing.T) *replica {
	t.Helper()
	r.mu.Lock()
	p := &replica{number: len(r.replicas) + 1}
	r.replicas = append(r.replicas, p)
	r.mu.Unlock()
	r.begin(t, p)
	return p
}

func (r *rig) all() []*replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*replica(nil), r.replicas...)
}

// log is the way of the program to the log, past all faults.
func (r *rig) log(t *testing.T) *publisher.Log {
	t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), URL: r.nats.url()}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var log *publisher.Log
	open := func() bool {
		if conn.AwaitConnected(ctx) != nil {
			return false
		}
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		log, _, err = publisher.Open(asking, conn, publisher.Config{Prefix: "presence", Stream: streamName, Manage: publisher.ManageOff})
		return err == nil
	}
	if !eventually(ctx, 200*time.Millisecond, open) {
		t.Fatalf("open the log: %v", err)
	}
	return log
}

// settle waits until the table says of everybody what they are.
func (r *rig) settle(t *testing.T, log *publisher.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wrong := 0
	var readErr error
	agree := func() bool {
		reading, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		got := make(map[presence.UserID]string)
		readErr = log.Table(reading, "*", func(e presence.Event) {
			if e.After != nil {
				got[e.User] = e.After.Availability
			}
		})
		wrong = 0
		for user, mood := range r.tenants.words {
			if got[user] != mood {
				wrong++
			}
		}
		return readErr == nil && wrong == 0
	}
	if !eventually(ctx, 500*time.Millisecond, agree) {
		t.Errorf("with all faults gone for %v, the table is wrong about %d of %d people (%v)", patience, wrong, len(r.tenants.words), readErr)
	}
}

// evidence is what the audit has to know.
func (r *rig) evidence(s story) audit.Evidence {
	ev := audit.Evidence{Told: make(map[presence.UserID][]audit.Told), Sent: make(map[string]audit.Sent), Log: s.lines, Stored: s.stored}
	of := r.tenants.tenantOf()
	r.each(func(l *life) {
		for user, told := range l.account(of) {
			ev.Told[user] = append(ev.Told[user], told...)
		}
		for batch, sent := range l.tap.sent {
			ev.Sent[batch] = sent
		}
	})
	return ev
}
