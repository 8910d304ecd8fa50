package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
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
	cfg     *configs.Config // as of the start; tenants and log level may have changed since
	in      configs.Inputs
	log     *zap.Logger
	level   zap.AtomicLevel
	metrics *board.Metrics
	board   *board.Server
	reload  reload // the zero value: never

	embedded *natsembed.Server // nil: the server is elsewhere
	store    *storeWatch       // of embedded; nil likewise
	conn     *publisher.Connection
	events   atomic.Pointer[publisher.Log] // nil: not open yet
	unopened atomic.Pointer[error]         // why; nil: not tried yet
	tenants  atomic.Pointer[[]*tenancy]    // those that are watched, or are about to be
	askers   map[app][]*tenancy            // that may count in Graph's window, oldest first; watch's alone
	balance  *worker.Balance               // nil: the log is not open yet
	bug      chan error                    // a tenant that keeps panicking
}

// startDaemon takes the ports, the store and the connection, so that what cannot
// work is said before any work begins. Close gives them back.
func startDaemon(ctx context.Context, cfg *configs.Config, in configs.Inputs, log *zap.Logger, level zap.AtomicLevel) (*daemon, error) {
	registry := prometheus.NewRegistry()
	d := &daemon{
		cfg: cfg, in: in, log: log, level: level, askers: make(map[app][]*tenancy), bug: make(chan error, 1),
		metrics: board.NewMetrics(registry, board.Build{Version: thisBuild().Version, NATS: natsembed.Version}),
	}
	tenants, err := d.prepare(cfg)
	if err != nil {
		return nil, err
	}
	d.tenants.Store(&tenants)
	d.board = board.New(board.Config{
		Listen: cfg.HTTP.Listen, AllowRemote: cfg.HTTP.AllowRemote,
		Live: d.live, Ready: d.checks, Level: level, Registry: registry, Log: log,
	})
	if err := d.board.Listen(); err != nil {
		return nil, err
	}
	if d.embedded, err = startEmbedded(ctx, cfg, log); err != nil {
		return nil, err
	}
	if d.embedded != nil {
		d.store = &storeWatch{check: d.embedded.CheckStore, metrics: d.metrics, log: log}
	}
	where, err := connectionConfig(cfg, "presenced/"+newReplica(), d.embedded)
	if err == nil {
		where.Changed = func(up bool, _ error) { d.metrics.Connected(up) }
		d.conn, err = connect(ctx, where, log)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// newReplica names this process, or one generation of its tenants: an owner is
// never taken for the one before it.
func newReplica() string {
	host, _ := os.Hostname() // for people; the rest is what makes it unique
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

// run watches every tenant until ctx ends, and serves health and metrics
// meanwhile. It returns once every tenant is given up; or at once if the store is
// lost, because then there is nothing left to wait for.
func (d *daemon) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	if d.store != nil {
		go func() {
			if err := d.store.run(ctx); err != nil {
				ended <- err
			}
		}()
	}
	go func() { ended <- d.serve(ctx) }()
	return <-ended
}

func (d *daemon) serve(ctx context.Context) error {
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

// watch opens the log, and watches the tenants of the configuration and of those
// that replace it.
func (d *daemon) watch(ctx context.Context) error {
	log, err := d.openLog(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	d.events.Store(log)
	hush, err := d.speak(ctx)
	if err != nil {
		return err
	}
	defer hush()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.handOver(ctx, nil, *d.tenants.Load())
	for {
		var bug error
		select {
		case <-ctx.Done():
		case bug = <-d.bug:
			stop() // give up the others too: the process ends
		case <-d.reload.asked:
			d.reconfigure(ctx)
			continue
		}
		for _, t := range *d.tenants.Load() {
			<-t.done
		}
		return bug
	}
}

// speak has this process heard among the replicas; hush ends that, and is for when
// the last tenant is given up.
func (d *daemon) speak(ctx context.Context) (hush func(), err error) {
	replicas, err := publisher.NewReplicas(d.conn)
	if err != nil {
		return nil, err
	}
	d.balance = worker.NewBalance(newReplica(), replicas, bootTime, mathrand.Float64, d.log)
	speaking, stop := context.WithCancel(context.WithoutCancel(ctx))
	var spoken sync.WaitGroup
	spoken.Go(func() { d.balance.Run(speaking) })
	spoken.Go(func() { d.warnOfMissing(speaking) })
	return func() { stop(); spoken.Wait() }, nil
}

// warnOfMissing tells what our NATS user may not do, of what can be done without.
func (d *daemon) warnOfMissing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if missing, err := d.conn.Misses(ctx); err == nil && len(missing) > 0 {
		d.log.Warn("tenants are not spread over replicas: the NATS user may not " + strings.Join(missing, ", nor ") + ": grant it")
	}
}

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

// sweeps is how many sweeps were completed, of all tenants.
func (d *daemon) sweeps() int {
	n := 0
	for _, t := range *d.tenants.Load() {
		n += t.status().Sweeps
	}
	return n
}
