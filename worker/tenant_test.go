package worker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
)

func wantLog(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.model.log()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestFirstSweepIsAtStartAndChangesFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.start()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available")
		w.source.set(userID(1), "Busy")
		w.after(16 * time.Second)
		w.after(15 * time.Second)
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available", "u1/2 change Busy")
		w.stop()
	})
}

func TestUnchangedUsersWriteNothingButHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		w.start()
		before := len(w.model.log())
		w.after(10 * time.Minute)
		w.stop()
		if n := len(w.model.log()); n != before {
			t.Errorf("%d events for nobody's change", n-before)
		}
		if _, writes := w.model.lastWrite(); writes > 200+5 { // one heartbeat in 3 s
			t.Errorf("%d writes in 10 quiet minutes", writes)
		}
	})
}

func TestRestartDiffsAgainstTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.start()
		w.stop()
		w.source.set(userID(2), "Away")
		w.after(time.Hour)
		w.restart("b")
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available", "u2/1 snapshot Available", "u2/2 change Away gap")
		if e := w.model.events[3]; !e.Observed.NotBefore.Before(e.Observed.At.Add(-59 * time.Minute)) {
			t.Errorf("observed = %+v, want a span of about an hour", e.Observed)
		}
	})
}

func TestWhoLeftTheRosterLeavesTheTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.start()
		w.stop()
		w.config.Users = users(1)
		w.restart("b")
		w.stop()
		w.config.Users = users(2)
		w.restart("c")
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available", "u1/2 left", "u1/3 snapshot Available")
	})
}

func TestUnknownIsBelievedAfterThreeSweeps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sweeps []string // what u0 is answered, sweep by sweep; empty: nothing
		want   []string
	}{
		"a flicker is nothing": {[]string{presence.Unknown, presence.Unknown, "Available"}, nil},
		"it lasts":             {[]string{presence.Unknown, presence.Unknown, presence.Unknown}, []string{"u0/2 change PresenceUnknown gap"}},
		"no answer is no step": {[]string{presence.Unknown, "", presence.Unknown, "", "Available"}, nil},
		"and back":             {[]string{presence.Unknown, presence.Unknown, presence.Unknown, "Available"}, []string{"u0/2 change PresenceUnknown gap", "u0/3 change Available"}},
		"known in between":     {[]string{presence.Unknown, presence.Unknown, "Busy", presence.Unknown, presence.Unknown}, []string{"u0/2 change Busy gap"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				w.start()
				for _, word := range tc.sweeps {
					w.source.set(userID(0), word)
					n := len(w.observer.swept())
					for len(w.observer.swept()) == n {
						w.after(time.Second)
					}
				}
				w.stop()
				wantLog(t, w, append([]string{"u0/1 snapshot Available"}, tc.want...)...)
			})
		})
	}
}

func TestNoAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.start()
		w.source.set(userID(1), "")
		w.after(5 * time.Minute)
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available")
		if got := w.observer.swept()[5].Unanswered; got != 1 {
			t.Errorf("unanswered = %d, want 1", got)
		}
	})
}

func TestOlderAnswersAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.source.seq[userID(0)] = "A0000000005"
		w.start()
		w.source.with(func(s *fakeSource) { s.seq[userID(0)] = "A0000000004" })
		w.source.set(userID(0), "Busy")
		w.after(time.Minute)
		wantLog(t, w, "u0/1 snapshot Available")
		w.source.with(func(s *fakeSource) { s.seq[userID(0)] = "A0000000006" })
		w.after(time.Minute)
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u0/2 change Busy gap")
	})
}

func TestSweepsNeverOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.source.delay = 20 * time.Second
		w.start()
		w.after(5 * time.Minute)
		w.stop()
		if w.source.most != 1 {
			t.Errorf("%d sweeps at the same time", w.source.most)
		}
		if w.observer.skipped == 0 {
			t.Error("no sweep was skipped, though each takes longer than the interval")
		}
	})
}

