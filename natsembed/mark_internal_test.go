package natsembed

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestLostSinceMark(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	now := created.Add(20 * time.Hour)
	was := reach{
		Created: created, MaxAge: 24 * time.Hour, First: 10, Begins: created.Add(time.Hour), Last: 100, Ends: created.Add(10 * time.Hour), Messages: 80,
	}
	for name, tc := range map[string]struct {
		change func(r *reach)
		after  time.Duration // since now
		want   uint64
	}{
		"as it was":                         {func(*reach) {}, 0, 0},
		"grown":                             {func(r *reach) { r.Last, r.Messages = 120, 85 }, 0, 0},
		"grown, and deleted from":           {func(r *reach) { r.Last, r.Messages = 101, 3 }, 0, 0},
		"old ones expired":                  {func(r *reach) { r.First, r.Messages = 50, 40 }, 6 * time.Hour, 0},
		"all expired":                       {func(r *reach) { r.First, r.Messages = 101, 0 }, 15 * time.Hour, 0},
		"its end is gone":                   {func(r *reach) { r.Last, r.Messages = 93, 73 }, 0, 7},
		"all of it is gone":                 {func(r *reach) { r.First, r.Last, r.Messages = 0, 0, 0 }, 0, 100},
		"all of it is gone, but the number": {func(r *reach) { r.First, r.Messages = 101, 0 }, 0, 80},
		"and some had expired":              {func(r *reach) { r.First, r.Messages = 101, 0 }, 6 * time.Hour, 80},
		"some in the middle are gone":       {func(r *reach) { r.Messages = 78 }, 0, 80},
		"its beginning is gone":             {func(r *reach) { r.First, r.Messages = 50, 40 }, 0, 80},
		"deleted ones are back":             {func(r *reach) { r.First, r.Messages = 1, 85 }, 0, 80},
		"another stream of the same name":   {func(r *reach) { *r = reach{Created: created.Add(time.Second), First: 1, Last: 3, Messages: 3} }, 0, 0},
	} {
		is := was
		tc.change(&is)
		if got := was.lost(is, now.Add(tc.after)); got != tc.want {
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
			fill(t, s, jetstream.DefaultPersistMode)
			tc.stop(s)
			tc.harm(t, filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
			core, logs := observer.New(zapcore.ErrorLevel)
			if s, err = Start(t.Context(), Config{StoreDir: dir, Log: zap.New(core)}); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			told := logs.FilterMessage("a stream lost messages that were acknowledged").Len() > 0
			if (s.Lost("TEST", "us") > 0) != tc.lost || told != tc.lost {
				t.Errorf("lost %d, told %v, want a loss: %v", s.Lost("TEST", "us"), told, tc.lost)
			}
			if s.Lost("other", "us") != 0 {
				t.Error("a stream that never was lost something")
			}
		})
	}
}

// A stream that is not synced on purpose is gone after a power cut: that is said, and
// is no error.
func TestUnsyncedStreamMayBeGone(t *testing.T) {
	t.Parallel()
	for mode, want := range map[jetstream.PersistModeType]zapcore.Level{jetstream.AsyncPersistMode: zapcore.WarnLevel, jetstream.DefaultPersistMode: zapcore.ErrorLevel} {
		dir := t.TempDir()
		s, err := Start(t.Context(), Config{StoreDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s, mode)
		s.Close()
		if err := os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams", "TEST")); err != nil {
			t.Fatal(err)
		}
		core, logs := observer.New(zapcore.WarnLevel)
		if s, err = Start(t.Context(), Config{StoreDir: dir, Log: zap.New(core)}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if told := logs.FilterMessage("a stream of the store is gone").All(); len(told) != 1 || told[0].Level != want {
			t.Errorf("mode %v: log = %v, want one line of level %s", mode, told, want)
		}
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

func fill(t *testing.T, s *Server, mode jetstream.PersistModeType) {
	t.Helper()
	js := client(t, s)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test"}, PersistMode: mode}); err != nil {
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
