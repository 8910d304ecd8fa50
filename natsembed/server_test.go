package natsembed_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"presenced/natsembed"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var testStream = jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test.>"}}

func start(t testing.TB, cfg natsembed.Config) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t testing.TB, s *natsembed.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func createStream(t testing.TB, js jetstream.JetStream) jetstream.Stream {
	t.Helper()
	stream, err := js.CreateStream(t.Context(), testStream)
	if err != nil {
		t.Fatalf("CreateStream: %v", err)
	}
	return stream
}

func publish(t testing.TB, js jetstream.JetStream, n int) {
	t.Helper()
	for range n {
		if _, err := js.Publish(t.Context(), "test.a", []byte("hello")); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

func messages(t testing.TB, js jetstream.JetStream) uint64 {
	t.Helper()
	stream, err := js.Stream(t.Context(), testStream.Name)
	if err != nil {
		t.Fatalf("Stream: %v", err)
	}
	return stream.CachedInfo().State.Msgs
}

func warnings(logs *observer.ObservedLogs) (texts []string) {
	for _, entry := range logs.FilterLevelExact(zapcore.WarnLevel).All() {
		texts = append(texts, entry.Message)
	}
	return texts
}

// Serial on purpose, like nothing else here: it looks at all goroutines of the
// process, while the parallel tests have not begun.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	for range 3 {
		s := start(t, natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
		js := connect(t, s)
		createStream(t, js)
		publish(t, js, 1)
		js.Conn().Close()
		s.Close()
	}
	left := serverGoroutines()
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = serverGoroutines() {
		runtime.Gosched()
	}
	if len(left) > 0 {
		t.Errorf("%d goroutines of the server are left, the first:\n%s", len(left), left[0])
	}
}

func serverGoroutines() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "nats-server/v2") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

func TestRestartKeepsMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, want := range []uint64{100, 200} {
		s := start(t, natsembed.Config{StoreDir: dir, Listen: "127.0.0.1:0"})
		js := connect(t, s)
		if want == 100 {
			createStream(t, js)
		}
		publish(t, js, 100)
		if got := messages(t, js); got != want {
			t.Errorf("stream holds %d messages, want %d", got, want)
		}
		js.Conn().Close()
		s.Close()
	}
}

func TestClientURLIsConnectable(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{StoreDir: t.TempDir(), Listen: "localhost:0"})
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatalf("Connect(%q): %v", s.ClientURL(), err)
	}
	defer nc.Close()
	if got := nc.ConnectedServerVersion(); got != natsembed.Version {
		t.Errorf("server version = %q, Version = %q", got, natsembed.Version)
	}
	if want := int64(512 << 10); nc.MaxPayload() < want {
		t.Errorf("max payload = %d, want %d at least, which a stream restore sends", nc.MaxPayload(), want)
	}
}

func TestNoListenerNoURL(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{StoreDir: t.TempDir()})
	if got := s.ClientURL(); got != "" {
		t.Errorf("ClientURL() = %q, want none", got)
	}
	createStream(t, connect(t, s)) // still there in process
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	first := start(t, natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	addr := strings.TrimPrefix(first.ClientURL(), "nats://")
	dir := t.TempDir()
	_, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir, Listen: addr})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr+" is taken") {
		t.Errorf("Start on a taken port = %v, want EADDRINUSE naming %s", err, addr)
	}
	start(t, natsembed.Config{StoreDir: dir}) // the failed start let go of its store
}

func TestRelaxedWarnsAtEveryStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, relaxed := range []bool{true, true, false} {
		core, logs := observer.New(zapcore.WarnLevel)
		start(t, natsembed.Config{StoreDir: dir, Relaxed: relaxed, Log: zap.New(core)}).Close()
		if got := strings.Contains(strings.Join(warnings(logs), "\n"), "relaxed"); got != relaxed {
			t.Errorf("relaxed %v: warned %v", relaxed, got)
		}
	}
}

func TestQuotaRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir, MaxStore: 64 << 10})
	js := connect(t, s)
	createStream(t, js)

	var err error
	for n := 0; err == nil && n < 1000; n++ {
		_, err = js.Publish(t.Context(), "test.a", make([]byte, 1000))
	}
	var refusal *jetstream.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode != 10023 {
		t.Fatalf("Publish beyond the quota = %v, want error 10023", err)
	}
	if err := s.Healthz(); err != nil {
		t.Errorf("Healthz at the quota = %v, want nil: nothing is broken", err)
	}
	kept := messages(t, js)
	js.Conn().Close()
	s.Close()

	// A quota that shrank below what is there loses nothing either.
	s = start(t, natsembed.Config{StoreDir: dir, MaxStore: 32 << 10})
	js = connect(t, s)
	if got := messages(t, js); got != kept {
		t.Errorf("%d messages under the smaller quota, want %d", got, kept)
	}
	stream, err := js.Stream(t.Context(), testStream.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, js, 1)
}

func TestHealthzTellsOfDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir})
	js := connect(t, s)
	createStream(t, js)
	publish(t, js, 50)
	if err := s.Healthz(); err != nil {
		t.Errorf("Healthz = %v, want nil", err)
	}
	js.Conn().Close()
	s.Close()
	if err := s.Healthz(); err == nil {
		t.Error("Healthz of a closed server is nil")
	}

	meta := filepath.Join(dir, "jetstream", "$G", "streams", testStream.Name, "meta.inf")
	if err := os.WriteFile(meta, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.WarnLevel)
	s = start(t, natsembed.Config{StoreDir: dir, Log: zap.New(core)})
	if err := s.Healthz(); err == nil || !strings.Contains(err.Error(), testStream.Name) {
		t.Errorf("Healthz with a damaged stream = %v, want its name", err)
	}
	if logs.FilterMessage("embedded nats started with damage").Len() != 1 {
		t.Errorf("warnings = %q, want one of damage", warnings(logs))
	}
	createStream(t, connect(t, s))
	if got := messages(t, connect(t, s)); got != 50 {
		t.Errorf("%d messages after the stream was created again, want 50", got)
	}
	if err := s.Healthz(); err != nil {
		t.Errorf("Healthz after the stream was created again = %v", err)
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir})
	var closers sync.WaitGroup
	for range 8 {
		closers.Go(func() {
			s.Close()
			if err := lockShared(dir); err != nil {
				t.Errorf("Close returned before the store was free: %v", err)
			}
		})
	}
	closers.Wait()
	start(t, natsembed.Config{StoreDir: dir})
}

func TestStartAfterCancelTouchesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "store")
	if _, err := natsembed.Start(ctx, natsembed.Config{StoreDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %v, want context.Canceled", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the store was made: %v", err)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := natsembed.Start(b.Context(), natsembed.Config{StoreDir: b.TempDir(), Listen: "127.0.0.1:0"})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}
