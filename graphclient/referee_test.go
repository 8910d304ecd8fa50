package graphclient_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"presenced/graphclient"
	"presenced/graphsim"
	"presenced/presence"
)

// admission is a budget, right or wrong. end is told when the request completed,
// and whether it was answered well.
type admission func(ctx context.Context) (end func(ok bool), err error)

// roadTrip is a transport behind a road of calm, jitter or stalls.
type roadTrip struct {
	next http.RoundTripper
	road *road
}

func (r *roadTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	there, back := r.road.times()
	time.Sleep(there)
	resp, err := r.next.RoundTrip(req)
	time.Sleep(back)
	return resp, err
}

// refereed is what the simulator saw.
type refereed struct {
	worst int     // most arrivals in any 30 s
	mean  float64 // arrivals in 30 s, averaged over windows after the first 40 s
}

// judge sends as much as a budget lets through for a while, each request over real
// HTTP to the simulator, which counts arrivals. Some are refused with a 500.
func judge(t *testing.T, mode string, seed uint64, d time.Duration, limit int, admit admission) refereed {
	s := simulateInBubble(t, graphsim.Config{Users: 1, Limit: limit, Modes: graphsim.Modes{RetryAfter: graphsim.RetryAfterSeconds}})
	if err := s.sim.Inject(graphsim.Fault{Kind: graphsim.KindInternalError, Probability: 0.1}); err != nil {
		t.Fatal(err)
	}
	token := mustToken(t, s.tokens(withSecret(s.app.ClientSecret)))
	trip := &roadTrip{next: s.transport, road: &road{rng: rand.New(rand.NewPCG(seed, 3)), mode: mode}}
	ctx := lasting(d)
	var seen refereed
	var group sync.WaitGroup
	group.Go(func() {
		looks := 0.0
		for time.Sleep(40 * time.Second); ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
			seen.mean += float64(s.sim.Stats().Apps[0].InWindow)
			looks++
		}
		seen.mean /= looks
	})
	for {
		end, err := admit(ctx)
		if err != nil {
			break
		}
		group.Go(func() {
			req, err := http.NewRequest(http.MethodGet, s.cloud.GraphURL+"/v1.0/users/"+string(s.ids[0])+"/presence", nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := trip.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			end(resp.StatusCode == http.StatusOK)
		})
		time.Sleep(time.Millisecond) // no client sends faster than that
	}
	group.Wait()
	seen.worst = s.sim.Stats().MaxInWindow
	return seen
}

// TestRefereeSeesTheShareUsedAndNeverMore is the promise: at full demand 1,500 in
// every sliding 30 s and never more, and nearly all of it used.
func TestRefereeSeesTheShareUsedAndNeverMore(t *testing.T) {
	t.Parallel()
	const limit = 1500
	for _, mode := range []string{"calm", "some jitter", "rare stalls"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBudget(t, limit, true)
				seen := judge(t, mode, 1, 75*time.Second, limit, func(ctx context.Context) (func(bool), error) {
					slot, err := b.Admit(ctx)
					if err != nil {
						return nil, err
					}
					return func(bool) { slot.Done() }, nil
				})
				if seen.worst > limit {
					t.Errorf("%d requests arrived within 30 s, want at most %d", seen.worst, limit)
				}
				used := seen.mean / float64(limit)
				t.Logf("worst window %d of %d, %.4f of it used on average", seen.worst, limit, used)
				if used < 0.97 {
					t.Errorf("used %.4f of the share on average, want 0.97", used)
				}
			})
		})
	}
}

// wrongLedger is the budget with one thought left out. With all of them in it is
// the right one, in its plainest form.
type wrongLedger struct {
	limit      int
	window     time.Duration
	sends      bool // a request counts from when it left
	forgets    bool // what is in flight does not count
	forgives   bool // what is refused does not count
	rounds     bool // the window begins at each full half minute
	mu         sync.Mutex
	stamps     []time.Time
	inFlight   int
	halfMinute time.Time
}

func (l *wrongLedger) admit(ctx context.Context) (func(bool), error) {
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		if l.take(time.Now()) {
			return l.end, nil
		}
	}
	return nil, ctx.Err()
}

