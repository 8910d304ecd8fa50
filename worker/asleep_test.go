package worker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"presenced/presence"
)

// A process that was stopped for 20 s, or a machine that slept, asks nothing on
// waking before the log has confirmed that the tenant is still ours. The monotonic
// clock stood still meanwhile; the boot clock did not.
func TestNothingLeavesOnWakingBeforeOwnershipIsProved(t *testing.T) {
	t.Parallel()
	for name, deposed := range map[string]bool{"still the owner": false, "deposed meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, seen := limited(t, 100, 1500)
				w.source.delay = time.Second
				w.start()
				w.after(2 * time.Minute)
				for w.source.underWay() == 0 { // more of the sweep is to come
					w.after(100 * time.Millisecond)
				}
				w.journal.failWith(func() error { return errAway }) // the proof is slow
				w.slept.Add(int64(20 * time.Second))
				woke := time.Now()
				if deposed {
					other := &fakeJournal{tenantModel: w.model, replica: "b"}
					if _, err := other.Acquire(t.Context(), w.owner(), presence.Ledger{}); err != nil {
						t.Fatal(err)
					}
				}
				w.after(5 * time.Second)
				if first := seen.since(woke); !first.IsZero() {
					t.Errorf("a request left %s after waking, without proof", first.Sub(woke))
				}
				w.journal.failWith(nil)
				w.after(12 * time.Second)
				if asked := !seen.since(woke).IsZero(); asked == deposed {
					t.Errorf("polling goes on: %t, want %t", asked, !deposed)
				}
				w.stop()
			})
		})
	}
}

// An owner whose writes are not acked asks nothing past its deadline, even while
// a sweep is under way.
func TestNothingLeavesPastTheOwnerDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := limited(t, 2000, 1500) // the sweep takes minutes
		w.source.delay = time.Second
		w.start()
		w.after(time.Minute)
		w.model.cut(errAway)
		last, _ := w.model.lastWrite()
		w.after(10 * time.Minute)
		if late := seen.since(last.Add(10 * time.Second)); !late.IsZero() {
			t.Errorf("a request left %s after the last acked write", late.Sub(last))
		}
		if late := seen.since(last); late.IsZero() {
			t.Error("nothing was asked after the last acked write: the test shows nothing")
		}
		w.stop()
	})
}
