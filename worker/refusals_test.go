package worker_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"presenced/presence"
)

// warnings are the lines of the log at warn and above that have the text.
func (w *world) warnings(text string) int {
	return w.lines.Filter(func(e observer.LoggedEntry) bool {
		return e.Level >= zap.WarnLevel && strings.Contains(e.Message, text)
	}).Len()
}

func TestARefusalIsToldOncePerCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2000)
		w.config.Chunk = 100
		w.start()
		refuse := func(cause presence.Cause, text string) {
			w.source.with(func(s *fakeSource) {
				s.fail = func([]presence.UserID) error {
					return &presence.BlindError{Cause: cause, Err: errors.New(text)}
				}
			})
			w.after(2 * time.Minute)
		}
		refuse(presence.CauseUnreachable, "Graph answered 502")
		if n := w.warnings("no answer from Graph"); n != 1 {
			t.Errorf("%d lines for one cause, want 1", n)
		}
		if got := w.tenant.Status().Refusal; got == nil || !strings.Contains(got.Error(), "502") {
			t.Errorf("status has refusal %v, want the 502", got)
		}
		refuse(presence.CauseForbidden, "grant Presence.Read.All: Graph answered 403, request-id 7")
		if n := w.warnings("no answer from Graph"); n != 2 {
			t.Errorf("%d lines for two causes, want 2", n)
		}
		var told string
		for _, e := range w.lines.FilterMessage("no answer from Graph").All() {
			told = e.ContextMap()["error"].(string)
		}
		for _, part := range []string{"Presence.Read.All", "403", "request-id 7"} {
			if !strings.Contains(told, part) {
				t.Errorf("the log says %q, want %q in it", told, part)
			}
		}
		w.source.with(func(s *fakeSource) { s.fail = nil })
		w.after(10 * time.Minute)
		if got := w.tenant.Status(); got.Refusal != nil || got.Cause != "" {
			t.Errorf("status has refusal %v, cause %q though all is well", got.Refusal, got.Cause)
		}
		refuse(presence.CauseUnreachable, "Graph answered 502")
		if n := w.warnings("no answer from Graph"); n != 3 {
			t.Errorf("%d lines after it came back, want 3", n)
		}
		w.stop()
	})
}
