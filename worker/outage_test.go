package worker_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
)

var errAway = errors.New("nats is away")

// After an outage of NATS that outlasted two intervals the log says so before it
// says what was seen since, and that we see again after the first whole sweep.
func TestAnOutageOfNATSIsNews(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		length time.Duration
		want   []string // after the first sweep
	}{
		"short": {20 * time.Second, []string{"u0/2 change Busy"}},
		"long":  {5 * time.Minute, []string{"up>down nats", "u0/2 change Busy", "down>up "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				w.start()
				w.after(50 * time.Second) // the next sweep is at a minute
				good := w.observer.swept()
				w.model.cut(errAway)
				w.after(time.Second)
				w.source.set(userID(0), "Busy")
				w.after(tc.length)
				w.model.cut(nil)
				w.after(time.Minute)
				w.stop()
				got := w.model.told()[3:] // two snapshots, up
				for i := range got {
					got[i] = strings.TrimSuffix(got[i], " gap") // the short one may span two intervals by a hair
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("after the outage (-want +got):\n%s", diff)
				}
				if tc.length < time.Minute {
					return
				}
				begun := good[len(good)-1].Started
				if last := w.model.news[1].LastGood; last.Before(begun) || last.After(begun.Add(10*time.Second)) {
					t.Errorf("last good is %s, want in the last sweep, begun %s", last, begun)
				}
			})
		})
	}
}

// What is in the log was answered, also if the sweep that brought it has no news:
// or a log that is slow again and again would look like a Graph that never answers.
func TestTheSweepThatAnOutageCaughtWasAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.config.Random = func() float64 { return 0.5 } // a write is tried again each 5 s in the end
		w.start()
		w.after(58 * time.Second)
		w.source.with(func(s *fakeSource) { s.delay = 8 * time.Second })
		for w.source.underWay() < 1 { // it is asked before the outage and answered in it
			w.after(time.Second)
		}
		w.model.cut(errAway)
		w.after(50 * time.Second)
		w.model.cut(nil)
		ended := time.Now()
		w.after(6 * time.Second) // until it is tried again
		if last := w.tenant.Status().LastSweep; last.Before(ended) {
			t.Errorf("last answered sweep %s before the end of the outage, want its answers in the log after it", ended.Sub(last))
		}
		w.stop()
	})
}

// An outage in the middle of a sweep: what it brought is told, but it does not say
// that we see again.
func TestTheSweepThatAnOutageCaughtSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.config.Chunk = 1
		w.start()
		w.after(14 * time.Second)
		w.source.set(userID(0), "Busy")
		w.source.set(userID(1), "Away")
		w.source.with(func(s *fakeSource) { s.delay = 8 * time.Second })
		for w.source.underWay() < 2 { // both were asked before the outage
			w.after(time.Second)
		}
		w.model.cut(errAway)
		w.after(5 * time.Minute)
		w.model.cut(nil)
		begin := len(w.model.told())
		w.after(8 * time.Second) // the heartbeat goes through
		for _, line := range w.model.told()[begin:] {
			if line == "down>up " {
				t.Errorf("a sweep from before the outage says that we see: %q", w.model.told())
			}
		}
		w.after(time.Minute)
		w.stop()
		got := w.model.told()
		if got[3] != "up>down nats" && got[4] != "up>down nats" || got[len(got)-1] != "down>up " {
			t.Errorf("log = %q, want down and up around what was seen", got)
		}
		if diff := cmp.Diff([]string{">up ", "up>down nats", "down>up "}, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
	})
}

// A refusal that an outage kept from being told does not leave the tenant alone for
// minutes: the next sweep is refused too, and tells it.
func TestARefusalThatAnOutageCaughtIsToldByTheNextSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.source.delay = 8 * time.Second
		w.source.fail = func([]presence.UserID) error {
			return &presence.BlindError{Cause: presence.CauseForbidden, Err: errors.New("Presence.Read.All is missing")}
		}
		w.start()
		for w.source.underWay() < 1 {
			w.after(time.Second)
		}
		w.model.cut(errAway)
		w.after(90 * time.Second)
		w.model.cut(nil)
		w.after(90 * time.Second)
		w.stop()
		if diff := cmp.Diff([]string{">down forbidden"}, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
	})
}