func TestFailedAppendIsTriedAgainAndNothingIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		down := errors.New("nats is away")
		w.journal.failWith(func() error { return down })
		w.source.set(userID(0), "Busy")
		w.after(10 * time.Minute)
		if got := w.tenant.Status().Trouble; !errors.Is(got, down) {
			t.Errorf("status says %v while the log cannot be written", got)
		}
		last, _ := w.source.lastAsked()
		if since := time.Since(last); since < 9*time.Minute {
			t.Errorf("Graph was still asked %s after the log went away, beyond the owner deadline", 10*time.Minute-since)
		}
		w.journal.failWith(nil)
		w.after(time.Minute)
		if got := w.tenant.Status().Trouble; got != nil {
			t.Errorf("status says %v though the log is back", got)
		}
		w.stop()
		got := w.model.log()
		if len(got) != 2 || !strings.HasPrefix(got[1], "u0/2 change Busy") {
			t.Errorf("log = %q, want one change", got)
		}
	})
}

func TestDeposedOwnerStopsAndStandsBy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.start()
		other := &fakeJournal{tenantModel: w.model, replica: "b"}
		if _, err := other.Acquire(t.Context(), w.owner(), presence.Ledger{}); err != nil {
			t.Fatal(err)
		}
		_, asked := w.source.lastAsked()
		w.source.set(userID(0), "Busy")
		for range 20 { // b is alive
			w.after(3 * time.Second)
			if err := other.Append(t.Context(), presence.Batch{Summary: w.owner().Summary}); err != nil {
				t.Fatal(err)
			}
		}
		if _, n := w.source.lastAsked(); n > asked+1 {
			t.Errorf("the deposed owner asked Graph %d times", n-asked)
		}
		wantLog(t, w, "u0/1 snapshot Available")
		w.after(20 * time.Second) // b is dead
		w.stop()
		if o := w.owner(); o.Replica != "a" || o.Epoch != 3 {
			t.Errorf("owner = %s in epoch %d, want a back in epoch 3", o.Replica, o.Epoch)
		}
		got := w.model.log()
		if len(got) != 2 || !strings.HasPrefix(got[1], "u0/2 change Busy") {
			t.Errorf("log = %q, want one change", got)
		}
	})
}

func TestTakeOverTimes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		owner    presence.Owner
		embedded bool
		want     time.Duration // until our first request; a second of polling on top
		settle   time.Duration
	}{
		"nobody":               {presence.Owner{}, false, 0, 0},
		"released":             {presence.Owner{Sequence: 7, Replica: "z", Epoch: 4, Released: true}, false, 0, 2 * time.Second},
		"released in a hurry":  {presence.Owner{Sequence: 7, Replica: "z", Epoch: 4, Released: true, Ledger: presence.Ledger{InFlight: 1}}, false, 0, 22 * time.Second},
		"dead":                 {presence.Owner{Sequence: 7, Replica: "z", Epoch: 4}, false, 15 * time.Second, 17 * time.Second},
		"died with the server": {presence.Owner{Sequence: 7, Replica: "z", Epoch: 4, Embedded: true}, true, 0, 2 * time.Second},
		"embedded elsewhere":   {presence.Owner{Sequence: 7, Replica: "z", Epoch: 4, Embedded: true}, false, 15 * time.Second, 17 * time.Second},
		"unreadable":           {presence.Owner{Sequence: 7, Epoch: 7}, false, 15 * time.Second, 17 * time.Second},
		"lost with the log":    {presence.Owner{Embedded: true, Ledger: presence.Ledger{Reserved: 1 << 30}}, true, 0, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				w.model.owner, w.model.seq = tc.owner, tc.owner.Sequence
				w.config.Embedded = tc.embedded
				begin := time.Now()
				w.start()
				w.after(40 * time.Second)
				w.stop()
				if got := w.source.asked[0].Sub(begin); got < tc.want || got > tc.want+2*time.Second {
					t.Errorf("first request after %s, want %s", got, tc.want)
				}
				if o := w.owner(); o.Epoch != tc.owner.Epoch+1 {
					t.Errorf("epoch %d, want %d", o.Epoch, tc.owner.Epoch+1)
				}
				if tc.settle == 0 {
					return
				}
				if got := w.budget.settles[0]; got < tc.settle-2*time.Second || got > tc.settle {
					t.Errorf("predecessor's requests settle after %s, want about %s", got, tc.settle)
				}
				if tc.owner.Replica == "" && w.budget.charges[0].Reserved < 1500 {
					t.Errorf("an unreadable ledger charged %+v, want the whole limit", w.budget.charges[0])
				}
			})
		})
	}
}

func TestSlowLoadKeepsTheTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.journal.slow = time.Minute
		w.start()
		for range 19 {
			w.after(3 * time.Second)
			if last, _ := w.model.lastWrite(); time.Since(last) > 4*time.Second {
				t.Fatalf("owner message is %s old while loading", time.Since(last))
			}
		}
		w.after(10 * time.Second)
		wantLog(t, w, "u0/1 snapshot Available")
		w.stop()
	})
}

func TestDamagedStateIsSaidAloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.start()
		w.source.set(userID(0), "Busy")
		w.after(31 * time.Second)
		w.stop()
		w.journal = &fakeJournal{tenantModel: w.model, replica: "b", damage: func(m map[presence.UserID]presence.State) { delete(m, userID(1)) }}
		w.config.Replica = "b"
		w.config.Users = users(3)
		w.source.set(userID(2), "Away")
		w.start()
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available", "u0/2 change Busy",
			"u0/4 state_lost Busy", "u1/4 state_lost Available", "u2/4 state_lost Away")
		if slices.Index(w.observer.intact, false) < 0 {
			t.Error("nobody was told of the damage")
		}
	})
}

// A successor counts what is reserved as used: a small roster reserves little, so
// that a few crashes in a row do not use up the limit.
func TestReservesWhatItsSweepsNeed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ users, chunk, want int }{
		"one chunk":        {250, 650, 1 + 2},
		"16 chunks":        {10_000, 650, 16 + 8},
		"one user a chunk": {10_000, 1, 400}, // the budget's own bound
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.users)
				w.config.Chunk = tc.chunk
				w.start()
				w.after(10 * time.Second)
				got := w.owner().Ledger.Reserved
				w.stop()
				if got != tc.want {
					t.Errorf("reserved = %d, want %d", got, tc.want)
				}
			})
		})
	}
}

// After damage the log adds up again: it is said once, and later starts are quiet,
// also about those who left before or get no answer.
func TestDamageIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.start()
		w.stop()
		w.config.Users = users(3) // u3 leaves before the damage
		w.restart("b")
		w.stop()
		w.config.Users = users(2)   // u2 leaves at it
		w.source.set(userID(1), "") // u1 gets no answer
		w.journal = &fakeJournal{tenantModel: w.model, replica: "c", damage: func(m map[presence.UserID]presence.State) {}}
		w.config.Replica = "c"
		w.start()
		w.stop()
		w.restart("d")
		w.source.set(userID(1), "Away")
		w.after(time.Minute)
		w.stop()
		w.restart("e")
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available", "u1/1 snapshot Available", "u2/1 snapshot Available", "u3/1 snapshot Available",
			"u3/2 left", "u2/4 left", "u0/4 state_lost Available", "u1/4 state_lost Away")
		if diff := cmp.Diff([]bool{true, true, false, true, true}, w.observer.intact); diff != "" {
			t.Errorf("intact (-want +got):\n%s", diff)
		}
	})
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.source.delay = 500 * time.Millisecond
		w.start() // the first request is under way
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available")
		if o := w.owner(); !o.Released || o.Ledger.Reserved != 0 {
			t.Errorf("owner = %+v, want released with nothing reserved", o)
		}
	})
}

