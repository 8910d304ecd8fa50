package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

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
	status   atomic.Pointer[Status]
}

// Status is what a tenant is doing, for health checks.
type Status struct {
	Tenant    string
	Owns      bool
	StandsBy  bool // another replica owns the tenant, and lives
	Epoch     uint64
	Sweeps    int       // completed by this process
	LastSweep time.Time // end of the last sweep that got answers; zero: none yet
	Interval  time.Duration
	Source    presence.SourceState
	Cause     presence.Cause
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

// turn marks that the goroutine lives.
func (t *Tenant) turn() { t.report(func(s *Status) { s.Turned = time.Now() }) }

// Run watches the tenants until ctx ends. One that fails leaves the others alone:
// a panic is logged and the tenant starts over.
func Run(ctx context.Context, tenants []*Tenant) {
	var running sync.WaitGroup
	for _, t := range tenants {
		running.Go(func() {
			for t.survive(ctx); ctx.Err() == nil; t.survive(ctx) {
				sleep(ctx, 10*time.Second)
			}
		})
	}
	running.Wait()
}

func (t *Tenant) survive(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			t.log.Error("panic, the tenant starts over", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			t.report(func(s *Status) { s.Owns, s.Trouble = false, fmt.Errorf("panic: %v", p) })
		}
	}()
	t.Run(ctx)
}

// shutdownGrace is how long requests and appends that are under way may take to
// end once the tenant is told to stop.
const shutdownGrace = 10 * time.Second

// Run blocks until ctx ends; then it finishes what is under way, gives the tenant
// up and returns.
func (t *Tenant) Run(ctx context.Context) {
	work, cancel := outlive(ctx, shutdownGrace)
	defer cancel()
	defer t.report(func(s *Status) { s.Turned = time.Time{} })
	for {
		own, ok := t.acquire(ctx)
		if !ok {
			return
		}
		err := t.reign(ctx, work, own)
		t.budget.Permit(presence.Ledger{}, 0)
		t.observer.Reigns(t.cfg.Tenant, 0)
		t.report(func(s *Status) { s.Owns = false })
		switch {
		case ctx.Err() != nil:
			if err != nil {
				t.log.Warn("stopped without giving the tenant up", zap.Error(err))
			}
			return
		case errors.Is(err, presence.ErrDeposed):
			t.log.Warn("deposed, standing by", zap.Error(err))
		default:
			t.log.Error("reign ended, standing by", zap.Error(err))
		}
	}
}

// outlive is a context that ends grace after ctx.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

// term is our owner message and what stands behind it.
type term struct {
	owner  presence.Owner
	ledger presence.Ledger // as the message tells it
	sent   time.Duration   // boot clock when the message left
}

// acquire waits until the tenant is vacant and takes it over; false if ctx ended.
func (t *Tenant) acquire(ctx context.Context) (term, bool) {
	var watch standing
	for {
		t.turn()
		own, err := t.challenge(ctx, &watch)
		if err == nil && own != nil {
			t.report(func(s *Status) { s.Trouble, s.StandsBy = nil, false })
			return *own, true
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, presence.ErrDeposed) {
			t.trouble(err)
		}
		// Several replicas wait for the same tenant: not in step.
		if !sleep(ctx, time.Second+rand.N(500*time.Millisecond)) {
			return term{}, false
		}
	}
}

// challenge looks once, and takes the tenant over if it is vacant; nil if not.
func (t *Tenant) challenge(ctx context.Context, watch *standing) (*term, error) {
	o, err := t.journal.Owner(ctx)
	if err != nil {
		return nil, err
	}
	now := t.cfg.Boot()
	*watch = watch.see(o, now)
	if !watch.vacant(now, t.cfg.Replica, t.cfg.Embedded) {
		t.report(func(s *Status) { s.Trouble, s.StandsBy = nil, true })
		return nil, nil
	}
	if o.Sequence > 0 && o.Replica != t.cfg.Replica {
		aged, settle := watch.charge(now, t.cfg.Embedded, t.cfg.Timeout)
		t.budget.Charge(watch.ledger(), aged, settle)
	}
	ledger := t.ledger()
	sent := t.cfg.Boot()
	own, err := t.journal.Acquire(ctx, o, ledger)
	if err != nil {
		return nil, err
	}
	return &term{owner: own, ledger: ledger, sent: sent}, nil
}

// ledger is the budget's, with no more reserved than the sweeps of two heartbeats
// need: a successor has to count it all as used.
func (t *Tenant) ledger() presence.Ledger {
	l := t.budget.Ledger()
	tick := t.cfg.Schedule.Next(time.Now())
	interval := max(t.cfg.Schedule.Next(tick).Sub(tick), time.Second)
	sweeps := 1 + int((2*heartbeat+interval-1)/interval)
	requests := (len(t.cfg.Users) + t.cfg.Chunk - 1) / t.cfg.Chunk
	l.Reserved = min(l.Reserved, sweeps*requests+retries)
	return l
}

// trouble makes known that the log cannot be read or written: once in the log,
// for as long as it lasts in the status.
func (t *Tenant) trouble(err error) {
	if was := t.Status().Trouble; was == nil || was.Error() != err.Error() {
		t.log.Warn("waiting for the log", zap.Error(err))
	}
	t.report(func(s *Status) { s.Trouble = err })
	t.observer.Troubled(t.cfg.Tenant, err)
}
