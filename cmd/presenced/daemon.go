package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"presenced/board"
	"presenced/configs"
	"presenced/natsembed"
	"presenced/publisher"
	"presenced/worker"
)

// daemon is everything that `run` runs, wired by the configuration. The demo runs
// the same one.
type daemon struct {
	cfg     *configs.Config
	in      configs.Inputs
	log     *zap.Logger
	replica string
	metrics *board.Metrics
	board   *board.Server

	embedded *natsembed.Server // nil: the server is elsewhere
	conn     *publisher.Connection
	events   atomic.Pointer[publisher.Log] // nil: not open yet
	watched  sync.Map                      // tenant's name to *worker.Tenant, once its roster is known
}

// startDaemon takes the ports, the store and the connection, so that what cannot
// work is said before any work begins. Close gives them back.
func startDaemon(ctx context.Context, cfg *configs.Config, in configs.Inputs, log *zap.Logger, level zap.AtomicLevel) (*daemon, error) {
	host, _ := os.Hostname()
	registry := prometheus.NewRegistry()
	d := &daemon{
		cfg: cfg, in: in, log: log,
		replica: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8]),
		metrics: board.NewMetrics(registry, board.Build{Version: thisBuild().Version, NATS: natsembed.Version}),
	}
	d.board = board.New(board.Config{
		Listen: cfg.HTTP.Listen, AllowRemote: cfg.HTTP.AllowRemote,
		Ready: d.checks(), Level: level, Registry: registry, Log: log,
	})
	if err := d.board.Listen(); err != nil {
		return nil, err
	}
	var err error
	if d.embedded, err = startEmbedded(ctx, cfg, log); err != nil {
		return nil, err
	}
	where, err := connectionConfig(cfg, "presenced/"+d.replica, d.embedded)
	if err == nil {
		where.Changed = func(up bool, _ error) { d.metrics.Connected(up) }
		d.conn, err = publisher.Connect(where, log)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// run watches every tenant until ctx ends, and serves health and metrics
// meanwhile. It returns once every tenant is given up.
func (d *daemon) run(ctx context.Context) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var group errgroup.Group
	group.Go(func() error { return d.board.Run(serving) })
	group.Go(func() error {
		defer stopServing()
		return d.watch(ctx)
	})
	return group.Wait()
}

func (d *daemon) watch(ctx context.Context) error {
	log, err := openLog(ctx, d.conn, logConfig(d.cfg), d.log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	d.events.Store(log)
	var group errgroup.Group
	for i := range d.cfg.Tenants {
		group.Go(func() error { return d.watchTenant(ctx, &d.cfg.Tenants[i], log) })
	}
	return group.Wait()
}

// watchTenant runs one tenant. An error is one of the configuration; what Graph or
// NATS refuse is tried again.
func (d *daemon) watchTenant(ctx context.Context, t *configs.Tenant, log *publisher.Log) error {
	g, err := newGraph(t, d.in, requests{t.Name, d.metrics, d.log}, d.log)
	if err != nil {
		return err
	}
	if err := g.watch(t.Name, d.metrics); err != nil {
		return err
	}
	d.metrics.CredentialExpires(t.Name, t.Credential.Expires)
	schedule, err := worker.ParseSchedule(t.Schedules)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", t.Name, err)
	}
	users, err := d.awaitRoster(ctx, t, g)
	if err != nil {
		return nil // told to stop before anybody was watched
	}
	chain := publisher.NewChain(log, publisher.ChainConfig{Tenant: t.Name, Replica: d.replica, Embedded: d.embedded != nil})
	tenant := worker.New(worker.Config{
		Tenant: t.Name, Replica: d.replica, Embedded: d.embedded != nil,
		Users: users, Chunk: g.client.ChunkSize(), UnknownAfter: t.UnknownAfter, Schedule: schedule,
		Timeout: requestTimeout, Boot: bootTime,
	}, g.client, g.budget, chain, observer{d.metrics, g.tokens}, d.log)
	d.watched.Store(t.Name, tenant)
	worker.Run(ctx, []*worker.Tenant{tenant})
	return nil
}

// requestTimeout is when graphclient gives a request up.
const requestTimeout = 20 * time.Second

// where is the NATS server, for people; no URL here can hold a secret.
func (d *daemon) where() string {
	switch {
	case d.embedded != nil:
		return d.embedded.ClientURL()
	case d.cfg.NATS.Context != "":
		return "context " + d.cfg.NATS.Context
	}
	return d.cfg.NATS.URL
}

func (d *daemon) close() {
	if d.conn != nil {
		d.conn.Close()
	}
	if d.embedded != nil {
		d.embedded.Close()
	}
}

// checks are the conditions of readiness.
func (d *daemon) checks() []board.Check {
	checks := []board.Check{
		{Name: "nats", Probe: func(context.Context) error {
			if d.conn == nil || !d.conn.IsConnected() {
				return errors.New("not connected")
			}
			return nil
		}},
		{Name: "log", Probe: func(context.Context) error {
			if d.events.Load() == nil {
				return errors.New("not open yet")
			}
			return nil
		}},
	}
	if d.cfg.UsesEmbedded() {
		checks = append(checks, board.Check{Name: "store", Probe: func(context.Context) error {
			if d.embedded == nil {
				return errors.New("not started yet")
			}
			return d.embedded.Healthz()
		}})
	}
	for _, t := range d.cfg.Tenants {
		checks = append(checks, board.Check{Name: "tenant " + t.Name, Probe: func(context.Context) error {
			w, ok := d.watched.Load(t.Name)
			if !ok {
				return errors.New("its users are not known yet")
			}
			return fresh(w.(*worker.Tenant).Status(), time.Now())
		}})
	}
	return checks
}

// sweeps is how many sweeps were completed, of all tenants.
func (d *daemon) sweeps() int {
	n := 0
	d.watched.Range(func(_, w any) bool {
		n += w.(*worker.Tenant).Status().Sweeps
		return true
	})
	return n
}

// fresh reports why a tenant is not seen as it should be. A replica that stands by
// is ready: that is its job.
func fresh(s worker.Status, now time.Time) error {
	switch {
	case s.Trouble != nil:
		return s.Trouble
	case s.StandsBy:
		return nil
	case !s.Owns:
		return errors.New("its last-known state is not loaded yet")
	case s.LastSweep.IsZero() && s.Cause != "":
		return fmt.Errorf("no sweep got an answer yet: %s", s.Cause)
	case s.LastSweep.IsZero():
		return errors.New("no sweep got an answer yet")
	case now.Sub(s.LastSweep) > 3*s.Interval:
		return fmt.Errorf("no sweep got an answer for %s: %s", now.Sub(s.LastSweep).Round(time.Second), s.Cause)
	}
	return nil
}
