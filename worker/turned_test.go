package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"presenced/presence"
)

// A watchdog must be able to tell a tenant that waits from one that hangs.
func TestTenantComesRoundWhateverIsAway(t *testing.T) {
	t.Parallel()
	const limit = 20 * time.Second
	for name, prepare := range map[string]func(*world){
		"all is well":      func(*world) {},
		"standing by":      func(w *world) { w.model.owner = presence.Owner{Sequence: 1, Replica: "other"}; w.model.seq = 1 },
		"a slow load":      func(w *world) { w.journal.slow = time.Hour },
		"the log is away":  func(w *world) { w.journal.fail = func() error { return errors.New("no responders") } },
		"Graph hangs":      func(w *world) { w.source.delay = time.Hour },
		"nobody to ask of": func(w *world) { w.source.now = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3)
				prepare(w)
				w.start()
				for range 300 {
					w.after(time.Second)
					if name == "standing by" {
						w.model.mu.Lock()
						w.model.owner.Sequence++ // it lives
						w.model.mu.Unlock()
					}
					if ago := time.Since(w.tenant.Status().Turned); ago > limit {
						t.Fatalf("came round %s ago, want %s at the most", ago, limit)
					}
				}
				w.stop()
				if at := w.tenant.Status().Turned; !at.IsZero() {
					t.Errorf("came round at %s after it ended, want none", at)
				}
			})
		})
	}
}

// hungJournal never comes back from a look at the owner, whatever its context says.
type hungJournal struct {
	*fakeJournal
	let chan struct{}
}

func (j hungJournal) Owner(context.Context) (presence.Owner, error) {
	<-j.let
	return presence.Owner{}, errors.New("let go")
}

func TestTenantThatHangsStopsComingRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		hung := hungJournal{w.journal, make(chan struct{})}
		w.startOn(hung)
		w.after(time.Hour)
		if ago := time.Since(w.tenant.Status().Turned); ago != time.Hour {
			t.Errorf("came round %s ago, want an hour", ago)
		}
		close(hung.let)
		w.stop()
	})
}
