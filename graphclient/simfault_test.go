package graphclient_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphsim"
	"presenced/presence"
)

// Whatever goes wrong, nobody is told to be what they are not, a sweep ends in
// time, and the next one after the fault is whole.
func TestSimulatedFaults(t *testing.T) {
	t.Parallel()
	const sweep = 14 * time.Second
	for _, kind := range []graphsim.Kind{
		graphsim.KindInternalError, graphsim.KindBadGateway, graphsim.KindUnavailable, graphsim.KindGatewayTimeout, graphsim.KindThrottled,
		graphsim.KindUnauthorized, graphsim.KindForbidden, graphsim.KindPoison, graphsim.KindReset, graphsim.KindHang, graphsim.KindRedirect,
		graphsim.KindEmpty, graphsim.KindWrongEntity, graphsim.KindOversized, graphsim.KindGzipBomb, graphsim.KindDeep,
		graphsim.KindTruncated, graphsim.KindCut, graphsim.KindTrailing, graphsim.KindContentType, graphsim.KindSlow, graphsim.KindClockSkew,
		graphsim.KindMissing, graphsim.KindExtra, graphsim.KindDuplicate, graphsim.KindConflict, graphsim.KindIDCase,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := simulateInBubble(t, graphsim.Config{Users: 40})
				client, _ := s.client(t, withSecret(s.app.ClientSecret), "")
				fault := graphsim.Fault{
					Kind: kind, URL: "https://evil.example/", Size: 16 << 20, Skew: 24 * time.Hour,
					IDs: []string{string(s.ids[3])}, RetryAfter: "1",
				}
				if err := s.sim.Inject(fault); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), sweep)
				defer cancel()
				var answers []presence.Answer
				var err error
				if took := elapsed(func() { answers, err = client.Presences(ctx, s.ids) }); took > sweep {
					t.Errorf("took %v, want %v at most", took, sweep)
				}
				s.check(t, answers)
				if err == nil && len(answers) < len(s.ids)/2 {
					t.Errorf("%d answers without an error", len(answers))
				}
				s.sim.Heal()
				time.Sleep(2 * time.Minute) // pauses are over
				answers, err = client.Presences(t.Context(), s.ids)
				if err != nil || len(answers) < len(s.ids)-1 { // the poisonous id is left out for a while
					t.Errorf("after it: %d answers, %v", len(answers), err)
				}
				s.check(t, answers)
			})
		})
	}
}

// The simulator counts arrivals by its own rule, and slow answers keep requests in
// flight; at full demand it must never see too many, nor refuse one.
func TestSimulatedLimitHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 60
		s := simulateInBubble(t, graphsim.Config{Users: 5, Limit: limit})
		if err := s.sim.Inject(graphsim.Fault{Kind: graphsim.KindHang, Probability: 0.05}); err != nil {
			t.Fatal(err)
		}
		b, _ := newBudget(t, limit, true)
		client, seen := s.clientWithin(t, b, withSecret(s.app.ClientSecret), "")
		ctx := lasting(5 * time.Minute)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for ctx.Err() == nil {
					_, _ = client.Presences(ctx, s.ids)
				}
			})
		}
		group.Wait()
		stats := s.sim.Stats()
		if stats.MaxInWindow > limit || stats.Throttled > 0 {
			t.Errorf("the simulator saw %d requests in a window and refused %d, want %d and none", stats.MaxInWindow, stats.Throttled, limit)
		}
		if got := stats.Apps[0].Arrivals; got < 7*limit { // ten windows, less what hung
			t.Errorf("%d requests arrived in 5 min, want %d or more (observed %v)", got, 7*limit, seen.classes)
		}
		if got := b.Ledger().Sent; got < uint64(stats.Apps[0].Arrivals) {
			t.Errorf("%d requests counted, %d arrived", got, stats.Apps[0].Arrivals)
		}
	})
}
