package publisher

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"presenced/presence"
)

// place is where an event stands in a stream.
type place struct {
	revision uint64
	sequence uint64
}

// mend puts into the table what the log has and the table lost. The server copies
// each event once: what the table loses after that, by damage or a power cut while
// it was not yet on disk, would be missing for good, though a load finds it.
//
// The log is not written, so nothing is told twice. An entry is put under the
// condition that it is still the one that was found too old, or still missing: what
// the server copies meanwhile is newer and stays. A newer entry than the state is
// never touched.
//
// Failing to mend is no reason not to reign, and the next load that finds the table
// wanting tries again.
func (l *Log) mend(ctx context.Context, tenant string, states map[presence.UserID]presence.State, places map[presence.UserID]place) {
	n, err := l.putBack(ctx, tenant, states, places)
	if err != nil {
		l.conn.log.Warn("the table lacks entries that the log has", zap.String("tenant", tenant), zap.Int("put_back", n), zap.Error(err))
	} else if n > 0 {
		l.conn.log.Warn("the table lacked entries that the log has; they were put back", zap.String("tenant", tenant), zap.Int("put_back", n))
	}
}

func (l *Log) putBack(ctx context.Context, tenant string, states map[presence.UserID]presence.State, places map[presence.UserID]place) (n int, err error) {
	var newest uint64
	for _, at := range places {
		newest = max(newest, at.sequence)
	}
	if err := l.awaitCopied(ctx, newest); err != nil {
		return 0, err
	}
	entries := map[presence.UserID]place{}
	err = l.entries(ctx, tenant, func(m jetstream.Msg, seq uint64) {
		user := presence.UserID(m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:])
		e, err := presence.ParseEvent(m.Data())
		if err != nil || e.Tenant != tenant || e.User != user {
			e.Revision = 0 // somebody else's
		}
		entries[user] = place{revision: e.Revision, sequence: seq}
	})
	if err != nil {
		return 0, fmt.Errorf("read table: %w", err)
	}
	for user, at := range places {
		if at.revision != states[user].Revision || at.revision <= entries[user].revision {
			continue
		}
		done, err := l.put(ctx, l.cfg.entry(tenant, string(user)), at.sequence, entries[user].sequence)
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

// awaitCopied waits until the server has copied the log up to the sequence: what it
// has not copied yet is not lost. It waits no longer than a moment, because the
// newest entry may be what was lost.
func (l *Log) awaitCopied(ctx context.Context, sequence uint64) error {
	for range 50 {
		m, err := l.last(ctx, l.cfg.table(), "$KV."+l.cfg.Bucket()+".>")
		if err != nil {
			return fmt.Errorf("read table: %w", err)
		}
		if m != nil && sourceSequence(m.header("Nats-Stream-Source"), l.cfg.Stream) >= sequence {
			return nil
		}
		pause(ctx, 100*time.Millisecond)
	}
	return ctx.Err()
}

// put copies the log's message at from to the subject of an entry, unless the entry
// is no longer the one at expect; 0: missing.
func (l *Log) put(ctx context.Context, subject string, from, expect uint64) (done bool, err error) {
	event, err := l.at(ctx, l.cfg.Stream, from)
	if err != nil || event == nil { // nil: gone by age
		return false, err
	}
	m := nats.NewMsg(subject)
	m.Data = event.Data
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expect, 10))
	for _, key := range []string{contentType, kvOperation} {
		if value := event.header(key); value != "" {
			m.Header.Set(key, value)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	sent := time.Now()
	answer, err := l.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return false, fmt.Errorf("put entry: %w", l.unanswered(sent, l.cfg.table(), err))
	}
	r, err := parseReply(l.cfg.table(), answer.Data, 1)
	if err != nil {
		return false, fmt.Errorf("put entry: %w", err)
	}
	if r.fate == stored || r.fate == refused {
		return r.fate == stored, nil
	}
	return false, fmt.Errorf("put entry: %w", r.err)
}
