package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
)

// Load reads the tenant's last-known state as it was when own was written, the
// owner message that Acquire returned; nobody but us can have changed it since. It is not intact if the
// states do not add up to the summary on record, even after reading the whole log:
// some of them are then missing or old.
//
// First the table, then the log from where the table was when we began to read
// it, up to own. The table alone is never enough: the server fills it a moment
// after the log. And an empty answer is never the end, because a server under
// stress gives those too; only reaching own is.
func (c *Chain) Load(ctx context.Context, own presence.Owner) (presence.Loaded, error) {
	var l presence.Loaded
	for _, way := range []way{tail, whole, bare} {
		var err error
		if l, err = c.log.load(ctx, c.cfg.Tenant, own, way); err != nil {
			return presence.Loaded{}, fmt.Errorf("load state of tenant %s: %w", c.cfg.Tenant, err)
		}
		if l.Intact {
			break
		}
	}
	return l, nil
}

// way is what a load reads. Each is slower and trusts less than the one before.
type way int

const (
	tail  way = iota // the table, and what the log has behind it
	whole            // the table, and all of the tenant's log: what the table lost, or the log by age, the other has
	bare             // every message of the log, without its index by subject; the table may hold foreign entries
)

func (l *Log) load(ctx context.Context, tenant string, own presence.Owner, how way) (presence.Loaded, error) {
	loaded := presence.Loaded{States: make(map[presence.UserID]presence.State), Source: own.Summary.Source}
	var since uint64
	filters := []string{l.cfg.Prefix + "." + tenant + ".>", ownerSubject(tenant)}
	if how == bare {
		filters = nil
	} else {
		reached, err := l.loadTable(ctx, tenant, loaded.States)
		if err != nil {
			return loaded, fmt.Errorf("read table: %w", err)
		}
		if how == tail {
			since = reached
		}
	}
	expect := own.Summary
	err := l.replay(ctx, l.stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: filters,
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    min(since, own.Summary.AsOf) + 1,
	}, own.Sequence, func(m jetstream.Msg, seq uint64) {
		if state, ok := strings.CutPrefix(m.Subject(), l.cfg.Prefix+"."+tenant+".source."); ok && seq > own.Summary.AsOf {
			loaded.Source = presence.SourceState(state)
		}
		e, ok := remember(loaded.States, tenant, m.Data())
		if ok && seq > own.Summary.AsOf {
			expect = expect.Replace(e.User, e.Past(), e.State())
		}
	})
	if err != nil {
		return loaded, fmt.Errorf("read log: %w", err)
	}
	// A tenant whose owner message expired, or that never had one with a summary, has
	// nothing to compare with.
	found := presence.Summary{Floor: expect.Floor}
	for user, s := range loaded.States {
		found = found.Replace(user, presence.State{}, s)
	}
	loaded.Expected, loaded.Found = expect, found
	loaded.Intact = own.Summary.Roster == 0 || found.Users == expect.Users && found.Checksum == expect.Checksum
	return loaded, nil
}

// loadTable reads the table and returns the log sequence up to which it was filled
// when the reading began; 0 if that cannot be told, and the whole log has to be
// read.
func (l *Log) loadTable(ctx context.Context, tenant string, states map[presence.UserID]presence.State) (since uint64, err error) {
	if since, err = l.tableReached(ctx); err != nil {
		return 0, err
	}
	return since, l.replay(ctx, l.table, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"$KV." + l.cfg.Bucket() + "." + tenant + ".*"},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
	}, 0, func(m jetstream.Msg, _ uint64) { remember(states, tenant, m.Data()) })
}

// remember keeps the user's newest event; ok if the message is an event. What is
// none of ours is passed over: it cannot be anybody's state, and the checksum tells
// if it replaced one.
func remember(states map[presence.UserID]presence.State, tenant string, payload []byte) (e presence.Event, ok bool) {
	e, err := presence.ParseEvent(payload)
	if err != nil || e.Tenant != tenant {
		return e, false
	}
	if e.Revision > states[e.User].Revision {
		states[e.User] = e.State()
	}
	return e, true
}

// tableReached is the log sequence up to which the table was filled at this
// moment; 0 if that cannot be told, and the whole log has to be read.
func (l *Log) tableReached(ctx context.Context) (uint64, error) {
	m, err := l.table.GetLastMsgForSubject(ctx, "$KV."+l.cfg.Bucket()+".>")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return sourceSequence(m.Header.Get("Nats-Stream-Source"), l.cfg.Stream), nil
}

// sourceSequence reads the header that the server adds to a sourced message: the
// stream, the sequence there, and more. A message somebody else put into the
// table has none.
func sourceSequence(header, stream string) uint64 {
	fields := strings.Fields(header)
	if len(fields) < 2 || strings.SplitN(fields[0], ":", 2)[0] != stream {
		return 0
	}
	n, _ := strconv.ParseUint(fields[1], 10, 64)
	return n
}

// replay calls fn for the messages of a consumer in order: until one has reached
// the sequence barrier, or, with barrier 0, until none is left.
func (l *Log) replay(ctx context.Context, s jetstream.Stream, cfg jetstream.OrderedConsumerConfig, barrier uint64, fn func(m jetstream.Msg, seq uint64)) error {
	consumer, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return err
	}
	if done, err := drained(ctx, consumer, barrier); done || err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(time.Second))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrTimeout):
			// A message that was the last when the count was made may have been replaced
			// by a newer one that we already have: the count never gets to 0 by itself.
			if done, err := drained(ctx, consumer, barrier); done || err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		md, err := m.Metadata()
		if err != nil {
			return err
		}
		fn(m, md.Sequence.Stream)
		if barrier == 0 && md.NumPending == 0 || barrier > 0 && md.Sequence.Stream >= barrier {
			return nil
		}
	}
}

// drained asks the server whether a consumer that reads without a barrier has
// nothing left.
func drained(ctx context.Context, c jetstream.Consumer, barrier uint64) (bool, error) {
	if barrier > 0 {
		return false, nil
	}
	info, err := c.Info(ctx)
	if err != nil {
		return false, err
	}
	return info.NumPending == 0 && info.NumAckPending == 0, nil
}
