package graphclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

func TestLedgerCountsByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBudget(t, 10, true)
		spend(t, b, 2)
		time.Sleep(2500 * time.Millisecond)
		spend(t, b, 1)
		flying, _ := b.Admit(context.Background())
		lost, _ := b.Admit(context.Background())
		lost.Unsure() // may arrive yet: in flight for a successor
		l := b.Ledger()
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(text), `{"completed":[1,0,2],"inFlight":2,"reserved":4}`; got != want {
			t.Errorf("ledger = %s, want %s", got, want)
		}
		if l.Sent != 5 {
			t.Errorf("Sent = %d, want 5", l.Sent)
		}
		if got := b.Used(); got != 0.5 {
			t.Errorf("Used = %v, want 0.5", got)
		}
		flying.Done()
		time.Sleep(33 * time.Second)
		if got := b.Used(); got != 0 {
			t.Errorf("Used after the window = %v, want 0", got)
		}
	})
}

func TestChargeWaitsForThePredecessor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ledger presence.Ledger
		aged   time.Duration
		room   time.Duration // for the first request
	}{
		"nothing":           {presence.Ledger{}, 0, 0},
		"room left":         {presence.Ledger{Completed: []int{3}, InFlight: 3, Reserved: 3}, 0, 0},
		"all completed now": {presence.Ledger{Completed: []int{10}}, 0, 30100 * time.Millisecond},
		"completed 12.x ago": {
			presence.Ledger{Completed: []int{12: 10}}, 0, 18100 * time.Millisecond,
		},
		"half of it earlier":  {presence.Ledger{Completed: []int{0: 5, 20: 5}}, 0, 10100 * time.Millisecond},
		"and 15 s on record":  {presence.Ledger{Completed: []int{12: 10}}, 15 * time.Second, 3100 * time.Millisecond},
		"long ago":            {presence.Ledger{Completed: []int{20: 10}}, 15 * time.Second, 0},
		"in flight, reserved": {presence.Ledger{InFlight: 6, Reserved: 4}, 15 * time.Second, 52100 * time.Millisecond},
		"nonsense":            {presence.Ledger{Completed: []int{-5, -1}, InFlight: -7, Reserved: -9}, -time.Hour, 0},
		"far too many": {
			presence.Ledger{Completed: []int{1 << 40, 1 << 50}, InFlight: 1 << 40, Reserved: 1 << 60}, 0, 52100 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				text, err := json.Marshal(tc.ledger) // the way it takes through the log
				if err != nil {
					t.Fatal(err)
				}
				var ledger presence.Ledger
				if err := json.Unmarshal(text, &ledger); err != nil {
					t.Fatal(err)
				}
				b, _ := newBudget(t, 10, true)
				start := time.Now()
				b.Charge(ledger, tc.aged, 22*time.Second)
				spend(t, b, 1)
				if took := time.Since(start); took != tc.room {
					t.Errorf("room after %v, want %v", took, tc.room)
				}
			})
		})
	}
}

func BenchmarkAdmit(b *testing.B) {
	budget, err := graphclient.NewBudget(graphclient.BudgetConfig{
		Requests: 1500, Per: time.Microsecond, Boot: func() time.Duration { return 1 },
	})
	if err != nil {
		b.Fatal(err)
	}
	budget.Permit(presence.Ledger{Reserved: 1 << 60}, 2)
	graphclient.ExportWindow(budget, time.Millisecond)
	b.ReportAllocs()
	for b.Loop() {
		slot, err := budget.Admit(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		slot.Done()
	}
}

func BenchmarkLedger(b *testing.B) {
	budget, _ := newBudget(b, 1500, true)
	spend(b, budget, 1200)
	b.ReportAllocs()
	for b.Loop() {
		budget.Ledger()
	}
}

// A pause that Graph asked for is on record, and goes on for a successor, from when
// the record was made and for a quarter of an hour at most.
func TestLedgerHandsAPauseOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, _ := newBudget(t, 10, true)
		old.Hold(90*time.Second + time.Millisecond)
		l := old.Reserve(1)
		if l.Held != 91 {
			t.Errorf("held for %d s on record, want 91", l.Held)
		}
		for _, tc := range []struct {
			held  int
			aged  time.Duration
			after time.Duration
		}{{91, 30 * time.Second, 61 * time.Second}, {91, time.Hour, 0}, {1 << 40, 0, 15 * time.Minute}, {-5, 0, 0}} {
			next, boot := newBudget(t, 10, true)
			next.Charge(presence.Ledger{Held: tc.held}, tc.aged, 0)
			next.Permit(next.Reserve(1), boot()+time.Hour)
			begin := time.Now()
			if _, err := next.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(begin); got != tc.after {
				t.Errorf("%+v: the first request leaves after %v", tc, got)
			}
		}
	})
}

// What is reserved for the next record binds at once; a permit for more only when
// the log has it.
func TestReserveBindsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, boot := newBudget(t, 30, true)
		spend(t, b, 3)
		l := b.Reserve(2)
		if l.Sent != 3 || l.Reserved != 2 {
			t.Fatalf("Reserve(2) = %+v, want 3 sent and 2 reserved", l)
		}
		spend(t, b, 2)
		if _, err := within(b, time.Second); !errors.Is(err, graphclient.ErrUnpermitted) {
			t.Errorf("a third one: %v, want ErrUnpermitted", err)
		}
		b.Permit(b.Reserve(1), boot()+10*time.Second)
		spend(t, b, 1)
		if l := b.Reserve(1000); l.Reserved != 10 {
			t.Errorf("reserved %d, want no more than full use needs, 10", l.Reserved)
		}
	})
}
