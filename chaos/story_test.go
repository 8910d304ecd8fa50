package chaos_test

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"presenced/audit"
	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// story is all that a store tells once no daemon has it.
type story struct {
	entries []audit.Entry // every event about a user, in order
	public  []uint64      // where in the log everything is that consumers can see
	last    uint64        // where the log ends
}

// read opens the store with a server of its own, reads the log from end to end,
// and checks that the table says the same.
func read(t *testing.T, store string) story {
	t.Helper()
	server, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: store})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), Server: server}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// As the daemon opens it: a stream whose making was cut short is there only once
	// it is made again. One that was lost comes back empty, and the audit misses all.
	log, _, err := publisher.Open(ctx, conn, publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageCreate})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Healthz(); err != nil {
		t.Errorf("the store is damaged: %v", err)
	}
	var s story
	err = log.Replay(ctx, log.Subject(">"), 0, func(r publisher.Record) {
		s.public = append(s.public, r.Sequence)
		if !strings.Contains(r.Subject, ".user.") {
			return
		}
		e, err := presence.ParseEvent(r.Payload)
		if err != nil {
			t.Errorf("message %d of the log: %v", r.Sequence, err)
		}
		s.entries = append(s.entries, audit.Entry{Event: e, Stored: r.Stored})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.last = lastSequence(ctx, t, conn)
	s.wantTable(ctx, t, log)
	return s
}

func lastSequence(ctx context.Context, t *testing.T, conn *publisher.Connection) uint64 {
	t.Helper()
	js, err := jetstream.New(conn.Conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "PRESENCE")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}

// wantTable compares the table with the newest event of everybody. The server
// fills it a moment after the log, so it may take a few looks.
func (s story) wantTable(ctx context.Context, t *testing.T, log *publisher.Log) {
	t.Helper()
	want := make(map[presence.UserID]presence.Event)
	for _, e := range s.entries {
		want[e.Event.User] = e.Event
	}
	got := make(map[presence.UserID]presence.Event)
	equal := func() bool {
		clear(got)
		if err := log.Table(ctx, "*", func(e presence.Event) { got[e.User] = e }); err != nil {
			t.Fatal(err)
		}
		return maps.EqualFunc(want, got, func(a, b presence.Event) bool { return reflect.DeepEqual(a, b) })
	}
	looking, cancel := context.WithTimeout(ctx, time.Minute) // a server that starts may ask the log for more after 10 s only
	defer cancel()
	if eventually(looking, 200*time.Millisecond, equal) {
		return
	}
	for user, e := range want {
		if diff := cmp.Diff(e, got[user]); diff != "" {
			t.Fatalf("table has %d users, the log %d; one that differs (-log +table):\n%s", len(got), len(want), diff)
		}
	}
	t.Fatalf("table has %d users, the log %d", len(got), len(want))
}
