package publisher

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// span is a part of a stream.
type span struct {
	stream  string
	filters []string // none: every message
	from    uint64   // first sequence
	until   uint64   // last; endless: go on for ever
}

const endless = math.MaxUint64

// patience is how long a reader goes on without one message. Within it a cluster
// has elected new leaders and a server is up again.
const patience = 30 * time.Second

// idle is how long a reader waits for the next message, once or twice, before it
// asks the leader whether there is one.
const idle = 500 * time.Millisecond

// window is how many messages a reader asks for at a time.
const window = 2000

// replay calls fn for the messages of the span, each once and in order, and
// returns the sequence that it came to. It is at the end when a message has reached
// until, or when the leader has none behind the last one read: the message at until
// may have been replaced or removed. That nothing comes is never the end, because
// the consumer may live on a follower that is behind, or may be dead.
//
// It lasts longer than its consumer: one that is lost is replaced by another,
// behind the last message read.
func (l *Log) replay(ctx context.Context, s span, fn func(m jetstream.Msg, seq uint64)) (reached uint64, err error) {
	r := reader{log: l, span: s, reached: s.from - 1}
	progress := time.Now()
	for r.reached < s.until {
		before := r.reached
		err := r.read(ctx, fn)
		if ctx.Err() != nil {
			return r.reached, ctx.Err()
		}
		if r.reached > before {
			progress = time.Now()
		}
		if err == nil || errors.Is(err, errEnd) {
			break
		}
		if s.until < endless && time.Since(progress) > patience || final(err) {
			return r.reached, err
		}
		pause(ctx, 100*time.Millisecond)
	}
	return r.reached, nil
}

// errEnd says that the leader has no message behind the last one read.
var errEnd = errors.New("no more messages")

// final tells what another consumer would not change.
func final(err error) bool {
	return hopeless(err) || errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrConnectionClosed)
}

// reader reads a span. reached is the sequence of the last message read.
type reader struct {
	log *Log
	span
	reached uint64
}

// read makes a consumer and reads until the end of the span, or until the consumer
// fails or falls silent, which is an error.
func (r *reader) read(ctx context.Context, fn func(m jetstream.Msg, seq uint64)) error {
	start := time.Now()
	name := nats.NewInbox()[len(nats.InboxPrefix):] // ours, to be deleted even if we never hear that it was made
	defer r.remove(ctx, name)
	consumer, err := r.log.js.CreateConsumer(ctx, r.stream, jetstream.ConsumerConfig{
		Name:              name,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.reached + 1,
		FilterSubjects:    r.filters,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: 30 * time.Second,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return r.failed(start, err)
	}
	arrived, broken := make(chan jetstream.Msg, window), make(chan error, 1)
	over := make(chan struct{})
	defer close(over)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case arrived <- m:
		case <-over:
		}
	}, jetstream.PullMaxMessages(window), jetstream.PullHeartbeat(5*time.Second), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		select {
		case broken <- err:
		default: // one is enough to give the consumer up
		}
	}))
	if err != nil {
		return r.failed(start, err)
	}
	defer consuming.Stop()
	err = r.follow(ctx, feed{arrived, broken, consuming.Closed()}, fn)
	if err == nil || errors.Is(err, errEnd) {
		return err
	}
	return r.failed(start, err)
}

// feed is what comes from a consumer.
type feed struct {
	arrived <-chan jetstream.Msg
	broken  <-chan error    // why it is of no use any more
	closed  <-chan struct{} // with the connection
}

// follow reads what arrives. It waits for messages for ever if the span is endless.
func (r *reader) follow(ctx context.Context, from feed, fn func(m jetstream.Msg, seq uint64)) error {
	clock := time.NewTicker(idle)
	defer clock.Stop()
	delivered, silent := uint64(0), 0 // ticks without a message
	for r.reached < r.until {
		select {
		case m := <-from.arrived:
			silent = 0
			md, err := m.Metadata()
			if err != nil {
				return fmt.Errorf("read a message's metadata: %w", err)
			}
			if delivered++; md.Sequence.Consumer != delivered {
				return errors.New("a message was lost on the way")
			}
			r.reached = md.Sequence.Stream
			fn(m, r.reached)
		case err := <-from.broken:
			return err
		case <-from.closed:
			return errors.New("the subscription was closed")
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
			if silent++; r.until == endless || silent == 1 { // the last message may just have come
				continue
			}
			if err := r.look(ctx); err != nil {
				return err
			}
			if silent == 6 {
				return errors.New("the consumer fell silent")
			}
		}
	}
	return nil
}

// look asks the leader whether a message is still to come; errEnd if not.
func (r *reader) look(ctx context.Context) error {
	filters := r.filters
	if len(filters) == 0 {
		filters = []string{">"}
	}
	for _, filter := range filters {
		m, err := r.log.last(ctx, r.stream, filter)
		if err != nil {
			return err
		}
		if m != nil && m.Sequence > r.reached {
			return nil
		}
	}
	return errEnd
}

func (r *reader) failed(start time.Time, err error) error {
	if denied := r.log.conn.deniedSince(start); denied != nil {
		return denied
	}
	return err
}

// remove deletes the consumer, even if ctx has ended. What cannot be deleted now
// goes by itself after its inactive threshold.
func (r *reader) remove(ctx context.Context, consumer string) {
	if !r.log.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = r.log.js.DeleteConsumer(ctx, r.stream, consumer) // see above
}
