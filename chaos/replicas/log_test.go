//go:build replicas

package replicas_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/audit"
	"presenced/presence"
	"presenced/publisher"
	"presenced/trial"
)

// story is the whole log.
type story struct {
	lines  []audit.Line   // the events about users, in order
	stored map[string]int // messages by batch, but for owner messages
	news   int            // events about tenants
}

// read reads the log from end to end, with the headers that say which batch a
// message came in, and checks that the table says the same.
func (r *rig) read(t *testing.T, log *publisher.Log) story {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := r.js.Stream(ctx, streamName)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"presence.>"}, DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	s := story{stored: make(map[string]int)}
	// An empty answer is not the end: only the message that was last is.
	for last := lastPublic(ctx, t, stream); ; {
		m, err := messages.Next(jetstream.NextMaxWait(time.Second))
		if errors.Is(err, nats.ErrTimeout) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			t.Fatalf("read the log: %v", err)
		}
		md, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		s.take(t, m, md)
		if md.Sequence.Stream >= last {
			break
		}
	}
	s.wantTable(t, log)
	return s
}

func (s *story) take(t *testing.T, m jetstream.Msg, md *jetstream.MsgMetadata) {
	t.Helper()
	batch := m.Headers().Get("Nats-Batch-Id")
	s.stored[batch]++
	if !strings.Contains(m.Subject(), ".user.") {
		s.news++
		return
	}
	e, err := presence.ParseEvent(m.Data())
	if err != nil {
		t.Errorf("message %d of the log: %v", md.Sequence.Stream, err)
		return
	}
	s.lines = append(s.lines, audit.Line{Entry: audit.Entry{Event: e, Stored: md.Timestamp}, Sequence: md.Sequence.Stream, Batch: batch})
}

func lastPublic(ctx context.Context, t *testing.T, stream jetstream.Stream) uint64 {
	t.Helper()
	m, err := stream.GetLastMsgForSubject(ctx, "presence.>")
	if err != nil {
		t.Fatal(err)
	}
	return m.Sequence
}

// tablePatience is how long the table may take to say what the log does. One server
// fills it within a second; three that sync each of its messages take their time.
const tablePatience = 4 * time.Minute

// wantTable compares the table with the newest event of everybody.
func (s *story) wantTable(t *testing.T, log *publisher.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tablePatience)
	defer cancel()
	begin := time.Now()
	entries := make([]audit.Entry, len(s.lines))
	for i, l := range s.lines {
		entries[i] = l.Entry
	}
	if err := trial.AwaitTable(ctx, 200*time.Millisecond, log, entries); err != nil {
		t.Error(err)
		return
	}
	t.Logf("the table says what the log does, %v after that was read", time.Since(begin).Round(time.Millisecond))
}
