package main

import (
	"testing"
	"testing/synctest"
	"time"

	"presenced/configs"
	"presenced/graphclient"
)

// Who has ended is remembered for as long as Graph counts its requests or wants a
// pause after them, whichever tenants come and go, and no longer: a tenancy holds a
// roster and a token.
func TestAskersAreForgottenInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		boot := func() time.Duration { return time.Since(begun) }
		asker := func(name, client string) *tenancy {
			budget, err := graphclient.NewBudget(graphclient.BudgetConfig{Requests: 3, Share: 1, Boot: boot})
			if err != nil {
				t.Fatal(err)
			}
			return &tenancy{cfg: &configs.Tenant{Name: name, ClientID: client}, graph: graph{budget: budget}, done: make(chan struct{})}
		}
		asked := func(a *tenancy) {
			a.graph.budget.Permit(a.graph.budget.Reserve(1), boot()+10*time.Second)
			slot, err := a.graph.budget.Admit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slot.Done()
		}
		d := &daemon{askers: map[app][]*tenancy{}}
		busy, held, living := asker("busy", "1"), asker("held", "2"), asker("living", "3")
		for _, a := range []*tenancy{busy, held, living} {
			d.enlist(a)
			asked(a)
		}
		held.graph.budget.Hold(5 * time.Minute)
		close(busy.done)
		close(held.done)
		for _, step := range []struct {
			after             time.Duration
			busy, held, alive int
		}{{29 * time.Second, 1, 1, 1}, {2 * time.Second, 0, 1, 1}, {270 * time.Second, 0, 0, 1}} {
			time.Sleep(step.after)
			other := asker("other", "4")
			d.enlist(other)
			close(other.done)
			if b, h, l := len(d.askers[app{"", "1"}]), len(d.askers[app{"", "2"}]), len(d.askers[app{"", "3"}]); b != step.busy || h != step.held || l != step.alive {
				t.Errorf("after %v: %d, %d and %d are remembered, want %d, %d and %d", boot(), b, h, l, step.busy, step.held, step.alive)
			}
		}
		if renamed := d.enlist(asker("living on", "3")); len(renamed) != 1 || renamed[0] != living {
			t.Errorf("renamed from %v, want the one that lives", renamed)
		}
		if len(d.askers) != 1 {
			t.Errorf("%d apps are remembered, want that one's", len(d.askers))
		}
	})
}
