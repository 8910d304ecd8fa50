package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// world is presenced's side: a real server, and a chain that writes to it.
type world struct {
	tb     testing.TB
	server *natsembed.Server
	js     jetstream.JetStream
	chain  *publisher.Chain
	rule   presence.Rule
	states map[presence.UserID]presence.State
	clock  time.Time
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	server, err := natsembed.Start(tb.Context(), natsembed.Config{StoreDir: tb.TempDir(), MaxStore: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: tb.Name(), Server: server}, zaptest.NewLogger(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	if err := conn.AwaitConnected(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	log, _, err := publisher.Open(tb.Context(), conn, publisher.Config{
		Prefix: "presence", Stream: "PRESENCE", History: time.Hour, Replicas: 1, Manage: publisher.ManageCreate,
	})
	if err != nil {
		tb.Fatal(err)
	}
	chain := publisher.NewChain(log, publisher.ChainConfig{Tenant: "contoso", Replica: "a"})
	if _, err := chain.Acquire(tb.Context(), presence.Owner{}, presence.Ledger{}); err != nil {
		tb.Fatal(err)
	}
	w := &world{
		tb: tb, server: server, chain: chain, rule: presence.Rule{Tenant: "contoso", GapAfter: time.Minute},
		states: map[presence.UserID]presence.State{}, clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}
	w.js = w.connect()
	return w
}

func (w *world) connect() jetstream.JetStream {
	nc, err := nats.Connect("", nats.InProcessServer(w.server))
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.tb.Fatal(err)
	}
	return js
}

func userID(i int) presence.UserID {
	return presence.UserID(fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i))
}

// become appends one batch in which each user is now the word, or has left. Who
// is that already, or was never seen, is passed over.
func (w *world) become(word string, users ...presence.UserID) {
	w.clock = w.clock.Add(time.Second)
	var b presence.Batch
	for _, u := range users {
		last := w.states[u]
		var e *presence.Event
		var next presence.State
		switch {
		case word != "left":
			now := presence.Presence{Availability: word, Activity: word}
			e, next = w.rule.Diff(last, presence.Answer{User: u, Presence: now, Asked: w.clock, At: w.clock})
		case last.Seen():
			e, next = w.rule.Leave(u, last, w.clock)
		}
		if e == nil {
			continue
		}
		b.Events = append(b.Events, e)
		w.states[u] = next
	}
	if err := w.chain.Append(w.tb.Context(), b); err != nil {
		w.tb.Error(err)
	}
}

// revisions is what every follower has to arrive at.
func (w *world) revisions() map[string]uint64 {
	all := map[string]uint64{}
	for u, s := range w.states {
		all["contoso/"+string(u)] = s.Revision
	}
	return all
}

// reader is a follower under way, and what it printed.
type reader struct {
	lines chan string
	ended chan error
	stop  context.CancelFunc
}

func (w *world) follow(begin func(context.Context, *follower) error) *reader {
	ctx, stop := context.WithCancel(w.tb.Context())
	out, in := io.Pipe()
	r := &reader{lines: make(chan string, 1<<16), ended: make(chan error, 1), stop: stop}
	f := &follower{prefix: "presence", stream: "PRESENCE", tenant: "contoso", js: w.connect(), out: in, revisions: map[string]uint64{}}
	go func() {
		defer in.Close()
		r.ended <- begin(ctx, f)
	}()
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	return r
}

// until reads lines until the revisions are those wanted. Each line of the log
// must bring the next revision of its user.
func (r *reader) until(tb testing.TB, want map[string]uint64) {
	tb.Helper()
	got := map[string]uint64{}
	for !maps.Equal(got, want) {
		line, ok := <-r.lines
		if !ok {
			tb.Errorf("ended at %d of %d users: %v", len(got), len(want), <-r.ended)
			return
		}
		var at, user string
		var revision uint64
		if _, err := fmt.Sscanf(line, "%s %s revision %d:", &at, &user, &revision); err != nil {
			tb.Errorf("line %q: %v", line, err)
			return
		}
		if strings.Contains(line, "(log,") && revision != got[user]+1 || revision <= got[user] {
			tb.Errorf("line %q after revision %d", line, got[user])
			return
		}
		got[user] = revision
	}
	r.stop()
	if err := <-r.ended; err != nil {
		tb.Errorf("run = %v after it was stopped, want nil", err)
	}
}

// Followers that begin at any moment of a busy time come out even: the table is
// filled while they read it.
func TestNothingIsMissedWhereverOneBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var users []presence.UserID
	for i := range 60 {
		users = append(users, userID(i))
	}
	var readers []*reader
	words := []string{"Available", "Busy", "left", "Away"}
	for i := range 240 {
		w.become(words[i%4], users[:1+i%60]...)
		if i%20 == 0 {
			readers = append(readers, w.follow(func(ctx context.Context, f *follower) error { return f.run(ctx) }))
		}
	}
	var waiting sync.WaitGroup
	for _, r := range readers {
		waiting.Go(func() { r.until(t, w.revisions()) })
	}
	waiting.Wait()
}

func TestFirstEventOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.follow(func(ctx context.Context, f *follower) error { return f.run(ctx) })
	w.become("Busy", userID(1))
	r.until(t, w.revisions())
}

func TestMissingEventIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.become("Available", userID(1))
	w.become("Busy", userID(1))
	w.become("Away", userID(1))
	log, err := w.js.Stream(t.Context(), "PRESENCE")
	if err == nil {
		err = log.Purge(t.Context(), jetstream.WithPurgeSubject("presence.contoso.user.*.change.Busy.>"))
	}
	if err != nil {
		t.Fatal(err)
	}
	r := w.follow(func(ctx context.Context, f *follower) error { return f.follow(ctx, 1) })
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "revision 3") || !strings.Contains(err.Error(), "follows 1") {
		t.Errorf("follow = %v, want it to miss revision 2", err)
	}
}

func TestLostStateIsNoMissingEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.become("Available", userID(1))
	w.become("Busy", userID(1), userID(3))
	w.rule.Floor = 7
	delete(w.states, userID(1))
	w.become("Away", userID(1), userID(2))
	w.become("Busy", userID(1))
	w.become("left", userID(3)) // taken off the roster before anybody saw them again
	r := w.follow(func(ctx context.Context, f *follower) error { return f.follow(ctx, 1) })
	for _, want := range []string{
		"revision 1: Available", "revision 2: Busy", "revision 1: Busy", "revision 8: Away/Away (log, state_lost)", "revision 8: Away",
		"revision 9: Busy", "revision 8: no longer watched (log, left)",
	} {
		if line := <-r.lines; !strings.Contains(line, want) {
			t.Errorf("line %q, want %q in it", line, want)
		}
	}
	r.stop()
}

func TestMissingTableIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.follow(func(ctx context.Context, f *follower) error {
		f.prefix = "elsewhere"
		return f.run(ctx)
	})
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "open the table") {
		t.Errorf("run = %v, want an error about the table", err)
	}
}
