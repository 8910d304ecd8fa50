package publisher_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// many writes changes of n users and returns the chain.
func many(t *testing.T, log *publisher.Log, n int) (*publisher.Chain, *people) {
	t.Helper()
	c, _ := owned(t, log, "a")
	p := newPeople()
	var users []presence.UserID
	for i := range n {
		users = append(users, userID(i))
	}
	for part := range slices.Chunk(users, presence.MaxBatch) {
		mustAppend(t, c, p.become("Available", "Available", part...))
	}
	return c, p
}

// replayed is every event's sequence in the order it came. at is called in the
// middle of the reading.
func replayed(t *testing.T, log *publisher.Log, at func()) []uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []uint64
	err := log.Replay(ctx, "presence.>", 0, func(r publisher.Record) {
		if got = append(got, r.Sequence); len(got) == 10 {
			at()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadingOutlivesItsConsumer(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	many(t, log, 2200) // more than a reader asks for at once
	js := rawJetStream(t, srv)
	want := replayed(t, log, func() {})
	got := replayed(t, log, func() {
		s, err := js.Stream(t.Context(), "PRESENCE")
		if err != nil {
			t.Fatal(err)
		}
		for name := range s.ConsumerNames(t.Context()).Name() {
			if err := s.DeleteConsumer(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
	})
	if len(want) != 2200 || !slices.Equal(got, want) {
		t.Errorf("read %d events while the consumer was deleted, %d otherwise; want the same 2200", len(got), len(want))
	}
}

func TestReadingOutlivesTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(listen string) *natsembed.Server {
		s, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir, Listen: listen, MaxStore: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	srv := start("127.0.0.1:0")
	log := openAt(t, srv.ClientURL())
	many(t, log, 2200) // more than a reader asks for at once
	want := replayed(t, log, func() {})
	got := replayed(t, log, func() {
		srv.Close()
		start(strings.TrimPrefix(srv.ClientURL(), "nats://"))
	})
	if len(want) != 2200 || !slices.Equal(got, want) {
		t.Errorf("read %d events while the server was restarted, %d otherwise; want the same 2200", len(got), len(want))
	}
}

// A consumer on a follower that is behind says that nothing is left. The end is
// what the leader has.
func TestReadingEndsAtTheLeadersNewestMessage(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, p := many(t, log, 10)
	var got []uint64
	until := replayed(t, log, func() {})[9] + 3 // what a leader ahead of the consumer's server has
	reached, err := publisher.ReplayUntil(t.Context(), log, "presence.>", until, func(seq uint64) {
		if got = append(got, seq); len(got) == 10 {
			mustAppend(t, c, p.become("Busy", "Busy", userID(1), userID(2)))
		}
	})
	if err != nil || reached != until || len(got) != 12 {
		t.Errorf("read %d messages up to %d, %v; want 12 up to %d", len(got), reached, err, until)
	}
	reached, err = publisher.ReplayUntil(t.Context(), log, "presence.>", until+100, func(uint64) {})
	if err != nil || reached != until {
		t.Errorf("read up to %d, %v; want %d, as nothing stands behind it", reached, err, until)
	}
}

func TestReadingLeavesNoConsumer(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	many(t, log, 10)
	js := rawJetStream(t, srv)
	consumers := func() (n int) {
		for _, name := range []string{"PRESENCE", "KV_presence"} {
			s, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			n += s.CachedInfo().State.Consumers
		}
		return n
	}
	before := consumers()
	for range 3 {
		read(t, log)
		load(t, log, "b")
		if err := log.Table(t.Context(), tenant, func(presence.Event) {}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		following := make(chan error, 1)
		go func() { following <- log.Follow(ctx, "presence.>", func(publisher.Record) {}) }()
		for consumers() == before && t.Context().Err() == nil {
		}
		cancel()
		if err := <-following; err != nil {
			t.Errorf("follow: %v", err)
		}
	}
	if after := consumers(); after != before {
		t.Errorf("%d consumers are left behind", after-before)
	}
}

func TestFollowTellsWhatIsNew(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, p := many(t, log, 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan string, 10)
	ended := follow(ctx, t, srv, log, "presence.*.user.>", func(r publisher.Record) { got <- r.Subject })
	mustAppend(t, c, p.become("Busy", "Busy", userID(1)))
	want := "presence.contoso.user." + string(userID(1)) + ".change.Busy.Busy"
	if subject := <-got; subject != want {
		t.Errorf("followed %s first, want %s", subject, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("follow: %v", err)
	}
}

func TestFollowEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	openLog(t, srv) // makes the streams
	conn := connect(t, srv)
	log, _, err := publisher.Open(t.Context(), conn, config)
	if err != nil {
		t.Fatal(err)
	}
	ended := follow(t.Context(), t, srv, log, "presence.>", func(publisher.Record) {})
	conn.Close()
	if err := <-ended; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("follow of a closed connection ended with %v", err)
	}
}

// follow follows the log, and returns once the server knows.
func follow(ctx context.Context, t *testing.T, srv *natsembed.Server, log *publisher.Log, filter string, fn func(publisher.Record)) (ended <-chan error) {
	t.Helper()
	s, err := rawJetStream(t, srv).Stream(ctx, "PRESENCE")
	if err != nil {
		t.Fatal(err)
	}
	before := s.CachedInfo().State.Consumers
	done := make(chan error, 1)
	go func() { done <- log.Follow(ctx, filter, fn) }()
	for {
		info, err := s.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Consumers > before {
			return done
		}
	}
}

func TestLoadCanBeCancelled(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, own := owned(t, log, "a")
	ctx, cancel := context.WithCancel(t.Context())
	own.Sequence += 1000 // never comes
	done := make(chan error, 1)
	go func() {
		_, err := c.Load(ctx, own)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v, want %v", err, context.Canceled)
	}
}

// Whose owner message is gone owns nothing: there is no state that the load could be
// of.
func TestLoadWithoutItsOwnerMessage(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, own := owned(t, log, "a")
	erase(t, rawJetStream(t, srv), "PRESENCE", "presenced.owner.>")
	if _, err := c.Load(t.Context(), own); !errors.Is(err, presence.ErrDeposed) {
		t.Errorf("load: %v, want %v", err, presence.ErrDeposed)
	}
}

// What the next owner wrote meanwhile is no damage.
func TestLoadByADeposedOwnerIsNoDamage(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	many(t, log, 3)
	old, own := owned(t, log, "b")
	mustAppend(t, old, presence.Batch{Summary: own.Summary})
	next, _ := owned(t, log, "c")
	l, err := next.Load(t.Context(), own)
	if err != nil || !l.Intact {
		t.Fatalf("load: %v, intact %t", err, l.Intact)
	}
	p := newPeople()
	for u, s := range l.States {
		p.move(u, s)
	}
	mustAppend(t, next, p.become("Busy", "Busy", userID(1)))
	awaitTable(t, log, own)
	if l, err := old.Load(t.Context(), own); err == nil && !l.Intact {
		t.Error("a deposed owner calls its successor's state damaged")
	}
}

// A table that lets followers answer would begin a load with stale entries.
func TestTableReadByFollowersIsRefused(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	openLog(t, srv)
	js := rawJetStream(t, srv)
	s, err := js.Stream(t.Context(), "KV_presence")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	if cfg.AllowDirect {
		t.Error("presenced makes a table that followers answer for")
	}
	cfg.AllowDirect = true
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	_, _, err = publisher.Open(t.Context(), connect(t, srv), config)
	if !errors.Is(err, publisher.ErrUnfit) || !strings.Contains(err.Error(), "--no-allow-direct") {
		t.Errorf("open: %v, want %v and how to mend it", err, publisher.ErrUnfit)
	}
}