func TestStopDoesNotWaitForAHungGraph(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.source.delay = time.Hour
		w.start()
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("stop took %s", took)
		}
		if !w.owner().Released {
			t.Error("the tenant was not given up")
		}
	})
}

func TestRefusalStopsTheTenantForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2000)
		w.source.fail = func([]presence.UserID) error {
			return &presence.BlindError{Cause: presence.CauseForbidden, Err: errors.New("Presence.Read.All is missing")}
		}
		w.start()
		w.after(4 * time.Minute)
		if _, n := w.source.lastAsked(); n > 4 {
			t.Errorf("asked %d times in spite of the refusal", n)
		}
		if news := w.model.said(); len(news) != 1 || news[0] != ">down forbidden" {
			t.Errorf("news = %q, want one: down, forbidden", news)
		}
		w.source.with(func(s *fakeSource) { s.fail = nil })
		w.after(2 * time.Minute)
		w.stop()
		if n := len(w.model.log()); n != 2000 {
			t.Errorf("%d events after the permission was granted, want 2000", n)
		}
	})
}

func TestBlindnessIsNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1300) // two chunks
		w.start()
		w.after(time.Minute)
		fail := func(n int) func([]presence.UserID) error {
			return func(ids []presence.UserID) error {
				if ids[0] >= userID(n) {
					return &presence.BlindError{Cause: presence.CauseUnreachable, Err: errors.New("502")}
				}
				return nil
			}
		}
		w.source.with(func(s *fakeSource) { s.fail = fail(650) })
		w.after(time.Minute)
		w.source.with(func(s *fakeSource) { s.fail = fail(0) })
		w.after(time.Minute)
		w.source.with(func(s *fakeSource) { s.fail = nil })
		w.after(time.Minute)
		w.stop()
		want := []string{">up ", "up>degraded unreachable", "degraded>down unreachable", "down>up "}
		if diff := cmp.Diff(want, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
		if n := len(w.model.log()); n != 1300 {
			t.Errorf("%d events, want the 1300 snapshots only", n)
		}
	})
}

// Answers in which nobody is are no sight of the tenant, whatever their status says.
func TestAnswersWithoutAnybodyAreBlindness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.source.set(userID(0), "")
		w.source.set(userID(1), "")
		w.start()
		w.after(time.Minute)
		if s := w.tenant.Status(); !s.LastSweep.IsZero() || s.Refusal == nil || s.Source != presence.SourceDown {
			t.Errorf("status %+v, want no answered sweep, and why", s)
		}
		if n := w.lines.FilterMessage("no answer from Graph").Len(); n != 1 {
			t.Errorf("said %d times in the log, want once", n)
		}
		w.source.set(userID(1), "Busy") // one of two is enough
		w.after(time.Minute)
		if s := w.tenant.Status(); s.LastSweep.IsZero() || s.Refusal != nil || s.Source != presence.SourceUp {
			t.Errorf("status %+v, want an answered sweep", s)
		}
		w.stop()
		if diff := cmp.Diff([]string{">down unreachable", "down>up "}, w.model.said()); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
	})
}

func TestManyChangesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10_000)
		w.start()
		for _, u := range users(10_000) {
			w.source.set(u, "Busy")
		}
		w.after(30 * time.Second)
		w.stop()
		if n := len(w.model.log()); n != 20_000 {
			t.Errorf("%d events, want 20000", n)
		}
		revisions := map[presence.UserID]uint64{}
		for _, e := range w.model.events {
			if e.Revision != revisions[e.User]+1 {
				t.Fatalf("revision %d of a user follows %d", e.Revision, revisions[e.User])
			}
			revisions[e.User] = e.Revision
		}
	})
}

func TestAPanicLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		boom := true
		w.journal.fail = func() error {
			if boom {
				boom = false
				panic("boom")
			}
			return nil
		}
		w.start()
		w.after(time.Minute)
		w.stop()
		wantLog(t, w, "u0/1 snapshot Available")
	})
}
