package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// metered is a source behind a real budget, one request a chunk.
type metered struct {
	*fakeSource
	budget *graphclient.Budget
	arrive func(time.Time) // told of each request
}

func (s *metered) Presences(ctx context.Context, ids []presence.UserID) ([]presence.Answer, error) {
	slot, err := s.budget.Admit(ctx)
	if err != nil {
		cause := presence.CauseThrottled
		if errors.Is(err, graphclient.ErrUnpermitted) {
			cause = presence.CauseNATS
		}
		return nil, &presence.BlindError{Cause: cause, Err: err}
	}
	s.arrive(time.Now())
	answers, err := s.fakeSource.Presences(ctx, ids)
	if ctx.Err() != nil {
		slot.Unsure()
	} else {
		slot.Done()
	}
	return answers, err
}

// arrivals are the requests of all replicas, as Graph sees them.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) add(t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, t)
}

func (a *arrivals) all() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]time.Time(nil), a.at...)
}

// most is how many came in any 30 s.
func (a *arrivals) most() int {
	most, first := 0, 0
	all := a.all()
	for i, at := range all {
		for !all[first].Add(30 * time.Second).After(at) {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// since is the first request at t or later.
func (a *arrivals) since(t time.Time) time.Time {
	for _, at := range a.all() {
		if !at.Before(t) {
			return at
		}
	}
	return time.Time{}
}

// limited is a world with a budget of n requests in 30 s, and an own one for each
// replica that is started.
func limited(t *testing.T, users, n int) (*world, *arrivals) {
	t.Helper()
	w := newWorld(t, users)
	w.config.Chunk = 1
	seen := &arrivals{}
	w.limit = func() {
		b, err := graphclient.NewBudget(graphclient.BudgetConfig{Requests: n, Share: 1, Boot: w.boot})
		if err != nil {
			t.Fatal(err)
		}
		w.realBudget = b
		w.realSource = &metered{w.source, b, seen.add}
	}
	w.source.permit = nil
	return w, seen
}

// The time from the end of one owner to the first request of the next, and never
// more than the limit in any window. The limit is 60 in 30 s.
func TestRateHandOver(t *testing.T) {
	t.Parallel()
	for _, use := range []int{2, 36, 120} { // users, one request each and each 30 s: 7 %, 60 %, all of it
		for _, crash := range []bool{false, true} {
			for _, readable := range []bool{true, false} {
				want := 2 * time.Second
				switch {
				case !readable: // the owner may have used all of it until its deadline
					want = 30100*time.Millisecond + 20*time.Second + 2*time.Second + 10*time.Second
				case crash:
					want = 17 * time.Second
				case use > 60:
					want = 31 * time.Second
				}
				t.Run(fmt.Sprintf("%d users crash=%t readable=%t", use, crash, readable), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { handOver(t, use, crash, readable, want) })
				})
			}
		}
	}
}

func handOver(t *testing.T, users int, crash, readable bool, want time.Duration) {
	w, seen := limited(t, users, 60)
	w.schedule("@every 30s")
	w.source.delay = 200 * time.Millisecond
	w.start()
	w.after(5 * time.Minute)
	first, stopFirst := w.journal, w.stop
	if crash {
		first.failWith(func() error { return errAway })
	} else {
		stopFirst()
	}
	w.model.mu.Lock()
	if !readable {
		w.model.owner.Replica, w.model.owner.Released, w.model.owner.Ledger = "", false, presence.Ledger{}
		w.model.owner.Epoch = w.model.owner.Sequence
	}
	w.model.mu.Unlock()
	end := time.Now()
	if crash { // its requests end with it
		w.realBudget.Permit(presence.Ledger{}, 0)
	}
	w.restart("b")
	w.after(3 * time.Minute)
	got := seen.since(end)
	if got.IsZero() {
		t.Fatal("nobody polls")
	}
	took := got.Sub(end)
	t.Logf("first request after %s", took)
	if took > want {
		t.Errorf("polling again after %s, want %s", took, want)
	}
	if n := seen.most(); n > 60 {
		t.Errorf("%d requests in 30 s, want 60 at most", n)
	}
	w.stop()
	if crash {
		stopFirst()
	}
}

// A predecessor is charged once, however often the tenant has to be taken over.
func TestAPredecessorIsChargedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.model.owner, w.model.seq = presence.Owner{Sequence: 7, Replica: "z", Epoch: 4, Ledger: presence.Ledger{InFlight: 3}}, 7
		w.journal.refuse = 10
		w.start()
		w.after(time.Minute)
		w.stop()
		if o := w.owner(); o.Epoch != 5 {
			t.Errorf("epoch %d, want 5", o.Epoch)
		}
		if n := len(w.budget.charges); n != 1 {
			t.Errorf("%d charges, want 1", n)
		}
	})
}