// Whoever owns the tenant afterwards says it; a crash alone is no outage of NATS.
func TestTheNextOwnerTellsOfTheOutage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outage bool
		want   []string
	}{
		"outage": {true, []string{"up>down nats", "u0/2 change Busy gap", "down>up "}},
		"crash":  {false, []string{"u0/2 change Busy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				w.start()
				dead, stopDead := w.journal, w.stop
				w.restart("b")
				w.after(20 * time.Second)
				if tc.outage {
					w.model.cut(errAway)
				}
				dead.failWith(func() error { return errAway })
				w.source.set(userID(0), "Busy")
				if tc.outage {
					w.after(2 * time.Minute)
				}
				w.model.cut(nil)
				w.after(time.Minute)
				if o := w.owner(); o.Replica != "b" {
					t.Errorf("owner = %+v, want b", o)
				}
				w.stop()
				stopDead()
				if diff := cmp.Diff(tc.want, w.model.told()[2:]); diff != "" { // a snapshot, up
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A replica that stood by during an outage, after which the owner went on, has
// nothing to tell when it takes over much later.
func TestAnOutageThatTheOwnerToldIsNotToldTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		stopFirst := w.stop
		w.restart("b")
		b := w.journal
		w.after(20 * time.Second)
		w.model.cut(errAway)
		w.after(5 * time.Minute)
		w.model.mu.Lock()
		b.blind, w.model.away = errAway, nil // it is back for a, and a little later for b
		w.model.mu.Unlock()
		w.after(20 * time.Second)
		w.model.mu.Lock()
		b.blind = nil
		w.model.mu.Unlock()
		w.after(time.Minute)
		stopFirst()
		w.after(time.Minute)
		if o := w.owner(); o.Replica != "b" {
			t.Errorf("owner = %+v, want b", o)
		}
		w.stop()
		if diff := cmp.Diff([]string{">up ", "up>down nats", "down>up "}, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
	})
}

// A replica that alone was cut off has nothing to tell either, however soon the owner
// gives the tenant up after that.
func TestAStandbyThatAloneWasCutOffTellsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		stopFirst := w.stop
		w.restart("b")
		b := w.journal
		w.after(20 * time.Second)
		w.model.mu.Lock()
		b.blind = errAway
		w.model.mu.Unlock()
		w.after(5 * time.Minute)
		w.model.mu.Lock()
		b.blind = nil
		w.model.mu.Unlock()
		w.after(1600 * time.Millisecond) // it has looked once
		stopFirst()
		w.after(time.Minute)
		if o := w.owner(); o.Replica != "b" {
			t.Errorf("owner = %+v, want b", o)
		}
		w.stop()
		if diff := cmp.Diff([]string{">up "}, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
	})
}

// While NATS is away nothing piles up: polling ends, and of each user at most the
// answer that was under way is kept.
func TestAnOutageKeepsOneObservationAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 200)
		w.config.Chunk = 10
		w.start()
		w.after(14 * time.Second)
		_, before := w.source.lastAsked()
		w.model.cut(errAway)
		for i := range 60 { // everybody changes every 10 s
			for _, u := range users(200) {
				w.source.set(u, []string{"Busy", "Away"}[i%2])
			}
			w.after(10 * time.Second)
		}
		last, after := w.source.lastAsked()
		if n := after - before; n > 20 {
			t.Errorf("%d requests during the outage, want those of one sweep at most", n)
		}
		if since := time.Since(last); since < 9*time.Minute {
			t.Errorf("the last request was %s ago", since)
		}
		for _, u := range users(200) {
			w.source.set(u, "Available")
		}
		w.model.cut(nil)
		w.after(time.Minute)
		w.stop()
		perUser := map[string]int{}
		for _, e := range w.model.events {
			perUser[string(e.User)]++
		}
		for u, n := range perUser {
			if n > 3 { // the snapshot, the answer under way, and Available again
				t.Errorf("user %s has %d events", u[:8], n)
			}
		}
	})
}
