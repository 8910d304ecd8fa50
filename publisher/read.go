package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
)

// ErrNoUser says that the table has no entry for the user.
var ErrNoUser = errors.New("no such user in the table")

// Record is a message of the log, with its place and the time it was stored.
type Record struct {
	Sequence uint64
	Stored   time.Time
	Subject  string
	Payload  []byte
}

// Replay calls fn for every message of the log that matches the subject filter and
// is in the log now, from sequence from on.
func (l *Log) Replay(ctx context.Context, filter string, from uint64, fn func(Record)) error {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	if info.State.LastSeq < from {
		return nil
	}
	err = l.replay(ctx, l.stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    max(from, 1),
	}, 0, func(m jetstream.Msg, seq uint64) { fn(record(m, seq)) })
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

// Follow calls fn for every matching message from now on, until ctx ends; that is
// no error.
func (l *Log) Follow(ctx context.Context, filter string, fn func(Record)) error {
	consumer, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter},
		DeliverPolicy:  jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return fmt.Errorf("follow log: %w", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("follow log: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow log: %w", err)
		}
		md, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("follow log: %w", err)
		}
		fn(record(m, md.Sequence.Stream))
	}
}

func record(m jetstream.Msg, seq uint64) Record {
	r := Record{Sequence: seq, Subject: m.Subject(), Payload: m.Data()}
	if md, err := m.Metadata(); err == nil {
		r.Stored = md.Timestamp
	}
	return r
}

// Get reads one user's entry of the table: the newest event about them, which may
// say that they left. [ErrNoUser] if there never was one.
func (l *Log) Get(ctx context.Context, tenant string, user presence.UserID) (presence.Event, error) {
	m, err := l.table.GetLastMsgForSubject(ctx, "$KV."+l.cfg.Bucket()+"."+tableKey(tenant, string(user)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return presence.Event{}, fmt.Errorf("get user %s of tenant %s: %w", user, tenant, ErrNoUser)
	}
	if err != nil {
		return presence.Event{}, fmt.Errorf("get user %s of tenant %s: %w", user, tenant, err)
	}
	return presence.ParseEvent(m.Data)
}

// Table calls fn for every entry of the tenant's table ("*": all tenants).
// Entries that are no events of ours are passed over.
func (l *Log) Table(ctx context.Context, tenant string, fn func(presence.Event)) error {
	err := l.replay(ctx, l.table, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"$KV." + l.cfg.Bucket() + "." + tenant + ".*"},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
	}, 0, func(m jetstream.Msg, _ uint64) {
		if e, err := presence.ParseEvent(m.Data()); err == nil {
			fn(e)
		}
	})
	if err != nil {
		return fmt.Errorf("read table: %w", err)
	}
	return nil
}