func (l *wrongLedger) take(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rounds && now.Truncate(l.window).After(l.halfMinute) {
		l.halfMinute, l.stamps = now.Truncate(l.window), nil
	}
	for !l.rounds && len(l.stamps) > 0 && now.Sub(l.stamps[0]) >= l.window {
		l.stamps = l.stamps[1:]
	}
	used := len(l.stamps)
	if !l.forgets && !l.sends {
		used += l.inFlight
	}
	if used >= l.limit {
		return false
	}
	l.inFlight++
	if l.sends {
		l.stamps = append(l.stamps, now)
	}
	return true
}

func (l *wrongLedger) end(ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if !l.sends && (ok || !l.forgives) {
		l.stamps = append(l.stamps, time.Now())
	}
}

// TestRefereeCatchesWrongBudgets shows that the test above can fail: each of
// these was somebody's budget once.
func TestRefereeCatchesWrongBudgets(t *testing.T) {
	t.Parallel()
	const limit, window = 60, 30 * time.Second
	ledger := func(l *wrongLedger) admission {
		l.limit = limit
		if l.window == 0 {
			l.window = window + 100*time.Millisecond
		}
		return l.admit
	}
	bucket := func(burst int) admission {
		b := rate.NewLimiter(limit/30.0, burst)
		return func(ctx context.Context) (func(bool), error) { return func(bool) {}, b.Wait(ctx) }
	}
	for name, tc := range map[string]struct {
		budget admission
		mode   string
		right  bool
	}{
		"the right one":              {ledger(&wrongLedger{}), "stall", true},
		"token bucket":               {bucket(20), "stall", false},
		"token bucket without burst": {bucket(1), "stall", false},
		"log of departures":          {ledger(&wrongLedger{sends: true}), "jitter", false},
		"window of 29.9 s":           {ledger(&wrongLedger{window: window - 100*time.Millisecond}), "still", false},
		"flights are not counted":    {ledger(&wrongLedger{forgets: true}), "stall", false},
		"only successes count":       {ledger(&wrongLedger{forgives: true}), "calm", false},
		"fixed windows":              {ledger(&wrongLedger{rounds: true, window: window}), "calm", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				worst := 0
				for seed := uint64(0); seed < 3 && worst <= limit && (seed == 0 || !tc.right); seed++ {
					worst = judge(t, tc.mode, seed, 75*time.Second, limit, tc.budget).worst
				}
				if (worst <= limit) != tc.right {
					t.Errorf("%d requests within 30 s of %d, want that it keeps to it: %v", worst, limit, tc.right)
				}
			})
		})
	}
}

// TestRefereeOfTheWholeClient puts the client in the place of the plain sender:
// tokens, retries and pages included.
func TestRefereeOfTheWholeClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 150
		s := simulateInBubble(t, graphsim.Config{Users: 5, Limit: limit})
		if err := s.sim.Inject(graphsim.Fault{Kind: graphsim.KindReset, Probability: 0.1}); err != nil {
			t.Fatal(err)
		}
		b, _ := newBudget(t, limit, true)
		client, err := graphclient.New(graphclient.Config{
			Cloud: s.cloud, Endpoint: graphclient.EndpointUser,
			Transport: &roadTrip{next: s.transport, road: &road{rng: rand.New(rand.NewPCG(1, 4)), mode: "jitter"}},
		}, s.tokens(withSecret(s.app.ClientSecret)), b, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx := lasting(2 * time.Minute)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for ctx.Err() == nil {
					_, _ = client.Presences(ctx, []presence.UserID{s.ids[0]})
				}
			})
		}
		group.Wait()
		stats := s.sim.Stats()
		if stats.MaxInWindow > limit || stats.Throttled > 0 || stats.Apps[0].Arrivals < 3*limit {
			t.Errorf("%d requests arrived, %d within 30 s, %d over the limit; want at most %d at once, and most of it used",
				stats.Apps[0].Arrivals, stats.MaxInWindow, stats.Throttled, limit)
		}
	})
}
