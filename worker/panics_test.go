package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
	"presenced/worker"
)

// explosive is a source that panics as often as it is told.
type explosive struct {
	*fakeSource
	left  atomic.Int32
	value any
}

func (s *explosive) Presences(ctx context.Context, ids []presence.UserID) ([]presence.Answer, error) {
	if s.left.Add(-1) >= 0 {
		panic(s.value)
	}
	return s.fakeSource.Presences(ctx, ids)
}

// run runs tenants on fake sources; the first one's panics.
func (w *world) run(sources ...worker.Source) (stop func() error, others []*tenantModel) {
	w.t.Helper()
	core, lines := observerCore()
	w.lines = lines
	var tenants []*worker.Tenant
	for i, s := range sources {
		cfg := w.config
		cfg.Tenant = fmt.Sprintf("tenant-%d", i)
		model := &tenantModel{}
		others = append(others, model)
		tenants = append(tenants, worker.New(cfg, s, &fakeBudget{boot: w.boot}, &fakeJournal{tenantModel: model, replica: cfg.Replica}, w.observer, zap.New(core)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx, tenants) }()
	synctest.Wait()
	return func() error { cancel(); return <-done }, others
}

func TestAPanicWhileAskingLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		bad := &explosive{fakeSource: newSource(3, "Available"), value: errors.New("user " + string(userID(1)) + " is Busy")}
		bad.left.Store(2)
		stop, models := w.run(bad, newSource(3, "Away"))
		w.after(5 * time.Minute)
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil: two panics are no reason to end", err)
		}
		for i, m := range models {
			if n := len(m.log()); n != 3 {
				t.Errorf("tenant %d has %d events, want 3", i, n)
			}
			if !m.owner.Released {
				t.Errorf("tenant %d was not given up at the end", i)
			}
		}
		if n := w.lines.FilterMessage("panic").Len(); n != 2 {
			t.Errorf("%d panics in the log, want 2", n)
		}
		for _, e := range w.lines.All() {
			if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, string(userID(1))) || strings.Contains(line, "Busy") {
				t.Errorf("the log gives away what the panic was about: %s", line)
			}
		}
	})
}

func TestThreePanicsInAMinuteEndTheProcess(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"of ours": "a secret word", "of the runtime": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3)
				bad := &explosive{fakeSource: newSource(3, "Available"), value: value}
				bad.left.Store(100)
				begin := time.Now()
				stop, models := w.run(bad, newSource(3, "Away"))
				w.after(time.Minute)
				err := stop()
				if err == nil || !strings.Contains(err.Error(), "tenant-0: 3 panics within 1m0s") || strings.Contains(err.Error(), "secret") {
					t.Errorf("Run = %v, want it to name the tenant and its panics", err)
				}
				if left := bad.left.Load(); left != 97 {
					t.Errorf("%d panics, want 3", 100-left)
				}
				if !models[1].owner.Released {
					t.Error("the other tenant was not given up")
				}
				if since := models[1].times[len(models[1].times)-1].Sub(begin); since > time.Minute {
					t.Errorf("it ended after %s", since)
				}
			})
		})
	}
}

// Panics far apart are counted, no more.
func TestRarePanicsAreSurvived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		bad := &explosive{fakeSource: newSource(1, "Available"), value: "boom"}
		stop, _ := w.run(bad)
		for range 10 {
			w.after(time.Minute)
			bad.left.Store(1)
		}
		w.after(time.Minute)
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}
