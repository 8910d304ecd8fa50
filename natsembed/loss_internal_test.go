package natsembed

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// filled is a server with a stream whose 20 messages are marked.
func filled(t *testing.T, mode jetstream.PersistModeType) *Server {
	t.Helper()
	s, err := Start(t.Context(), Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	fill(t, s, mode)
	check(t, s)
	return s
}

// crash gives the store as a kill would leave it now, and a server on it.
func crash(t *testing.T, s *Server, harm func(t *testing.T, stream string)) *Server {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.store.dir)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if harm != nil {
		harm(t, filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
	}
	next, err := Start(t.Context(), Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

func cutShort(t *testing.T, stream string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(stream, "msgs", "index.db")); err != nil {
		t.Fatal(err)
	}
	blocks, err := filepath.Glob(filepath.Join(stream, "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	truncate(t, blocks[len(blocks)-1])
}

func check(t *testing.T, s *Server) {
	t.Helper()
	for range 2 { // the second one marks what the first one found
		if err := s.CheckStore(); err != nil {
			t.Fatal(err)
		}
	}
}

// What was lost is remembered until each reader was told, whatever ends in between,
// and however far the stream has grown since.
func TestLossIsRememberedUntilItIsTold(t *testing.T) {
	t.Parallel()
	s := filled(t, jetstream.DefaultPersistMode)
	want := func(when, reader string, lost bool) {
		t.Helper()
		if n := s.Lost("TEST", reader); (n > 0) != lost {
			t.Errorf("%s: %s is told of a loss of %d, want one: %v", when, reader, n, lost)
		}
	}
	want("before", "a", false)
	s = crash(t, s, cutShort)
	want("at the start", "a", true)
	first := s.Lost("TEST", "a")

	fill(t, s, jetstream.DefaultPersistMode)
	s = crash(t, s, nil)
	want("killed before a check, and the stream is longer than ever", "a", true)

	check(t, s)
	s = crash(t, s, nil)
	want("killed after a check", "a", true)

	s.Told("TEST", "a")
	want("told", "a", false)
	want("told", "b", true)
	if err := s.CheckStore(); err != nil {
		t.Fatal(err)
	}
	s = crash(t, s, nil)
	want("killed before what a wrote is surely on disk", "a", true)

	s.Told("TEST", "a")
	check(t, s)
	s = crash(t, s, nil)
	want("killed after that", "a", false)
	want("killed after that", "b", true)

	s = crash(t, s, cutShort)
	want("another loss", "a", true)
	if second := s.Lost("TEST", "a"); second <= first {
		t.Errorf("a second loss makes %d, want more than the first one's %d: it may have taken what was written for that", second, first)
	}
	s.Told("TEST", "a")
	s.Told("TEST", "b")
	dir := s.store.dir
	s.Close()
	s, err := Start(t.Context(), Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want("closed", "a", false)
	want("closed", "b", false)
}

// A start that fails half way must not make up for the mark.
func TestLossIsRememberedOverAStartThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Start(t.Context(), Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, jetstream.DefaultPersistMode)
	s.Close()
	cutShort(t, filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if s, err := Start(t.Context(), Config{StoreDir: dir, Listen: taken.Addr().String()}); err == nil {
		s.Close()
		t.Fatal("started on a port that is taken")
	}
	if s, err = Start(t.Context(), Config{StoreDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Lost("TEST", "a") == 0 {
		t.Error("nothing was lost, though the log's end is gone")
	}
}

func TestLossOfAWholeStream(t *testing.T) {
	t.Parallel()
	s := filled(t, jetstream.DefaultPersistMode)
	gone := func(t *testing.T, stream string) {
		if err := os.RemoveAll(stream); err != nil {
			t.Fatal(err)
		}
	}
	s = crash(t, s, gone)
	for _, when := range []string{"at the start", "after a check without the stream", "after one with a new stream"} {
		if n := s.Lost("TEST", "a"); n != 20 {
			t.Errorf("%s: lost %d, want 20", when, n)
		}
		check(t, s)
		s = crash(t, s, nil)
		if when == "after a check without the stream" {
			fill(t, s, jetstream.DefaultPersistMode)
		}
	}
}

func TestLossGrowsOld(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	is := reach{Created: now.Add(-time.Hour), First: 1, Last: 5, Messages: 5}
	for name, tc := range map[string]struct {
		keeps, age time.Duration
		want       uint64
	}{
		"young": {24 * time.Hour, 23 * time.Hour, 7}, "old": {24 * time.Hour, 25 * time.Hour, 0}, "kept for ever": {0, 9000 * time.Hour, 7},
	} {
		was := is
		was.MaxAge, was.Loss = tc.keeps, &loss{Messages: 7, At: now.Add(-tc.age)}
		all, fresh := was.since("TEST", map[string]reach{"TEST": is}, now, false, zap.NewNop())
		if all.Messages != tc.want || fresh {
			t.Errorf("%s: %d messages lost, news: %v, want %d and none", name, all.Messages, fresh, tc.want)
		}
	}
}
