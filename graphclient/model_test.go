package graphclient_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"presenced/graphclient"
	"presenced/presence"
)

// TestBudgetFollowsItsModel compares random sequences with the rule as it reads.
func TestBudgetFollowsItsModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			allowed := rapid.IntRange(1, 6).Draw(rt, "allowed")
			b, boot := newBudget(t, allowed, false)
			m := &model{allowed: allowed, boot: boot}
			var flying []*graphclient.Slot
			var record presence.Ledger // what was reserved last
			onRecord := 0              // and how many may have left in all by it
			land := func(end func(*graphclient.Slot), grace time.Duration) {
				if len(flying) == 0 {
					return
				}
				end(flying[0])
				flying = flying[1:]
				m.completed = append(m.completed, time.Now().Add(grace))
			}
			rt.Repeat(map[string]func(*rapid.T){
				"admit": func(rt *rapid.T) {
					want := m.admits(len(flying), time.Now())
					soon := m.admits(len(flying), time.Now().Add(time.Nanosecond)) // the caller waits that long
					slot, err := within(b, time.Nanosecond)
					if (err == nil) != want && want == soon {
						rt.Fatalf("Admit = %v, the model says %v", err, want)
					}
					if err == nil {
						flying = append(flying, slot)
						m.sent++
					} else if !errors.Is(err, graphclient.ErrThrottled) && !errors.Is(err, graphclient.ErrUnpermitted) {
						rt.Fatalf("Admit = %v, want one of its own refusals", err)
					}
				},
				"answer":  func(*rapid.T) { land((*graphclient.Slot).Done, 0) },
				"give up": func(*rapid.T) { land((*graphclient.Slot).Unsure, 2*time.Second) },
				"pass": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.Int64Range(1, int64(12*time.Second)).Draw(rt, "pass")))
				},
				"hold": func(rt *rapid.T) {
					d := time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(rt, "hold"))
					b.Hold(d)
					if until := time.Now().Add(d); until.After(m.held) {
						m.held = until
					}
				},
				"reserve": func(rt *rapid.T) {
					n := rapid.IntRange(0, allowed).Draw(rt, "reserve")
					record = b.Reserve(n)
					onRecord = m.sent + min(n, (allowed+2)/3)
					m.ceiling = min(m.ceiling, onRecord)
				},
				"permit": func(*rapid.T) { // what was reserved last, however long ago
					m.ceiling, m.until = onRecord, boot()+10*time.Second
					b.Permit(record, m.until)
				},
				"charge": func(rt *rapid.T) {
					l := presence.Ledger{
						Completed: rapid.SliceOfN(rapid.IntRange(-1, 3), 0, 40).Draw(rt, "completed"),
						InFlight:  rapid.IntRange(-1, 3).Draw(rt, "inFlight"),
					}
					b.Charge(l, time.Second, 3*time.Second)
					m.charge(l, time.Second, 3*time.Second)
				},
			})
			for _, slot := range flying {
				slot.Done()
			}
		})
	})
}

// timeless hides Deadline, which rapid asks for and a bubble forbids.
type timeless struct{ testing.TB }

// model is the rule of the budget in its plainest form.
type model struct {
	allowed, sent, ceiling int
	completed              []time.Time
	held                   time.Time
	until                  time.Duration
	boot                   func() time.Duration
}

func (m *model) admits(inFlight int, now time.Time) bool {
	count := inFlight
	for _, at := range m.completed {
		if now.Sub(at) < 30100*time.Millisecond {
			count++
		}
	}
	return count < m.allowed && m.sent < m.ceiling && m.boot() < m.until && !now.Before(m.held)
}

func (m *model) charge(l presence.Ledger, aged, settle time.Duration) {
	for age, n := range l.Completed {
		for range n {
			m.completed = append(m.completed, time.Now().Add(-time.Duration(age)*time.Second-aged))
		}
	}
	for range l.InFlight {
		m.completed = append(m.completed, time.Now().Add(settle))
	}
}
