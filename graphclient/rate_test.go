package graphclient_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"presenced/graphclient"
	"presenced/presence"
)

// referee stands where Graph stands: it knows when requests arrived.
type referee struct {
	mu       sync.Mutex
	arrivals []time.Time
}

func (r *referee) arrive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivals = append(r.arrivals, time.Now())
}

// worst is the most arrivals in any window of 30 s.
func (r *referee) worst() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.arrivals, time.Time.Compare)
	worst, first := 0, 0
	for i, at := range r.arrivals {
		for at.Sub(r.arrivals[first]) >= 30*time.Second {
			first++
		}
		worst = max(worst, i-first+1)
	}
	return worst
}

// road is how long requests travel.
type road struct {
	rng   *rand.Rand
	mu    sync.Mutex
	mode  string
	until time.Time // a stall: whatever leaves now arrives then, all at once
}

// times draws the way there and the way back.
func (r *road) times() (there, back time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	there = 10*time.Millisecond + time.Duration(r.rng.Int64N(int64(40*time.Millisecond)))
	back = 10*time.Millisecond + time.Duration(r.rng.Int64N(int64(90*time.Millisecond)))
	switch r.mode {
	case "still": // no two requests differ
		return 10 * time.Millisecond, 0
	case "some jitter":
		if r.rng.Float64() < 0.1 {
			there = time.Duration(r.rng.Int64N(int64(5 * time.Second)))
		}
	case "rare stalls": // one a minute or so of 1,500 requests in 30 s
		there = r.stall(there, 0.0003)
	case "jitter":
		if r.rng.Float64() < 0.3 {
			there = time.Duration(r.rng.Int64N(int64(5 * time.Second)))
		}
	case "stall":
		there = r.stall(there, 0.002)
	}
	return there, back
}

// stall begins one with some chance for each request.
func (r *road) stall(there time.Duration, chance float64) time.Duration {
	if r.rng.Float64() < chance {
		r.until = time.Now().Add(time.Second + time.Duration(r.rng.Int64N(int64(7*time.Second))))
	}
	if left := time.Until(r.until); left > 0 {
		there = left + time.Duration(r.rng.Int64N(int64(50*time.Millisecond)))
	}
	return there
}

// demand sends as much as admit lets through until ctx ends.
func demand(ctx context.Context, admit func(context.Context) (done func(), err error), to *referee, by *road) {
	var flights sync.WaitGroup
	defer flights.Wait()
	for {
		done, err := admit(ctx)
		if err != nil {
			return
		}
		there, back := by.times()
		flights.Go(func() {
			time.Sleep(there)
			to.arrive()
			time.Sleep(back)
			done()
		})
		time.Sleep(time.Millisecond) // no client sends faster than that
	}
}

// lasting ends after d. It has no deadline, so that nothing refuses early.
func lasting(d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(d, cancel)
	return ctx
}

func throughBudget(b *graphclient.Budget) func(context.Context) (func(), error) {
	return func(ctx context.Context) (func(), error) {
		slot, err := b.Admit(ctx)
		if err != nil {
			return nil, err
		}
		return slot.Done, nil
	}
}

// keepPermit is an owner whose writes are all confirmed.
func keepPermit(ctx context.Context, b *graphclient.Budget, boot func() time.Duration) {
	for ctx.Err() == nil {
		b.Permit(b.Ledger(), boot()+10*time.Second)
		time.Sleep(time.Second)
	}
}

func TestNoWindowHoldsMoreThanTheShare(t *testing.T) {
	t.Parallel()
	const allowed = 300
	for _, mode := range []string{"calm", "jitter", "stall"} {
		for seed := range uint64(4) {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b, boot := newBudget(t, allowed, false)
					ctx := lasting(240 * time.Second)
					b.Permit(b.Ledger(), boot()+10*time.Second)
					var beside sync.WaitGroup
					beside.Go(func() { keepPermit(ctx, b, boot) })
					used, looks := 0.0, 0
					beside.Go(func() {
						for time.Sleep(10 * time.Second); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
							used, looks = used+b.Used(), looks+1
						}
					})
					graph := &referee{}
					demand(ctx, throughBudget(b), graph, &road{rng: rand.New(rand.NewPCG(seed, 1)), mode: mode})
					beside.Wait()
					if worst := graph.worst(); worst > allowed {
						t.Errorf("seed %d: %d requests arrived within 30 s, want at most %d", seed, worst, allowed)
					}
					if mean := used / float64(looks); mean < 0.97 {
						t.Errorf("seed %d: used %.3f of the share on average, want 0.97", seed, mean)
					}
				})
			})
		}
	}
}

