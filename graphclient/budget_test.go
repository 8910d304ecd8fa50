package graphclient_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// bootClock is a boot clock that starts at an hour: zero is a value of its own.
func bootClock() func() time.Duration {
	start := time.Now().Add(-time.Hour)
	return func() time.Duration { return time.Since(start) }
}

// newBudget makes a budget of n requests in 30 s, with the permit to send for
// ever where wanted.
func newBudget(t testing.TB, n int, permitted bool) (*graphclient.Budget, func() time.Duration) {
	t.Helper()
	boot := bootClock()
	b, err := graphclient.NewBudget(graphclient.BudgetConfig{Requests: n, Share: 1, Boot: boot})
	if err != nil {
		t.Fatal(err)
	}
	if permitted {
		b.Permit(presence.Ledger{Reserved: 1 << 40}, boot()+1000*time.Hour)
	}
	return b, boot
}

// spend takes n slots and completes them at once.
func spend(t testing.TB, b *graphclient.Budget, n int) {
	t.Helper()
	for range n {
		slot, err := b.Admit(context.Background())
		if err != nil {
			t.Fatalf("Admit = %v, want a slot", err)
		}
		slot.Done()
	}
}

// within asks for a slot and gives up after d.
func within(b *graphclient.Budget, d time.Duration) (*graphclient.Slot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return b.Admit(ctx)
}

func TestNewBudgetRefuses(t *testing.T) {
	t.Parallel()
	boot := bootClock()
	for name, tc := range map[string]struct {
		cfg  graphclient.BudgetConfig
		want string
	}{
		"no clock":       {graphclient.BudgetConfig{}, "boot clock"},
		"negative limit": {graphclient.BudgetConfig{Requests: -1, Boot: boot}, "1 to 1000000"},
		"no room":        {graphclient.BudgetConfig{Requests: 10, Share: 0.05, Boot: boot}, "1 to 1000000"},
		"share above 1":  {graphclient.BudgetConfig{Share: 1.01, Boot: boot}, "share"},
		"share below 0":  {graphclient.BudgetConfig{Share: -0.1, Boot: boot}, "share"},
		"negative per":   {graphclient.BudgetConfig{Per: -1, Boot: boot}, "window"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := graphclient.NewBudget(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("NewBudget = %v, want an error with %q", err, tc.want)
			}
		})
	}
	b, err := graphclient.NewBudget(graphclient.BudgetConfig{Boot: boot})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Ledger().Reserved; got != 400 { // a third of 0.8 × 1500
		t.Errorf("Reserved of the default budget = %d, want 400", got)
	}
	b, err = graphclient.NewBudget(graphclient.BudgetConfig{Requests: 100, Share: 0.29, Boot: boot})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Ledger().Reserved; got != 10 { // a third of 29, and not of 28.999…
		t.Errorf("Reserved of 29 = %d, want 10", got)
	}
}

func TestAdmitNeedsPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, boot := newBudget(t, 9, false)
		start := time.Now()
		if _, err := b.Admit(context.Background()); !errors.Is(err, graphclient.ErrUnpermitted) {
			t.Errorf("Admit without a permit = %v, want ErrUnpermitted", err)
		}
		b.Permit(b.Ledger(), boot()+10*time.Second)
		spend(t, b, 3) // a third is reserved
		if _, err := within(b, time.Second); !errors.Is(err, graphclient.ErrUnpermitted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Admit beyond the reservation = %v, want ErrUnpermitted after waiting", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it waited %v for a new permit, want the caller's 1s", took)
		}
		// A new permit wakes the waiter at once.
		go func() {
			time.Sleep(2 * time.Second)
			b.Permit(b.Ledger(), boot()+10*time.Second)
		}()
		spend(t, b, 1)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("slot came after %v, want 3s", took)
		}
		// The permit counts from its ledger, not from now: one was sent since.
		l := b.Ledger()
		spend(t, b, 1)
		b.Permit(l, boot()+10*time.Second)
		spend(t, b, 2)
		if _, err := within(b, time.Second); !errors.Is(err, graphclient.ErrUnpermitted) {
			t.Errorf("Admit = %v, want ErrUnpermitted: 1 of 3 had left before the permit", err)
		}
		b.Permit(presence.Ledger{}, 0)
		if _, err := b.Admit(context.Background()); !errors.Is(err, graphclient.ErrUnpermitted) {
			t.Errorf("Admit after the permit was taken back = %v, want ErrUnpermitted", err)
		}
	})
}

func TestAdmitEndsAtOwnerDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, boot := newBudget(t, 1, false)
		b.Permit(b.Ledger(), boot()+10*time.Second)
		spend(t, b, 1)
		start := time.Now()
		_, err := b.Admit(context.Background()) // there would be room after 30.1 s
		if took := time.Since(start); !errors.Is(err, graphclient.ErrUnpermitted) || took != 10*time.Second {
			t.Errorf("Admit = %v after %v, want ErrUnpermitted after 10s", err, took)
		}
	})
}

// A machine that slept has a boot clock ahead of the monotonic one.
func TestAdmitAfterSuspend(t *testing.T) {
	t.Parallel()
	var slept time.Duration
	b, err := graphclient.NewBudget(graphclient.BudgetConfig{Boot: func() time.Duration { return time.Hour + slept }})
	if err != nil {
		t.Fatal(err)
	}
	b.Permit(b.Ledger(), time.Hour+10*time.Second)
	spend(t, b, 1)
	slept = 11 * time.Second
	if _, err := b.Admit(context.Background()); !errors.Is(err, graphclient.ErrUnpermitted) {
		t.Errorf("Admit = %v, want ErrUnpermitted: the owner deadline passed while asleep", err)
	}
}

func TestAdmitWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(*testing.T, *graphclient.Budget)
		room   time.Duration // from the start
	}{
		"answered at once": {func(t *testing.T, b *graphclient.Budget) { spend(t, b, 2) }, 30100 * time.Millisecond},
		"connection ended": {func(t *testing.T, b *graphclient.Budget) {
			for range 2 {
				slot, _ := b.Admit(context.Background())
				slot.Unsure()
				slot.Done() // only the first word counts
			}
		}, 32100 * time.Millisecond},
		"nobody waits": {func(t *testing.T, b *graphclient.Budget) {
			for range 2 {
				slot, _ := b.Admit(context.Background())
				slot.GivenUp() // may arrive for 20 s, and a little longer
			}
		}, 52100 * time.Millisecond},
		"in flight for 7 s": {func(t *testing.T, b *graphclient.Budget) {
			spend(t, b, 1)
			slot, _ := b.Admit(context.Background())
			b.Hold(time.Second) // shorter than the window: without effect
			go func() { time.Sleep(7 * time.Second); slot.Done() }()
		}, 30100 * time.Millisecond},
		"all in flight for 7 s": {func(t *testing.T, b *graphclient.Budget) {
			for range 2 {
				slot, _ := b.Admit(context.Background())
				go func() { time.Sleep(7 * time.Second); slot.Done() }()
			}
		}, 37100 * time.Millisecond},
		"held": {func(t *testing.T, b *graphclient.Budget) {
			b.Hold(time.Minute)
			b.Hold(time.Second) // a shorter pause ends no longer one
		}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBudget(t, 2, true)
				start := time.Now()
				tc.before(t, b)
				if name != "all in flight for 7 s" { // there the earliest time is not known yet
					_, err := within(b, tc.room-time.Millisecond)
					if took := time.Since(start); !errors.Is(err, graphclient.ErrThrottled) || took != 0 {
						t.Errorf("Admit with too little time = %v after %v, want ErrThrottled at once", err, took)
					}
				}
				if _, err := b.Admit(context.Background()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != tc.room {
					t.Errorf("room after %v, want %v", took, tc.room)
				}
			})
		})
	}
}

func TestAdmitIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBudget(t, 1, true)
		spend(t, b, 1)
		order := make(chan int, 5)
		for i := range 5 {
			go func() {
				slot, err := b.Admit(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				slot.Done()
			}()
			synctest.Wait()
		}
		for want := range 5 {
			if got := <-order; got != want {
				t.Errorf("turn %d went to caller %d", want, got)
			}
		}
	})
}

func TestAdmitOnEndedContext(t *testing.T) {
	t.Parallel()
	b, _ := newBudget(t, 1, true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Admit(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, graphclient.ErrThrottled) {
		t.Errorf("Admit = %v, want the context's own error", err)
	}
	spend(t, b, 1) // the refused caller took nothing
}
