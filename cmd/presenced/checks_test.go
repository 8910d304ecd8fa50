package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"presenced/configs"
	"presenced/presence"
	"presenced/publisher"
	"presenced/worker"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestFreshAndDescribe(t *testing.T) {
	t.Parallel()
	well := worker.Status{
		Owns: true, Epoch: 3, Sweeps: 9, LastSweep: now.Add(-2 * time.Second), Interval: 15 * time.Second,
		Source: presence.SourceUp, Turned: now.Add(-time.Second),
	}
	for name, tc := range map[string]struct {
		change   func(*worker.Status)
		fault    string // "": it is fresh
		describe string
	}{
		"all is well": {func(*worker.Status) {}, "", "owns it in epoch 3, last answered sweep 2s ago, source up"},
		"it stands by": {func(s *worker.Status) { *s = worker.Status{StandsBy: true, Turned: now} },
			"", "stands by"},
		"it acquires": {func(s *worker.Status) { *s = worker.Status{Turned: now} },
			"not loaded yet", "acquiring"},
		"the log cannot be written": {func(s *worker.Status) { s.Trouble = errors.New("no responders") },
			"no responders", "owns it in epoch 3"},
		"no sweep yet": {func(s *worker.Status) {
			s.LastSweep, s.Cause, s.Refusal = time.Time{}, presence.CauseForbidden, errors.New("403: grant Presence.Read.All")
		}, "no sweep got an answer yet: 403: grant Presence.Read.All", "source up: forbidden"},
		"blind": {func(s *worker.Status) {
			s.LastSweep, s.Source, s.Cause, s.Refusal = now.Add(-time.Minute), presence.SourceDown, presence.CauseThrottled, errors.New("429: throttled")
		}, "for 1m0s: 429: throttled", "last answered sweep 1m0s ago, source down: throttled"},
		"some users are not answered": {func(s *worker.Status) { s.Source, s.Cause = presence.SourceDegraded, presence.CauseUnreachable },
			"", "source degraded: unreachable"},
		"it hangs": {func(s *worker.Status) { s.Turned = now.Add(-2 * time.Minute) },
			"hangs", "owns it in epoch 3"},
		"it hangs, standing by": {func(s *worker.Status) {
			*s = worker.Status{StandsBy: true, Turned: now.Add(-2 * time.Minute)}
		}, "hangs", "stands by"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := well
			tc.change(&s)
			got := ""
			if err := fresh(s, now); err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tc.fault) || (got == "") != (tc.fault == "") {
				t.Errorf("fresh = %q, want %q", got, tc.fault)
			}
			if got := describe(s, now); !strings.Contains(got, tc.describe) {
				t.Errorf("describe = %q, want %q", got, tc.describe)
			}
		})
	}
}

// A tenant whom nobody watches yet says what it waits for.
func TestFreshBeforeItBegins(t *testing.T) {
	t.Parallel()
	d := &daemon{}
	waiting := &tenancy{cfg: &configs.Tenant{Name: "demo"}, graph: graph{asked: new(atomic.Pointer[error])}}
	want := func(text string) {
		t.Helper()
		if err := d.fresh(waiting, now); err == nil || err.Error() != text {
			t.Errorf("fresh = %v, want %q", err, text)
		}
	}
	want("waits for the log, which is not open yet")
	d.events.Store(&publisher.Log{})
	want("its users are not known yet")
	refusal := errors.New("nobody is on the roster: check users")
	waiting.graph.asked.Store(&refusal)
	want("its users are not known yet: nobody is on the roster: check users")
	if text := waiting.describe(now); text != "" {
		t.Errorf("describe = %q before it does anything", text)
	}
}

// hungJournal hangs in its first call, whatever its context says.
type hungJournal struct {
	worker.Journal
	let chan struct{}
}

func (j hungJournal) Owner(context.Context) (presence.Owner, error) {
	<-j.let
	return presence.Owner{}, presence.ErrDeposed
}

// Whoever waits lives; only a loop that does not come round is dead.
func TestLiveFailsOfAHangOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		running := &tenancy{cfg: &configs.Tenant{Name: "demo"}}
		d := &daemon{}
		d.tenants.Store(&[]*tenancy{running})
		if err := d.live(); err != nil {
			t.Errorf("live with a tenant whose users are not known = %v", err)
		}
		journal := hungJournal{let: make(chan struct{})}
		hung := worker.New(worker.Config{Tenant: "demo", Boot: bootTime}, nil, nil, journal, nil, zap.NewNop())
		running.worker.Store(hung)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); hung.Run(ctx) }()
		<-time.After(stuckAfter)
		if err := d.live(); err != nil {
			t.Errorf("live after %s = %v, want nil", stuckAfter, err)
		}
		<-time.After(time.Minute)
		if err := d.live(); err == nil || !strings.Contains(err.Error(), "tenant demo: hangs") {
			t.Errorf("live after 2 minutes = %v, want a hang of the tenant", err)
		}
		cancel()
		close(journal.let)
		<-done
		if err := d.live(); err != nil {
			t.Errorf("live after it ended = %v, want nil", err)
		}
	})
}
