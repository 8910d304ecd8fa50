package natsembed

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestLostSinceMark(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	was := reach{Created: created, First: 10, Last: 100, Messages: 80}
	for name, tc := range map[string]struct {
		is   reach
		want uint64
	}{
		"as it was":                       {was, 0},
		"grown":                           {reach{created, 10, 120, 85}, 0},
		"old ones expired":                {reach{created, 50, 100, 40}, 0},
		"grown, and deleted from":         {reach{created, 10, 101, 3}, 0},
		"its end is gone":                 {reach{created, 10, 93, 73}, 7},
		"all of it is gone":               {reach{created, 0, 0, 0}, 100},
		"some in the middle are gone":     {reach{created, 10, 100, 78}, 2},
		"another stream of the same name": {reach{created.Add(time.Second), 1, 3, 3}, 0},
	} {
		if got := was.lost(tc.is); got != tc.want {
			t.Errorf("%s: lost %d, want %d", name, got, tc.want)
		}
	}
}

// The server cuts a stream off at a damaged message and says nothing that anybody
// would notice; the mark does.
func TestStartTellsWhatWasLost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stop func(s *Server)
		harm func(t *testing.T, stream string)
		lost bool
	}{
		"nothing, closed": {(*Server).Close, func(*testing.T, string) {}, false},
		"a block is cut short, closed": {(*Server).Close, func(t *testing.T, stream string) {
			remove(t, filepath.Join(stream, "msgs", "index.db"))
			truncate(t, filepath.Join(stream, "msgs", "1.blk"))
		}, true},
		"a block is gone": {(*Server).Close, func(t *testing.T, stream string) {
			remove(t, filepath.Join(stream, "msgs", "index.db"))
			remove(t, filepath.Join(stream, "msgs", "1.blk"))
		}, true},
		"a block is cut short, between checks": {func(s *Server) {
			for range 2 {
				if err := s.CheckStore(); err != nil {
					panic(err)
				}
			}
			os.Rename(filepath.Join(s.store.dir, markName), filepath.Join(s.store.dir, "kept"))
			s.Close()
			os.Rename(filepath.Join(s.store.dir, "kept"), filepath.Join(s.store.dir, markName)) // as after a kill
		}, func(t *testing.T, stream string) {
			remove(t, filepath.Join(stream, "msgs", "index.db"))
			truncate(t, filepath.Join(stream, "msgs", "1.blk"))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := Start(t.Context(), Config{StoreDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s)
			tc.stop(s)
			tc.harm(t, filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
			core, logs := observer.New(zapcore.ErrorLevel)
			if s, err = Start(t.Context(), Config{StoreDir: dir, Log: zap.New(core)}); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			told := logs.FilterMessage("a stream lost messages that were acknowledged").Len() > 0
			if (s.Lost("TEST") > 0) != tc.lost || told != tc.lost {
				t.Errorf("lost %d, told %v, want a loss: %v", s.Lost("TEST"), told, tc.lost)
			}
			if s.Lost("other") != 0 {
				t.Error("a stream that never was lost something")
			}
		})
	}
}

func TestUnreadableMarkIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, markName), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.ErrorLevel)
	s, err := Start(t.Context(), Config{StoreDir: dir, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if logs.FilterMessageSnippet("cannot be read").Len() != 1 {
		t.Errorf("logged %v, want that the mark cannot be read", logs.All())
	}
}

func fill(t *testing.T, s *Server) {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test"}}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := js.Publish(t.Context(), "test", []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-100); err != nil {
		t.Fatal(err)
	}
}
