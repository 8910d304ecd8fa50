package worker

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// term is our owner message and what stands behind it.
type term struct {
	owner  presence.Owner
	ledger presence.Ledger // as the message tells it
	sent   time.Duration   // boot clock when the message left
}

// acquire waits until the tenant is vacant and takes it over; false if ctx ended.
// A claim that is under way then is seen through, because what is ours has to be
// given up.
func (t *Tenant) acquire(ctx, work context.Context) (term, bool) {
	var watch standing
	for {
		t.alive()
		begun := time.Now()
		own, err := t.challenge(ctx, work, &watch)
		if err == nil && own != nil {
			t.report(func(s *Status) { s.Trouble, s.StandsBy = nil, false })
			return *own, true
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, presence.ErrDeposed) {
			t.away = t.away.failed(begun)
			t.trouble(err)
		}
		if !t.await(ctx) {
			return term{}, false
		}
	}
}

// await waits for the next look: a second or so, or a moment if a replica was heard
// to give the tenant up. Several replicas wait for the same tenant: not in step.
func (t *Tenant) await(ctx context.Context) bool {
	timer := time.NewTimer(time.Second + t.jitter(500*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-t.seat.look:
		return sleep(ctx, 50*time.Millisecond+t.jitter(200*time.Millisecond))
	}
}

// challenge looks once, and takes the tenant over if it is vacant; nil if not.
func (t *Tenant) challenge(ctx, work context.Context, watch *standing) (*term, error) {
	begun := time.Now()
	o, err := t.journal.Owner(ctx)
	if err != nil {
		return nil, err
	}
	t.away = t.away.over(begun, time.Now(), t.cfg.Schedule)
	now := t.cfg.Boot()
	if watch.since != 0 && watch.owner.Sequence != o.Sequence && !o.Released && o.Replica != t.cfg.Replica {
		t.away.due = false // another replica goes on, and says it
	}
	*watch = watch.see(o, now)
	vacant := watch.vacant(now, t.cfg.Replica, t.cfg.Embedded)
	if vacant && watch.open == 0 {
		watch.open = now
	}
	ours := o.Replica == t.cfg.Replica && !o.Released
	if !vacant || !ours && t.cfg.Balance.yields(t.cfg.Tenant, now-watch.open) {
		t.report(func(s *Status) { s.Trouble, s.StandsBy = nil, true })
		return nil, nil
	}
	if o.Replica != t.cfg.Replica && !watch.charged { // once, however often we try
		watch.charged = true
		aged, settle := watch.charge(now, t.cfg.Embedded, t.cfg.Timeout)
		t.budget.Charge(watch.ledger(), aged, settle)
	}
	ledger := t.reserve(t.chunks(), t.cfg.Schedule.Next(time.Now())) // the first sweep begins at once
	sent := t.cfg.Boot()
	own, err := t.journal.Acquire(work, o, ledger)
	if err != nil {
		return nil, err
	}
	return &term{owner: own, ledger: ledger, sent: sent}, nil
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
