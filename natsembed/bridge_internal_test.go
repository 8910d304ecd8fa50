package natsembed

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestBridgeLevels(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	b := newBridge(zap.New(core))
	b.Noticef("notice %d", 1)
	b.Warnf("warn %d", 2)
	b.Errorf("error %d", 3)
	b.Debugf("debug %d", 4)
	b.Tracef("payload %d", 5)
	var got []string
	for _, entry := range logs.All() {
		got = append(got, entry.Level.String()+": "+entry.ContextMap()["text"].(string))
	}
	want := []string{"debug: notice 1", "warn: warn 2", "error: error 3", "debug: debug 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestBridgeHidesUsers(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	b := newBridge(zap.New(core))
	const id = "0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11"
	b.Warnf("odd subject %q here", "presence.contoso.user."+id+".change.Busy.InACall")
	b.Debugf("filter [presence.*.user.%s.change.Away.*]", strings.ToUpper(id))
	want := []string{
		`odd subject "presence.contoso.user.<user>" here`,
		`filter [presence.*.user.<user>]`,
	}
	for i, entry := range logs.All() {
		if got := entry.ContextMap()["text"]; got != want[i] {
			t.Errorf("logged %q, want %q", got, want[i])
		}
	}
}

func TestBridgeFatal(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	b := newBridge(zap.New(core))
	b.Fatalf("listen on %s: %q", "127.0.0.1:4222", syscall.EADDRINUSE)
	b.Fatalf("and then %d", 2)
	if logs.Len() != 0 {
		t.Errorf("logged %v, want nothing: the start returns it", logs.All())
	}
	if err := b.started(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("started() = %v, want the first error", err)
	}
	b.Fatalf("later %d", 3)
	if got := logs.FilterLevelExact(zapcore.ErrorLevel).Len(); got != 1 {
		t.Errorf("%d errors logged after the start, want 1", got)
	}
}

func TestBridgeFatalWithoutError(t *testing.T) {
	t.Parallel()
	b := newBridge(zap.NewNop())
	b.Fatalf("not allowed on %s", "$SYS")
	if err := b.started(); err == nil || err.Error() != "not allowed on $SYS" {
		t.Errorf("started() = %v", err)
	}
}
