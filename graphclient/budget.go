package graphclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"presenced/presence"
)

// The refusals of [Budget.Admit].
var (
	// ErrThrottled says that the limit, or a pause that Graph asked for, outlasts
	// the caller's deadline.
	ErrThrottled = errors.New("the rate budget has no room in time")
	// ErrUnpermitted says that the log has not confirmed lately that this replica
	// owns the tenant, or not for so many requests.
	ErrUnpermitted = errors.New("no request may leave before the log confirms the ownership")
)

const (
	// slack is added to the window for clocks that run at different rates.
	slack = 100 * time.Millisecond
	// grace is how long after we gave up on it a request may still arrive.
	grace = 2 * time.Second
	// permitSpan is how long a permit lasts at most: the owner deadline of docs/adr/0002.
	permitSpan = 10 * time.Second
)

// BudgetConfig is Graph's limit for one app in one tenant.
//
// Source: https://learn.microsoft.com/graph/api/presence-get (1,500 in 30 s) and
// https://learn.microsoft.com/graph/throttling-limits (10,000 in 30 s), read
// 2026-11-23; they contradict each other.
type BudgetConfig struct {
	Requests int                  // in every window; 0: 1500
	Per      time.Duration        // the window; 0: 30 s
	Share    float64              // our part, above 0 and at most 1; 0: 0.8
	Boot     func() time.Duration // a clock that runs on while the machine sleeps (CLOCK_BOOTTIME)
}

// Budget decides when a request may leave. It is a ledger of completions: one
// more may leave if those in flight and those completed within the last window
// are fewer than our share. A request reaches Graph somewhere between leaving and
// completing: take any window at Graph's end and the last request in it to leave.
// All others in it had left before, and had not completed or not long ago, so
// they were counted. Neither a token bucket nor a log of departures has that.
//
// A new Budget admits nothing until [Budget.Permit]. All methods are safe for
// concurrent use.
type Budget struct {
	allowed int
	reserve int // what a ledger reserves
	window  time.Duration
	boot    func() time.Duration
	base    time.Time
	turn    chan struct{} // held by the head of the queue; senders queue in order
	poke    chan struct{} // wakes the head: there is a new permit

	mu        sync.Mutex // guards what follows
	completed stamps
	inFlight  int
	sent      uint64
	ceiling   uint64        // sent may rise to it
	until     time.Duration // by boot
	held      time.Duration // since base; nothing leaves before
}

// NewBudget refuses a share without room for a single request.
func NewBudget(cfg BudgetConfig) (*Budget, error) {
	requests, per, share := cmp.Or(cfg.Requests, 1500), cmp.Or(cfg.Per, 30*time.Second), cmp.Or(cfg.Share, 0.8)
	allowed := math.Floor(float64(requests)*share + 1e-9) // 0.29 × 100 is 28.999…
	switch {
	case cfg.Boot == nil:
		return nil, errors.New("rate budget: no boot clock was passed in")
	case per < 0:
		return nil, fmt.Errorf("rate budget: window is %v, want more than 0", per)
	case !(share > 0 && share <= 1):
		return nil, fmt.Errorf("rate budget: share is %v, want more than 0 and at most 1", share)
	case !(allowed >= 1 && allowed <= 1e6):
		return nil, fmt.Errorf("rate budget: %d requests × share %v leaves %v, want 1 to 1000000", requests, share, allowed)
	}
	return &Budget{
		allowed: int(allowed), reserve: int(math.Ceil(allowed * permitSpan.Seconds() / per.Seconds())), window: per + slack, boot: cfg.Boot, base: time.Now(),
		turn: make(chan struct{}, 1), poke: make(chan struct{}, 1),
	}, nil
}

// Slot is one admitted request. The first of Done, Unsure and GivenUp counts;
// later calls do nothing.
type Slot struct {
	budget *Budget
	left   time.Duration // since the budget's base
	ended  bool          // guarded by budget.mu
}

// Permitted is nil if the request may still leave, and [ErrUnpermitted] past the
// owner deadline: the process may have been stopped since [Budget.Admit].
func (s *Slot) Permitted() error {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until <= b.boot() {
		return ErrUnpermitted
	}
	return nil
}

// Done records that the request was answered: it has arrived, whatever the answer.
func (s *Slot) Done() { s.end(0, 0) }

// Unsure records that the connection ended. The request may be on its way through
// Graph yet, so that it counts as completed a little later.
func (s *Slot) Unsure() { s.end(0, grace) }

// GivenUp records that nobody waits for the answer any more. The request may be
// stuck on the way and arrive for as long as it might have taken, so that it
// counts as completed when its time is over, and a little later.
func (s *Slot) GivenUp() { s.end(s.left+totalTimeout, grace) }

