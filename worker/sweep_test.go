package worker_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
)

// A sweep lasts as long as its chunks do: nobody is cut off because the budget is
// slow, and what is due meanwhile is skipped.
func TestASlowSweepReachesEveryone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		w.config.Chunk = 1
		w.source.delay = 2 * time.Second // 16 at a time: two minutes a sweep
		w.start()
		w.after(3 * time.Minute)
		if n := len(w.model.log()); n != 1000 {
			t.Errorf("%d of 1000 users were seen", n)
		}
		if w.source.most > 16 {
			t.Errorf("%d requests at the same time", w.source.most)
		}
		if w.observer.skipped < 7 {
			t.Errorf("%d sweeps were skipped, want those of two minutes", w.observer.skipped)
		}
		w.stop()
	})
}

// One chunk that is always refused stops each sweep; the others still get theirs.
func TestARefusedChunkStarvesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		w.config.Chunk = 1
		w.source.fail = func(ids []presence.UserID) error {
			if ids[0] == userID(3) {
				return &presence.BlindError{Cause: presence.CauseForbidden, Err: errors.New("not this one")}
			}
			return nil
		}
		w.source.delay = time.Second // so that the refusal comes before the rest is asked for
		w.start()
		w.after(20 * time.Minute)
		w.stop()
		if n := len(w.model.log()); n != 99 {
			t.Errorf("%d of 99 users were seen", n)
		}
	})
}

// A chunk without room in the budget is first in the next sweep.
func TestAThrottledChunkIsFirstNextTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 40)
		w.config.Chunk = 1
		room := 0
		w.source.fail = func([]presence.UserID) error {
			w.source.mu.Lock()
			defer w.source.mu.Unlock()
			if room == 0 {
				return &presence.BlindError{Cause: presence.CauseThrottled, Err: errors.New("no room")}
			}
			room--
			return nil
		}
		w.source.delay = time.Second // in order
		for range 8 {
			w.source.with(func(*fakeSource) { room = 10 })
			if w.stop == nil {
				w.start()
			}
			w.after(15 * time.Second)
		}
		w.stop()
		if n := len(w.model.log()); n != 40 {
			t.Errorf("%d of 40 users were seen", n)
		}
	})
}

// A sweep that a stop cuts short says nothing of what we can see: not up, because
// it did not look at everybody, and not down, because it was called off.
func TestAStopInMidSweepSaysNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delay time.Duration
		want  []string // news before the stop
	}{
		"before the first answer": {time.Hour, nil},
		"half way":                {300 * time.Millisecond, nil},
		"while others wait":       {time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 100)
				w.config.Chunk = 1
				w.source.delay = tc.delay
				w.start()
				w.after(time.Second)
				if err := w.stop(); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tc.want, w.model.said()); diff != "" {
					t.Errorf("news (-want +got):\n%s", diff)
				}
				if n := len(w.observer.swept()); n != 0 {
					t.Errorf("%d sweeps are told as done, want none", n)
				}
				if !w.owner().Released {
					t.Error("the tenant was not given up")
				}
			})
		})
	}
}

// How often a user was unknown in a row is not handed over: it only takes longer
// until it is believed, and nothing is made up meanwhile.
func TestUnknownIsCountedAnewAfterAHandOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		w.source.set(userID(0), presence.Unknown)
		w.after(31 * time.Second) // two sweeps say so
		w.stop()
		w.restart("b")
		w.after(20 * time.Second) // and two more
		w.source.set(userID(0), "Available")
		w.after(time.Minute)
		w.source.set(userID(0), presence.Unknown)
		w.after(31 * time.Second)
		w.stop()
		w.restart("c")
		w.after(time.Minute)
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u0/2 change PresenceUnknown gap")
	})
}

// What comes back after a deposition is nobody's business any more, and nothing
// leaves past the owner deadline.
func TestADeposedOwnerDropsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		w.source.set(userID(0), "Busy")
		w.source.with(func(s *fakeSource) { s.delay = 5 * time.Second })
		for w.source.underWay() == 0 {
			w.after(100 * time.Millisecond)
		}
		other := &fakeJournal{tenantModel: w.model, replica: "b"}
		if _, err := other.Acquire(t.Context(), w.owner(), presence.Ledger{}); err != nil {
			t.Fatal(err)
		}
		deposed := time.Now()
		for range 10 {
			w.after(3 * time.Second)
			if err := other.Append(t.Context(), presence.Batch{Summary: w.owner().Summary}); err != nil {
				t.Fatal(err)
			}
		}
		wantLog(t, w, "u0/1 snapshot Available")
		w.source.with(func(s *fakeSource) {
			if late := slices.IndexFunc(s.asked, func(at time.Time) bool { return at.After(deposed.Add(10 * time.Second)) }); late >= 0 {
				t.Errorf("a request left %s after the deposition", s.asked[late].Sub(deposed))
			}
		})
		w.stop()
	})
}
