package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answerTime is how long a question to a stream may take. A cluster that elects a
// leader does not answer at all.
const answerTime = 5 * time.Second

// message is a stored message as its stream's leader shows it.
type message struct {
	Sequence uint64 `json:"seq"`
	Headers  []byte `json:"hdrs"`
	Data     []byte `json:"data"`
}

func (m *message) header(key string) string {
	h, err := nats.DecodeHeadersMsg(m.Headers)
	if err != nil {
		return ""
	}
	return h.Get(key)
}

// last reads the newest message that matches the subject; nil if there is none. It
// always asks the stream's leader. The client library asks any follower where the
// stream allows that, and a follower may not know yet of what was acknowledged.
func (l *Log) last(ctx context.Context, stream, subject string) (*message, error) {
	return l.ask(ctx, stream, map[string]any{"last_by_subj": subject})
}

// at reads the message of that sequence from the stream's leader; nil if there is
// none.
func (l *Log) at(ctx context.Context, stream string, seq uint64) (*message, error) {
	return l.ask(ctx, stream, map[string]any{"seq": seq})
}

func (l *Log) ask(ctx context.Context, stream string, question map[string]any) (*message, error) {
	data, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	sent := time.Now()
	m, err := l.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, data)
	if err != nil {
		return nil, l.unanswered(sent, stream, err)
	}
	var answer struct {
		Message *message            `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("read answer of stream %s: %w", stream, err)
	}
	switch {
	case answer.Error == nil && answer.Message != nil:
		return answer.Message, nil
	case answer.Error == nil:
		return nil, fmt.Errorf("read answer of stream %s: neither a message nor an error", stream)
	case answer.Error.ErrorCode == codeMessageNotFound:
		return nil, nil
	case answer.Error.ErrorCode == codeStreamNotFound:
		return nil, fmt.Errorf("stream %s: %w: restart presenced, which makes it anew if nats.stream.manage is create", stream, answer.Error)
	}
	return nil, fmt.Errorf("stream %s: %w", stream, answer.Error)
}

// unanswered names the right that is missing, where that is why nobody answered.
func (l *Log) unanswered(sent time.Time, stream string, err error) error {
	if denied := l.conn.deniedSince(sent); denied != nil {
		return denied
	}
	return fmt.Errorf("stream %s does not answer: %w", stream, err)
}