// end has the request complete at the time given, if that lies ahead, and later
// by after.
func (s *Slot) end(at, after time.Duration) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	b.inFlight--
	b.completed = b.completed.insert(max(at, b.now()) + after)
}

// Admit waits for room, first come, first served. It refuses at once with
// [ErrUnpermitted] past the owner deadline, and with [ErrThrottled] when ctx ends
// before there can be room. When ctx ends while it waits, its error is wrapped
// beside the reason for waiting.
func (b *Budget) Admit(ctx context.Context) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait for the rate budget: %w", err)
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrThrottled, ctx.Err())
	}
	for {
		slot, room, left, why := b.take()
		if why == nil {
			return slot, nil
		}
		deadline, bounded := ctx.Deadline()
		switch {
		case left <= 0:
			return nil, why
		case bounded && room > 0 && time.Now().Add(room).After(deadline):
			return nil, fmt.Errorf("%w: room in %v at the earliest", why, room.Round(time.Millisecond))
		}
		if room > 0 {
			left = min(left, room)
		}
		if err := b.sleep(ctx, left); err != nil {
			return nil, fmt.Errorf("%w: %w", why, err)
		}
	}
}

func (b *Budget) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.poke:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// take lets one request leave, or says why not: after room there may be room (0:
// only a new permit helps), and left is the time to the owner deadline.
func (b *Budget) take() (slot *Slot, room, left time.Duration, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	left = b.until - b.boot()
	if left <= 0 {
		return nil, 0, 0, ErrUnpermitted
	}
	if at := b.roomAt(now); at > now {
		return nil, at - now, left, ErrThrottled
	}
	if b.sent >= b.ceiling {
		return nil, 0, left, ErrUnpermitted
	}
	b.sent++
	b.inFlight++
	return &Slot{budget: b, left: now}, 0, left, nil
}

// roomAt is the earliest time at which one more request could leave.
func (b *Budget) roomAt(now time.Duration) time.Duration {
	b.completed = b.completed.since(now - b.window)
	at := now
	switch over := b.inFlight + len(b.completed) - b.allowed; {
	case over < 0:
	case over < len(b.completed):
		at = b.completed[over] + b.window
	default: // of those in flight one at least has to complete, and then to age
		at = now + b.window
	}
	return max(at, b.held)
}

func (b *Budget) now() time.Duration { return time.Since(b.base) }

// Hold lets nothing leave for d from now on. A longer pause stays.
func (b *Budget) Hold(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = max(b.held, b.now()+d)
}

// Ledger is a snapshot to look at. Reserved is what full use of the share needs
// until an owner's deadline.
func (b *Budget) Ledger() presence.Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger()
}

func (b *Budget) ledger() presence.Ledger {
	now := b.now()
	b.completed = b.completed.since(now - b.window)
	l := b.completed.ledger(now)
	l.InFlight += b.inFlight
	l.Reserved = b.reserve
	l.Sent = b.sent
	l.Held = int(math.Ceil(max(b.held-now, 0).Seconds()))
	return l
}

// Reserve is a snapshot for the owner message, which reserves n requests, or as many
// as full use of the share needs if those are fewer. From now on no more leave than
// it says, whatever has been permitted: it may be on record long before we hear so,
// and a successor counts what it says.
func (b *Budget) Reserve(n int) presence.Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.ledger()
	l.Reserved = min(l.Reserved, n)
	b.ceiling = min(b.ceiling, l.Sent+uint64(max(l.Reserved, 0)))
	return l
}

// Charge counts a predecessor's ledger against this budget. Its completions are
// older by aged, at least, than their ages say; what was in flight or reserved
// counts as completing after settle from now. A pause that Graph asked it for goes on.
func (b *Budget) Charge(l presence.Ledger, aged, settle time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.completed = b.completed.charge(l, b.now(), b.window, aged, settle, b.allowed)
	held := time.Duration(min(l.Held, int(maxRetryAfter/time.Second))) * time.Second
	b.held = max(b.held, b.now()+held-max(aged, 0))
}

// Permit says that l, from [Budget.Reserve], is on record in the log: up to
// l.Reserved requests beyond l.Sent may leave, until the time given by the boot
// clock. It replaces the permit before; a zero ledger takes it back.
func (b *Budget) Permit(l presence.Ledger, until time.Duration) {
	b.mu.Lock()
	b.ceiling = l.Sent + uint64(max(l.Reserved, 0))
	b.until = until
	b.mu.Unlock()
	select {
	case b.poke <- struct{}{}:
	default: // the head has not seen the last one yet
	}
}

// Used is how much of our share is taken now: 1 is all of it, and more is
// possible after a [Budget.Charge].
func (b *Budget) Used() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.completed = b.completed.since(b.now() - b.window)
	return float64(b.inFlight+len(b.completed)) / float64(b.allowed)
}
