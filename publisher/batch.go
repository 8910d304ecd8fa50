package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
)

// The headers of an atomic batch. nats.go has no names for them.
//
// Source: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md
const (
	batchIDHeader       = "Nats-Batch-Id"
	batchSequenceHeader = "Nats-Batch-Sequence"
	batchCommitHeader   = "Nats-Batch-Commit"
)

// The headers of an event.
const (
	contentType = "Content-Type"
	kvOperation = "KV-Operation"
)

// ownerMessage is an owner message that the server accepts only if the newest one
// on the subject still has the sequence expect. The header names are those of the
// server to the letter: it takes a misspelt or an empty one for no condition.
func ownerMessage(subject string, o presence.Owner, expect uint64) (*nats.Msg, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode owner message: %w", err)
	}
	m := nats.NewMsg(subject)
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expect, 10))
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	m.Data = data
	return m, nil
}

// eventMessage is one event as it stands in the log, and in the table too.
func eventMessage(prefix string, e *presence.Event) (*nats.Msg, error) {
	m := nats.NewMsg(e.Subject(prefix))
	m.Header.Set(contentType, presence.ContentType)
	if e.Kind == presence.KindLeft {
		m.Header.Set(kvOperation, "DEL") // empties the user's key in the table
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event of tenant %s: %w", e.Tenant, err)
	}
	m.Data = data
	return m, nil
}

func sourceMessage(prefix string, e *presence.SourceEvent) (*nats.Msg, error) {
	m := nats.NewMsg(e.Subject(prefix))
	m.Header.Set(contentType, presence.ContentType)
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID(), err)
	}
	m.Data = data
	return m, nil
}

// send writes the messages, one alone or several as an atomic batch of that id,
// and waits for the reply. An error means that nobody knows whether they were
// stored.
func (l *Log) send(ctx context.Context, id string, msgs []*nats.Msg) (reply, error) {
	if len(msgs) > 1 {
		for i, m := range msgs {
			m.Header.Set(batchIDHeader, id)
			m.Header.Set(batchSequenceHeader, strconv.Itoa(i+1))
		}
		msgs[len(msgs)-1].Header.Set(batchCommitHeader, "1")
	}
	if err := l.tooLarge(msgs); err != nil {
		return reply{fate: wrong, err: err}, nil
	}
	if len(msgs) > 1 {
		for _, m := range msgs[:len(msgs)-1] {
			if err := l.conn.PublishMsg(m); err != nil {
				return reply{}, err
			}
		}
	}
	answer, err := l.conn.RequestMsgWithContext(ctx, msgs[len(msgs)-1])
	if errors.Is(err, nats.ErrNoResponders) {
		return reply{}, fmt.Errorf("no stream takes %s: %w", hideUsers(msgs[len(msgs)-1].Subject), err)
	}
	if err != nil {
		return reply{}, err
	}
	return parseReply(l.cfg.Stream, answer.Data, len(msgs))
}

// tooLarge tells before anything is sent that the server would not take a message.
// The client refuses it too, but in the middle of a batch.
func (l *Log) tooLarge(msgs []*nats.Msg) error {
	limit := int(l.conn.MaxPayload())
	for _, m := range msgs {
		if size := m.Size() - len(m.Subject); limit > 0 && size > limit {
			return fmt.Errorf("%w: a message of %d bytes is above the server's max_payload of %d: raise it", ErrUnfit, size, limit)
		}
	}
	return nil
}
