package trial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"presenced/audit"
	"presenced/presence"
	"presenced/publisher"
)

// LogConfig is of the log as a daemon makes it by default, in so many copies.
func LogConfig(copies int) publisher.Config {
	return publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: copies, Manage: publisher.ManageCreate}
}

// OpenLog opens the log as a daemon does, over a connection that the caller closes. A
// stream whose making was cut short is there only once it is made again. One that was
// lost comes back empty, and the audit misses all.
func OpenLog(ctx context.Context, to publisher.ConnectionConfig, cfg publisher.Config) (*publisher.Log, *publisher.Connection, error) {
	conn, err := publisher.Connect(to, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	if err := conn.AwaitConnected(ctx); err != nil {
		conn.Close()
		return nil, nil, err
	}
	log, _, err := publisher.Open(ctx, conn, cfg)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return log, conn, nil
}

// Story is what a log tells.
type Story struct {
	Entries []audit.Entry // every event about a user, in order
	Public  []uint64      // where in the log everything is that consumers can see
}

// ReadLog reads a log from end to end.
func ReadLog(ctx context.Context, log *publisher.Log) (Story, error) {
	var s Story
	var bad []error
	err := log.Replay(ctx, log.Subject(">"), 0, func(r publisher.Record) {
		s.Public = append(s.Public, r.Sequence)
		if !strings.Contains(r.Subject, ".user.") {
			return
		}
		e, err := presence.ParseEvent(r.Payload)
		if err != nil {
			bad = append(bad, fmt.Errorf("message %d of the log: %w", r.Sequence, err))
		}
		s.Entries = append(s.Entries, audit.Entry{Event: e, Stored: r.Stored})
	})
	return s, errors.Join(append(bad, err)...)
}

// AwaitTable blocks until the table has the newest event of everybody, or ctx ends:
// the error says how they differ. The server fills it a moment after the log, so it
// may take a few looks.
func AwaitTable(ctx context.Context, every time.Duration, log *publisher.Log, entries []audit.Entry) error {
	want := make(map[presence.UserID]presence.Event)
	for _, e := range entries {
		want[e.Event.User] = e.Event
	}
	got := make(map[presence.UserID]presence.Event)
	var err error
	equal := func() bool {
		clear(got)
		if err = log.Table(ctx, "*", func(e presence.Event) { got[e.User] = e }); err != nil {
			return false
		}
		return maps.EqualFunc(want, got, func(a, b presence.Event) bool { return reflect.DeepEqual(a, b) })
	}
	if Eventually(ctx, every, equal) {
		return nil
	}
	differ, one := 0, ""
	for user, e := range want {
		if diff := cmp.Diff(e, got[user]); diff != "" {
			differ, one = differ+1, diff
		}
	}
	return fmt.Errorf("table has %d users, the log %d, of whom %d differ, one like this (-log +table): %s: %w", len(got), len(want), differ, one, errors.Join(err, ctx.Err()))
}
