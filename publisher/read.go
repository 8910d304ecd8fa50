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
	newest, err := l.last(ctx, l.cfg.Stream, filter)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	if newest == nil {
		return nil
	}
	s := span{stream: l.cfg.Stream, filters: []string{filter}, from: max(from, 1), until: newest.Sequence}
	if _, err := l.replay(ctx, s, func(m jetstream.Msg, seq uint64) { fn(record(m, seq)) }); err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

// Follow calls fn for every matching message from now on, until ctx ends; that is
// no error.
func (l *Log) Follow(ctx context.Context, filter string, fn func(Record)) error {
	s := span{stream: l.cfg.Stream, filters: []string{filter}, until: endless}
	newest, err := l.last(ctx, l.cfg.Stream, ">")
	if err == nil {
		s.from = 1
		if newest != nil {
			s.from = newest.Sequence + 1
		}
		_, err = l.replay(ctx, s, func(m jetstream.Msg, seq uint64) { fn(record(m, seq)) })
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow log: %w", err)
	}
	return nil
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
	m, err := l.last(ctx, l.cfg.table(), l.cfg.entry(tenant, string(user)))
	if err == nil && m == nil {
		err = ErrNoUser
	}
	if err != nil {
		return presence.Event{}, fmt.Errorf("get user %s of tenant %s: %w", user, tenant, err)
	}
	return presence.ParseEvent(m.Data)
}

// Table calls fn for every entry of the tenant's table ("*": all tenants).
// Entries that are no events of ours are passed over. One that changes meanwhile may
// come twice, the newer one last.
func (l *Log) Table(ctx context.Context, tenant string, fn func(presence.Event)) error {
	err := l.entries(ctx, tenant, func(m jetstream.Msg, _ uint64) {
		if e, err := presence.ParseEvent(m.Data()); err == nil {
			fn(e)
		}
	})
	if err != nil {
		return fmt.Errorf("read table: %w", err)
	}
	return nil
}

// entries calls fn for every message of the tenant's table that its leader has.
func (l *Log) entries(ctx context.Context, tenant string, fn func(m jetstream.Msg, seq uint64)) error {
	filter := l.cfg.entry(tenant, "*")
	newest, err := l.last(ctx, l.cfg.table(), filter)
	if err != nil || newest == nil {
		return err
	}
	s := span{stream: l.cfg.table(), filters: []string{filter}, from: 1, until: newest.Sequence}
	_, err = l.replay(ctx, s, fn)
	return err
}