// TestRefereeCatchesATokenBucket shows that the test above can fail.
func TestRefereeCatchesATokenBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const allowed = 300
		ctx := lasting(240 * time.Second)
		bucket := rate.NewLimiter(allowed/30.0, 20)
		graph := &referee{}
		demand(ctx, func(ctx context.Context) (func(), error) {
			return func() {}, bucket.Wait(ctx)
		}, graph, &road{rng: rand.New(rand.NewPCG(1, 1)), mode: "stall"})
		if worst := graph.worst(); worst <= allowed {
			t.Errorf("a token bucket kept to %d of %d, the referee sees nothing", worst, allowed)
		}
	})
}

// owner is a replica: what it put on record last, and until when it may send.
type owner struct {
	budget *graphclient.Budget
	boot   func() time.Duration
	record []byte
}

func (o *owner) write(t *testing.T) {
	l := o.budget.Ledger()
	text, err := json.Marshal(l)
	if err != nil {
		t.Error(err)
	}
	o.record = text
	o.budget.Permit(l, o.boot()+10*time.Second)
}

// TestHandOverKeepsTheLimit lets an owner at full demand fall silent, and a
// successor go on from what is on record.
func TestHandOverKeepsTheLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		silence time.Duration // from the last record to the take-over
		dead    bool          // the old process is gone; else it sends on to its deadline
	}{
		"embedded, old process gone": {0, true},
		"lease ran out":              {15 * time.Second, false},
		"released":                   {0, true},
	} {
		for seed := range uint64(4) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { handOver(t, seed, tc.silence, tc.dead) })
			})
		}
	}
}

func handOver(t *testing.T, seed uint64, silence time.Duration, dead bool) {
	const allowed = 300
	rng := rand.New(rand.NewPCG(seed, 2))
	graph, way := &referee{}, &road{rng: rng, mode: "jitter"}
	boot := bootClock()
	life := 40*time.Second + time.Duration(rng.Int64N(int64(20*time.Second)))
	replicas := make([]*owner, 2)
	for i := range replicas {
		b, _ := newBudget(t, allowed, false)
		replicas[i] = &owner{budget: b, boot: boot}
	}
	serve := func(o *owner, life time.Duration) {
		for end := time.Now().Add(life); time.Now().Before(end); time.Sleep(time.Second) {
			o.write(t)
		}
	}
	// The old owner sends for as long as it is let.
	ctx, kill := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	old := replicas[0]
	old.write(t)
	beside.Go(func() { demand(ctx, throughBudget(old.budget), graph, way) })
	serve(old, life)
	if dead {
		kill()
	}
	time.Sleep(silence)
	var ledger presence.Ledger
	if err := json.Unmarshal(old.record, &ledger); err != nil {
		t.Fatal(err)
	}
	next := replicas[1]
	next.budget.Charge(ledger, silence, 7*time.Second) // requests take 5.1 s at most here
	next.write(t)
	beside.Go(func() { serve(next, 90*time.Second) })
	taken := time.Now()
	demand(lasting(90*time.Second), throughBudget(next.budget), graph, way)
	kill()
	beside.Wait()
	sent := 0
	for _, at := range graph.arrivals {
		if at.After(taken) {
			sent++
		}
	}
	if worst := graph.worst(); worst > allowed {
		t.Errorf("seed %d: %d requests arrived within 30 s, want at most %d", seed, worst, allowed)
	}
	if sent < 2*allowed {
		t.Errorf("seed %d: the successor sent %d requests in 90 s, want %d or more", seed, sent, 2*allowed)
	}
}
