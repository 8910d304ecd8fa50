package graphsim_test

import (
	"testing"
	"time"

	"presenced/graphsim"
)

func TestClock(t *testing.T) {
	t.Parallel()
	clock := newClock()
	sim := newSim(t, graphsim.Config{Users: 30, Speed: 60, Frozen: true, Now: clock.Now})
	begin := sim.Simulated()
	before := looks(sim)
	clock.advance(time.Hour)
	if !sim.Simulated().Equal(begin) {
		t.Errorf("frozen clock went to %v", sim.Simulated())
	}
	sim.Advance(90 * time.Minute)
	sim.Advance(-time.Hour)
	if got := sim.Simulated().Sub(begin); got != 90*time.Minute {
		t.Errorf("advanced by %v, want 90m", got)
	}
	jumped := clock.Now()
	changed := 0
	for id, p := range looks(sim) {
		if p != before[id] {
			changed++
			if now, _ := sim.Presence(id); !now.Since.Equal(jumped) {
				t.Errorf("%s changed during the jump at %v, says since %v", id, jumped, now.Since)
			}
		}
	}
	if changed == 0 {
		t.Error("nobody changed in 90 minutes")
	}
	sim.Freeze(false)
	sim.Freeze(false)
	clock.advance(time.Second)
	if got := sim.Simulated().Sub(begin); got != 91*time.Minute {
		t.Errorf("a second after going on: %v, want 91m", got)
	}
	sim.Freeze(true)
	clock.advance(time.Hour)
	if got := sim.Simulated().Sub(begin); got != 91*time.Minute {
		t.Errorf("frozen again: %v, want 91m", got)
	}
}

func TestNightsAreSkipped(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, start string
		passed      time.Duration // simulated
		want        string
	}{
		{"within a day", "2026-03-03T09:30:00Z", 2 * time.Hour, "2026-03-03T11:30:00Z"},
		{"over a night", "2026-03-03T17:30:00Z", time.Hour, "2026-03-04T08:00:00Z"},
		{"to the end of a day", "2026-03-03T17:30:00Z", 30 * time.Minute, "2026-03-04T07:30:00Z"},
		{"over a weekend", "2026-03-06T17:00:00Z", 2 * time.Hour, "2026-03-09T08:30:00Z"},
		{"from a Sunday", "2026-03-08T12:00:00Z", time.Minute, "2026-03-09T07:31:00Z"},
		{"from a night", "2026-03-03T23:00:00Z", 0, "2026-03-04T07:30:00Z"},
		{"a week", "2026-03-03T09:30:00Z", 5 * (10*time.Hour + 30*time.Minute), "2026-03-10T09:30:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			begin, err := time.Parse(time.RFC3339, test.start)
			if err != nil {
				t.Fatal(err)
			}
			sim := newSim(t, graphsim.Config{Users: 20, Speed: 60, Start: begin, SkipNights: true, Now: clock.Now})
			clock.advance(test.passed / 60)
			if got := sim.Simulated().Format(time.RFC3339); got != test.want {
				t.Errorf("= %s, want %s", got, test.want)
			}
			for _, id := range sim.UserIDs() {
				if p, _ := sim.Presence(id); p.Since.After(clock.Now()) {
					t.Errorf("%s: since %v, which is after %v", id, p.Since, clock.Now())
				}
			}
		})
	}
}
