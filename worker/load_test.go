package worker_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"presenced/presence"
)

// A load that fails at once is paced, and does not use up an epoch a try.
func TestAFailingLoadIsPaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		broken := errors.New("no right to make a consumer")
		w.journal.broken = func() error { return broken }
		w.start()
		w.after(5 * time.Second)
		if got := w.tenant.Status().Trouble; !errors.Is(got, broken) {
			t.Errorf("status says %v, want why the state cannot be loaded", got)
		}
		if o := w.owner(); o.Epoch != 1 || o.Released {
			t.Errorf("owner after 5 s is %+v, want still the first epoch", o)
		}
		w.after(10 * time.Minute)
		if n := w.journal.loads; n > 200 {
			t.Errorf("%d loads in 10 minutes", n)
		}
		if e := w.owner().Epoch; e > 15 {
			t.Errorf("%d epochs in 10 minutes", e)
		}
		w.journal.failLoads(nil)
		w.after(3 * time.Minute)
		wantLog(t, w, "u0/1 snapshot Available")
		if got := w.tenant.Status().Trouble; got != nil {
			t.Errorf("status says %v though all is well", got)
		}
		w.stop()
	})
}

// What one replica cannot load another may: the tenant is given up after a while.
func TestAnotherReplicaMayLoadWhatThisOneCannot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.journal.broken = func() error { return errors.New("no right to make a consumer") }
		w.start()
		w.after(time.Second)
		stopped := w.stop
		w.restart("b")
		w.after(90 * time.Second)
		if o := w.owner(); o.Replica != "b" || o.Released {
			t.Errorf("owner = %+v, want b", o)
		}
		wantLog(t, w, "u0/1 snapshot Available")
		w.stop()
		stopped()
	})
}

// A stop during a load gives the tenant up.
func TestAStopDuringALoadReleases(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*fakeJournal){
		"slow":    func(j *fakeJournal) { j.slow = time.Hour },
		"failing": func(j *fakeJournal) { j.broken = func() error { return errors.New("no") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				prepare(w.journal)
				w.start()
				w.after(10 * time.Second)
				begin := time.Now()
				if err := w.stop(); err != nil || time.Since(begin) > time.Second {
					t.Errorf("stop = %v after %s", err, time.Since(begin))
				}
				if !w.owner().Released {
					t.Error("the tenant was not given up")
				}
			})
		})
	}
}

func TestAPanickingLoadEndsTheProcessLikeAnyOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.journal.broken = func() error { var none *presence.Event; return errors.New(string(none.Kind)) }
		w.start()
		w.after(time.Minute)
		if err := w.stop(); err == nil {
			t.Error("Run = nil, want the panics")
		}
	})
}

// A stop that comes while the reply to an acquire is under way: the tenant is ours
// in the log, and is given up like any other.
func TestAStopInMidAcquireGivesTheTenantUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.journal.ack = 500 * time.Millisecond
		w.start()
		w.after(100 * time.Millisecond)
		w.stop()
		if o := w.owner(); o.Epoch != 1 || !o.Released {
			t.Errorf("the log has epoch %d, released %t; want epoch 1, released", o.Epoch, o.Released)
		}
	})
}
