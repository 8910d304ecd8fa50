package chaos_test

import (
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
	"presenced/presence"
)

// TestAllChangeAtOnce changes 10,000 users between two sweeps, once under a daemon
// that runs and once while there is none. It is not parallel, because it measures.
func TestAllChangeAtOnce(t *testing.T) {
	n := frozenTenant(t, 10_000)
	first := n.start(t)
	first.awaitSweeps(1)
	n.pin(t, n.UserIDs(), "Busy")
	first.awaitSweeps(first.swept() + 2) // the first of them may have begun before
	first.kill()

	n.pin(t, n.UserIDs(), "Away")
	second := n.start(t)
	second.await("answers", func() bool { return second.front.answers() >= n.chunks() })
	second.stop() // in the middle of it

	s := read(t, n.store)
	for word, when := range map[string]string{"Busy": "under a daemon that runs", "Away": "while there is none"} {
		events, delay := s.since(n.Served(), word)
		if events != 10_000 || delay > time.Minute { // the figure is what it prints; a disk that stalls is not our fault
			t.Errorf("all change %s: %d change events, the last one %v after the last answer; want 10000 within a minute", when, events, delay)
		}
		t.Logf("10,000 users change %s: %d events, the last one stored %v after the last answer was served", when, events, delay.Round(time.Millisecond))
	}
}

// since counts the changes to word, and how long after the last of those answers
// was first served the last of the events was stored.
func (s story) since(served map[string][]graphsim.Run, word string) (events int, delay time.Duration) {
	var answered, stored time.Time
	for _, runs := range served {
		for _, r := range runs {
			if strings.EqualFold(r.Availability, word) && r.First.After(answered) {
				answered = r.First
			}
		}
	}
	for _, e := range s.Entries {
		if e.Event.Kind == presence.KindChange && e.Event.After.Availability == word {
			events++
			stored = e.Stored
		}
	}
	return events, stored.Sub(answered)
}
