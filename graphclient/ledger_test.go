package graphclient_test

import (
	"context"
	"encoding/json"
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
