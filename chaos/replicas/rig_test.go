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
	"presenced/trial"
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
	if !trial.Eventually(ctx, 200*time.Millisecond, open) {
		t.Fatalf("open the log: %v", err)
	}
	return log
}

// settle waits until everybody was asked for after since, by a process that surely
// dealt with the answer: then the log has it. The table is looked at later, because
// a cluster that syncs each of its messages may fill it minutes after the log.
func (r *rig) settle(t *testing.T, since time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	of := r.tenants.tenantOf()
	missing := 0
	settled := func() bool {
		seen := make(map[presence.UserID]bool)
		r.each(func(l *life) {
			requests := l.front.all()
			for i, q := range requests {
				if q.asked.After(since) && len(q.told) > 0 && l.dealt(q, requests[i+1:], of[presence.UserID(q.ids[0])]) {
					for _, a := range q.told {
						seen[a.User] = true
					}
				}
			}
		})
		missing = len(of) - len(seen)
		return missing == 0
	}
	if !trial.Eventually(ctx, 500*time.Millisecond, settled) {
		t.Errorf("with all faults gone for %v, %d of %d people were not asked for again\n%s", patience, missing, len(of), r.owners())
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
