package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"presenced/presence"
)

// Config says how to watch one tenant. Every field is needed but those that say
// otherwise.
type Config struct {
	Tenant       string
	Replica      string // this process, as the Journal writes it
	Embedded     bool   // the NATS server runs in this process
	Users        []presence.UserID
	Chunk        int // users in one request
	UnknownAfter int // answers in a row that must say unknown before it is published; 0: 3
	Schedule     Schedule
	Timeout      time.Duration        // after which a request is over, whatever happened
	Boot         func() time.Duration // a clock that goes on while the machine sleeps
	Balance      *Balance             // shared by the tenants of a process; nil: no other replica is heard of
	Random       func() float64       // in [0, 1), keeps replicas out of step; nil: math/rand's
}

// Tenant watches one tenant: it waits until the tenant is vacant, takes it over,
// and reigns until it is deposed or told to stop.
type Tenant struct {
	cfg      Config
	source   Source
	budget   Budget
	journal  Journal
	observer Observer
	log      *zap.Logger
	away     outage // the tenant's goroutine's alone, as is seat
	seat     *seat
	status   atomic.Pointer[Status]
}

// Status is what a tenant is doing, for health checks.
type Status struct {
	Tenant    string
	Owns      bool
	StandsBy  bool // another replica owns the tenant, and lives
	Epoch     uint64
	Sweeps    int       // completed by this process
	LastSweep time.Time // when a chunk's answers were last in the log, or an empty roster was swept; zero: never yet
	Interval  time.Duration
	Source    presence.SourceState
	Cause     presence.Cause
	Refusal   error // behind Cause: what Graph, or the way to it, said in the last sweep; nil: nothing
	Trouble   error // why the log cannot be written or read now; nil: it can

	// Turned is when the tenant's goroutine last came round. Whatever NATS and Graph
	// do, it comes round within seconds: one that does not for a minute hangs. Zero:
	// it does not run.
	Turned time.Time
}

// New returns a tenant that waits for Run.
func New(cfg Config, source Source, budget Budget, journal Journal, observer Observer, log *zap.Logger) *Tenant {
	if cfg.UnknownAfter == 0 {
		cfg.UnknownAfter = 3
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.Balance == nil {
		cfg.Balance = NewBalance(cfg.Replica, silence{}, cfg.Boot, cfg.Random, log)
	}
	t := &Tenant{cfg: cfg, source: source, budget: budget, journal: journal, observer: observer, log: log.With(zap.String("tenant", cfg.Tenant))}
	t.status.Store(&Status{Tenant: cfg.Tenant})
	return t
}

// Status is safe for concurrent use.
func (t *Tenant) Status() Status { return *t.status.Load() }

// report changes the status; only the tenant's goroutine calls it.
func (t *Tenant) report(change func(*Status)) {
	s := t.Status()
	change(&s)
	t.status.Store(&s)
}

// alive marks that the goroutine came round.
func (t *Tenant) alive() { t.report(func(s *Status) { s.Turned = time.Now() }) }

// Run watches the tenants until ctx ends. One that fails leaves the others alone:
// after a panic it starts over. The third panic of a tenant within a minute is an
// error: by then all tenants are given up, and the process had better end.
func Run(ctx context.Context, tenants []*Tenant) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range tenants {
		group.Go(func() error { return t.Run(ctx) })
	}
	return group.Wait()
}

// shutdownGrace is how long an append that is under way may take to end once the
// tenant is told to stop; requests have until handOver.
const shutdownGrace = 10 * time.Second

// Run blocks until ctx ends; then it finishes what is under way, gives the tenant
// up and returns nil. A tenant that keeps panicking is an error.
func (t *Tenant) Run(ctx context.Context) error {
	work, cancel := outlive(ctx, shutdownGrace)
	defer cancel()
	defer t.report(func(s *Status) { s.Turned = time.Time{} })
	t.seat = t.cfg.Balance.join(t.cfg.Tenant)
	defer t.cfg.Balance.leave(t.seat)
	defer context.AfterFunc(ctx, func() { t.cfg.Balance.leave(t.seat) })()
	waits := t.waits(5*time.Second, time.Minute)
	var panics strikes
	for {
		begun := time.Now()
		err := t.turn(ctx, work)
		if time.Since(begun) > time.Minute {
			waits.Reset()
		}
		var p *panicked
		var out bool
		switch {
		case errors.As(err, &p):
			if panics, out = panics.add(time.Now()); out {
				return fmt.Errorf("tenant %s: %d panics within %s, which is a bug of presenced; the log has the stacks: %w", t.cfg.Tenant, len(panics), panicsWithin, err)
			}
			t.report(func(s *Status) { s.Trouble = p })
			t.log.Error("the tenant starts over", zap.Error(err))
		case ctx.Err() != nil:
		case err == nil:
			t.log.Info("gave the tenant up to a replica that owns fewer")
			continue
		case errors.Is(err, presence.ErrDeposed):
			t.log.Warn("deposed, standing by", zap.Error(err))
			continue
		default:
			t.log.Error("reign ended, standing by", zap.Error(err))
		}
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.log.Warn("stopped without giving the tenant up", zap.Error(err))
			}
			return nil
		}
		t.report(func(s *Status) { s.Turned = time.Time{} }) // it rests, and does not hang
		sleep(ctx, waits.next())
	}
}

// turn stands by until the tenant is vacant, takes it over and reigns. It is nil
// when the tenant was given up of our own will.
func (t *Tenant) turn(ctx, work context.Context) (err error) {
	defer t.catch(&err)
	own, ok := t.acquire(ctx, work)
	if !ok {
		return nil
	}
	t.cfg.Balance.owns(t.cfg.Tenant, t.seat, true)
	defer t.stepDown()
	return t.reign(ctx, work, own)
}

// stepDown ends a reign, however it went: no request leaves any more.
func (t *Tenant) stepDown() {
	t.budget.Permit(presence.Ledger{}, 0)
	t.cfg.Balance.owns(t.cfg.Tenant, t.seat, false)
	t.observer.Reigns(t.cfg.Tenant, 0)
	t.report(func(s *Status) { s.Owns = false })
}

// outlive is a context that ends grace after ctx.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}
