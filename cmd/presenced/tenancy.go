package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"presenced/configs"
	"presenced/publisher"
	"presenced/worker"
)

// tenancy is one tenant under one configuration. A configuration that replaces it
// makes a new one, which takes over from the old one as another replica would: the
// budget and all that is known pass through the log.
type tenancy struct {
	cfg      *configs.Tenant
	graph    graph
	schedule worker.Schedule
	replica  string

	worker atomic.Pointer[worker.Tenant] // nil: its users are not known yet; its predecessor's until it takes over
	stop   context.CancelFunc            // nil: not started
	done   chan struct{}                 // closed once the tenant is given up
}

// app is what Graph counts requests by.
type app struct{ tenantID, clientID string }

// prepare makes the tenants of a configuration, so that what is wrong with it is
// said before anything is stopped for it.
func (d *daemon) prepare(cfg *configs.Config) ([]*tenancy, error) {
	replica := newReplica()
	tenants := make([]*tenancy, len(cfg.Tenants))
	for i := range cfg.Tenants {
		t := &tenancy{cfg: &cfg.Tenants[i], replica: replica, done: make(chan struct{})}
		var err error
		if t.graph, err = newGraph(t.cfg, d.in, requests{t.cfg.Name, d.metrics, d.log}, d.log); err != nil {
			return nil, err
		}
		if t.schedule, err = worker.ParseSchedule(t.cfg.Schedules); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.cfg.Name, err)
		}
		tenants[i] = t
	}
	return tenants, nil
}

// handOver starts the tenants of next. Each takes over from the one of its name in
// before as soon as it knows its users, so that nobody is out of sight for longer
// than a release and an acquire take. The rest of before is given up; one that goes
// on under another name begins after that.
func (d *daemon) handOver(ctx context.Context, before, next []*tenancy) {
	old := make(map[string]*tenancy, len(before))
	for _, t := range before {
		old[t.cfg.Name] = t
	}
	for _, t := range next {
		predecessor := old[t.cfg.Name]
		delete(old, t.cfg.Name)
		if predecessor != nil {
			t.worker.Store(predecessor.worker.Load())
		}
		var own context.Context
		own, t.stop = context.WithCancel(ctx)
		renamed := d.enlist(t)
		go func() {
			defer close(t.done)
			d.watchTenant(own, t, predecessor, renamed)
		}()
	}
	d.tenants.Store(&next)
	for _, t := range old {
		t.end()
		d.metrics.Forget(t.cfg.Name)
	}
}

// enlist adds t to those of its app, and returns those of them that have another
// name: their ledgers are in the log under that one, where t does not look.
func (d *daemon) enlist(t *tenancy) (renamed []*tenancy) {
	key := app{t.cfg.TenantID, t.cfg.ClientID}
	askers := slices.DeleteFunc(d.askers[key], (*tenancy).forgotten)
	for _, old := range askers {
		if old.cfg.Name != t.cfg.Name {
			renamed = append(renamed, old)
		}
	}
	d.askers[key] = append(askers, t)
	return renamed
}

// forgotten reports whether Graph counts nothing of the tenant any more, nor will.
func (t *tenancy) forgotten() bool {
	select {
	case <-t.done:
		return t.graph.budget.Used() == 0
	default:
		return false
	}
}

// inherit gives up those that had t's app under another name, and counts what they
// asked as t's; some of it twice, if one had it from the one before.
func (t *tenancy) inherit(renamed []*tenancy) {
	for _, old := range renamed {
		old.end()
		l := old.graph.budget.Ledger()
		l.Reserved = 0 // it asks no more
		t.graph.budget.Charge(l, 0, requestTimeout+2*time.Second)
	}
}

// end gives the tenant up and waits until that is done.
func (t *tenancy) end() {
	t.stop()
	<-t.done
}

// watchTenant runs one tenant until ctx ends. What Graph or NATS refuse is tried
// again.
func (d *daemon) watchTenant(ctx context.Context, t, predecessor *tenancy, renamed []*tenancy) {
	users, err := d.awaitRoster(ctx, t.cfg, t.graph)
	if predecessor != nil {
		predecessor.end()
	}
	t.inherit(renamed)
	if err != nil {
		return // told to stop before anybody was watched
	}
	name, embedded := t.cfg.Name, d.embedded != nil
	if err := t.graph.watch(name, d.metrics); err != nil {
		panic(err) // two tenants of one name, which no configuration has
	}
	d.metrics.CredentialExpires(name, t.cfg.Credential.Expires)
	chain := &afterLoss{Chain: publisher.NewChain(d.events.Load(), publisher.ChainConfig{Tenant: name, Replica: t.replica, Embedded: embedded})}
	if embedded {
		stream := d.cfg.NATS.Stream.Name
		chain.lost, chain.told = d.embedded.Lost(stream, name), func() { d.embedded.Told(stream, name) }
		chain.unkept = func() {
			if err := d.embedded.Doubt(stream); err != nil {
				d.log.Error("the store is damaged, and that cannot be noted", zap.Error(err))
			}
		}
	}
	tenant := worker.New(worker.Config{
		Tenant: name, Replica: t.replica, Embedded: embedded,
		Users: users, Chunk: t.graph.client.ChunkSize(), UnknownAfter: t.cfg.UnknownAfter, Schedule: t.schedule,
		Timeout: requestTimeout, Boot: bootTime, Balance: d.balance,
	}, t.graph.client, t.graph.budget, chain, observer{d.metrics, t.graph.tokens}, d.log)
	t.worker.Store(tenant)
	if err := worker.Run(ctx, []*worker.Tenant{tenant}); err != nil {
		select {
		case d.bug <- err:
		default: // another was quicker, and the process ends anyway
		}
	}
}

// requestTimeout is when graphclient gives a request up.
const requestTimeout = 20 * time.Second

// status is what the tenant is doing; of its predecessor until it has taken over.
func (t *tenancy) status() worker.Status {
	if w := t.worker.Load(); w != nil {
		return w.Status()
	}
	return worker.Status{Tenant: t.cfg.Name}
}
