package natsembed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// client is a connection to the server, as presenced's own.
func client(t *testing.T, s *Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func create(t *testing.T, s *Server) {
	t.Helper()
	if _, err := client(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test"}}); err != nil {
		t.Fatal(err)
	}
}

// describeNothing spoils what the server knows a stream by; its messages are whole.
func describeNothing(t *testing.T, stream string) {
	t.Helper()
	remove(t, filepath.Join(stream, "meta.sum"))
}

// A stream whose description is damaged is away until it is created again. What it
// lost is decided then, whatever ends before.
func TestLossOfAStreamThatIsAway(t *testing.T) {
	t.Parallel()
	first := filled(t, jetstream.DefaultPersistMode)
	store := t.TempDir()
	if err := os.CopyFS(store, os.DirFS(first.store.dir)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	whole := describeNothing
	short := func(t *testing.T, stream string) { describeNothing(t, stream); cutShort(t, stream) }
	mended := func(t *testing.T, stream string) { // the server writes the description anew
		remove(t, filepath.Join(stream, "meta.inf"))
		cutShort(t, stream)
	}
	gone := func(t *testing.T, stream string) {
		describeNothing(t, stream)
		if err := os.RemoveAll(filepath.Join(stream, "msgs")); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(*testing.T, *Server) *Server { return nil }
	for name, tc := range map[string]struct {
		harm func(t *testing.T, stream string)
		next func(t *testing.T, s *Server) *Server // before the stream is created; nil: the same
		lost bool
	}{
		"whole":             {whole, nothing, false},
		"its end is gone":   {short, nothing, true},
		"all of it is gone": {gone, nothing, true},
		"its end is gone, and it was checked": {short, func(t *testing.T, s *Server) *Server {
			check(t, s)
			return nil
		}, true},
		"whole, and the process ended while it was away": {whole, func(t *testing.T, s *Server) *Server {
			check(t, s)
			return crash(t, s, nil)
		}, false},
		"its end is gone, and the process ended while it was away": {short, func(t *testing.T, s *Server) *Server {
			check(t, s)
			return crash(t, s, nil)
		}, true},
		"its end is gone, and the process was closed while it was away": {short, func(t *testing.T, s *Server) *Server {
			s.Close()
			next, err := Start(t.Context(), Config{StoreDir: s.store.dir})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(next.Close)
			return next
		}, true},
		"whole, and the process ended once it was back": {whole, func(t *testing.T, s *Server) *Server {
			create(t, s)
			return crash(t, s, nil)
		}, false},
		"its end is gone, and the process ended once it was back": {short, func(t *testing.T, s *Server) *Server {
			create(t, s)
			return crash(t, s, nil)
		}, true},
		"its end is gone, and the process ended once it was back for good": {mended, func(t *testing.T, s *Server) *Server {
			create(t, s)
			return crash(t, s, nil)
		}, true},
		"its end is gone, which was said, and it grew": {short, func(t *testing.T, s *Server) *Server {
			if err := s.CheckStore(); err != nil { // the next one would write what this one found
				t.Fatal(err)
			}
			create(t, s)
			s.Lost("TEST", "a")
			if err := s.CheckStore(); err != nil {
				t.Fatal(err)
			}
			fill(t, s, jetstream.DefaultPersistMode)
			return crash(t, s, nil)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(store)); err != nil {
				t.Fatal(err)
			}
			tc.harm(t, filepath.Join(dir, "jetstream", "$G", "streams", "TEST"))
			core, logs := observer.New(zapcore.ErrorLevel)
			s, err := Start(t.Context(), Config{StoreDir: dir, Log: zap.New(core)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			if s.Lost("TEST", "a") == 0 {
				t.Error("nothing is lost of a stream that is not there")
			}
			if next := tc.next(t, s); next != nil {
				s = next
			}
			create(t, s)
			if n := s.Lost("TEST", "a"); n > 0 != tc.lost {
				t.Errorf("lost %d, want a loss: %v", n, tc.lost)
			}
			if told := logs.FilterMessageSnippet("a stream").Len(); told > 0 && !tc.lost {
				t.Errorf("nothing is lost, and it is said: %v", logs.All())
			}
			check(t, s)
			s = crash(t, s, nil)
			create(t, s) // the server may not have mended the description
			before := s.Lost("TEST", "a")
			if before > 0 != tc.lost {
				t.Errorf("at the next start: lost %d, want a loss: %v", before, tc.lost)
			}
			fill(t, s, jetstream.DefaultPersistMode)
			check(t, s)
			s = crash(t, s, cutShort)
			create(t, s)
			if n := s.Lost("TEST", "a"); n <= before {
				t.Errorf("what it loses later is not noticed: lost %d, and %d before", n, before)
			}
		})
	}
}

// A loss that cannot be noted is not decided: what is written next would hide it.
func TestLossThatCannotBeNoted(t *testing.T) {
	t.Parallel()
	s := filled(t, jetstream.DefaultPersistMode)
	s = crash(t, s, func(t *testing.T, stream string) { describeNothing(t, stream); cutShort(t, stream) })
	create(t, s)
	inTheWay := filepath.Join(s.store.dir, "presenced.probe")
	if err := os.MkdirAll(filepath.Join(inTheWay, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if n := s.Lost("TEST", "a"); n != 20 {
		t.Errorf("lost %d, want all 20 for now", n)
	}
	if err := s.CheckStore(); err == nil {
		t.Error("a check that cannot note a loss is well")
	}
	if err := os.RemoveAll(inTheWay); err != nil {
		t.Fatal(err)
	}
	if n := s.Lost("TEST", "a"); n == 0 || n == 20 {
		t.Errorf("lost %d, want its end", n)
	}
}

// A server that has given up its store says that it has no streams.
func TestMarkOutlivesAServerWithoutStore(t *testing.T) {
	t.Parallel()
	s := filled(t, jetstream.DefaultPersistMode)
	if err := s.nats.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = s.CheckStore()
	}
	if was, err := s.store.marked(); err != nil || was["TEST"].Last != 20 {
		t.Errorf("the mark says %+v, %v, want what the stream reached", was, err)
	}
}

// Whoever is told by the mark wrote something first, and the mark says that too.
func TestMarkSaysWhatWasWrittenBeforeItWasTold(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, jetstream.DefaultPersistMode)
	js := client(t, s)
	for i := range 200 { // so that to ask for all of them takes a while
		name := "MORE" + string(rune('A'+i%26)) + string(rune('A'+i/26))
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}, Storage: jetstream.MemoryStorage}); err != nil {
			t.Fatal(err)
		}
	}
	for range 500 {
		s.mu.Lock()
		s.losses["TEST"] = loss{Messages: 1}
		s.mu.Unlock()
		wrote := make(chan uint64)
		go func() {
			ack, err := js.Publish(t.Context(), "test", nil)
			if err != nil {
				t.Error(err)
				close(wrote)
				return
			}
			s.Told("TEST", "a")
			wrote <- ack.Sequence
		}()
		var seen []reach
		var last uint64
		for last == 0 {
			seen = append(seen, s.reached()["TEST"])
			select {
			case last = <-wrote:
			default:
			}
		}
		for _, r := range seen {
			if len(r.Loss.Told) > 0 && r.Last < last {
				t.Fatalf("told at message %d, which is not among the %d of the mark", last, r.Last)
			}
		}
	}
}

// A mark that is there and cannot be read is damage: whatever is synced is doubted.
func TestUnreadableMarkIsALoss(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mode jetstream.PersistModeType
		harm func(t *testing.T, stream string)
		lost bool
	}{
		"synced":                       {jetstream.DefaultPersistMode, func(*testing.T, string) {}, true},
		"synced, and not taken up too": {jetstream.DefaultPersistMode, describeNothing, true},
		"not synced":                   {jetstream.AsyncPersistMode, func(*testing.T, string) {}, false},
	} {
		s := filled(t, tc.mode)
		s = crash(t, s, func(t *testing.T, stream string) {
			tc.harm(t, stream)
			if err := os.WriteFile(filepath.Join(stream, "..", "..", "..", "..", markName), []byte("garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		for _, when := range []string{"at once", "after a crash", "after checks"} {
			if n := s.Lost("TEST", "a"); n > 0 != tc.lost || n > 0 && n < 20 {
				t.Errorf("%s, %s: lost %d, want a loss of all: %v", name, when, n, tc.lost)
			}
			if when == "at once" {
				s = crash(t, s, nil)
			}
			check(t, s)
			s = crash(t, s, nil)
		}
		s.Told("TEST", "a")
		check(t, s)
		if s = crash(t, s, nil); s.Lost("TEST", "a") > 0 {
			t.Errorf("%s: lost, though it was told", name)
		}
	}
}
