package publisher_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

const tenant = "contoso"

var config = publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageCreate}

// startServer runs a real server with a store on disk.
func startServer(tb testing.TB) *natsembed.Server {
	tb.Helper()
	s, err := natsembed.Start(tb.Context(), natsembed.Config{StoreDir: tb.TempDir(), Listen: "127.0.0.1:0", MaxStore: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func connect(tb testing.TB, s *natsembed.Server) *publisher.Connection {
	tb.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: tb.Name(), Server: s}, zaptest.NewLogger(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	if err := conn.AwaitConnected(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return conn
}

func openLog(tb testing.TB, s *natsembed.Server) *publisher.Log {
	tb.Helper()
	log, drifts, err := publisher.Open(tb.Context(), connect(tb, s), config)
	if err != nil {
		tb.Fatal(err)
	}
	if len(drifts) > 0 {
		tb.Fatalf("a log just made drifts: %v", drifts)
	}
	return log
}

func newChain(log *publisher.Log, replica string) *publisher.Chain {
	return publisher.NewChain(log, publisher.ChainConfig{Tenant: tenant, Replica: replica, Timeout: 2 * time.Second})
}

// owned is a chain that owns the tenant, and its first owner message.
func owned(tb testing.TB, log *publisher.Log, replica string) (*publisher.Chain, presence.Owner) {
	tb.Helper()
	c := newChain(log, replica)
	seen, err := c.Owner(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	own, err := c.Acquire(tb.Context(), seen, presence.Ledger{})
	if err != nil {
		tb.Fatal(err)
	}
	return c, own
}

func userID(i int) presence.UserID {
	return presence.UserID(fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i))
}

// people makes events as a worker would, and the summary that belongs to them.
type people struct {
	rule    presence.Rule
	states  map[presence.UserID]presence.State
	summary presence.Summary
	clock   time.Time
}

func newPeople() *people {
	return &people{rule: presence.Rule{Tenant: tenant, GapAfter: time.Minute}, states: map[presence.UserID]presence.State{}, summary: presence.Summary{Roster: 1}, clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

// become is a batch in which the users are seen with the presence.
func (p *people) become(availability, activity string, users ...presence.UserID) presence.Batch {
	b := p.beat()
	p.clock = p.clock.Add(time.Second)
	for _, u := range users {
		e, next := p.rule.Diff(p.states[u], presence.Answer{User: u, Presence: presence.Presence{Availability: availability, Activity: activity}, Asked: p.clock, At: p.clock})
		if e == nil {
			continue
		}
		b.Events = append(b.Events, e)
		p.move(u, next)
	}
	return b
}

// leave is a batch in which the users leave the roster.
func (p *people) leave(users ...presence.UserID) presence.Batch {
	b := p.beat()
	p.clock = p.clock.Add(time.Second)
	for _, u := range users {
		e, next := p.rule.Leave(u, p.states[u], p.clock)
		b.Events = append(b.Events, e)
		p.move(u, next)
	}
	return b
}

// beat is a batch without events: a heartbeat.
func (p *people) beat() presence.Batch { return presence.Batch{Summary: p.summary} }

func (p *people) move(u presence.UserID, next presence.State) {
	p.summary = p.summary.Replace(u, p.states[u], next)
	p.states[u] = next
}

// read is every event in the log, in order.
func read(tb testing.TB, log *publisher.Log) []presence.Event {
	tb.Helper()
	var events []presence.Event
	err := log.Replay(tb.Context(), "presence.*.user.>", 0, func(r publisher.Record) {
		e, err := presence.ParseEvent(r.Payload)
		if err != nil {
			tb.Errorf("message %d: %v", r.Sequence, err)
			return
		}
		if got := e.Subject("presence"); got != r.Subject {
			tb.Errorf("message %d is on %s, its payload says %s", r.Sequence, r.Subject, got)
		}
		events = append(events, e)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return events
}

func mustAppend(tb testing.TB, c *publisher.Chain, b presence.Batch) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	if err := c.Append(ctx, b); err != nil {
		tb.Fatal(err)
	}
}
