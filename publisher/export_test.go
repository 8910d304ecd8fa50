package publisher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
)

// IsStored reports whether a reply passes for the ack of n messages.
func IsStored(data []byte, n int) bool {
	r, err := parseReply("PRESENCE", data, n)
	return err == nil && r.fate == stored
}

// ParseOwner reads an owner message that stands at a sequence.
func ParseOwner(sequence uint64, data []byte) presence.Owner {
	return parseOwner(&message{Sequence: sequence, Data: data})
}

// Doubt makes the chain believe that it lost the ack of a batch, and returns the
// number of the owner message at its head.
func Doubt(c *Chain, batch string, events int) uint64 {
	c.n++
	c.doubt = &doubt{n: c.n, batch: batch, events: events, since: time.Now()}
	return c.n
}

// ReplayUntil reads the log up to the sequence that its leader is said to have
// reached.
func ReplayUntil(ctx context.Context, l *Log, filter string, until uint64, fn func(seq uint64)) (reached uint64, err error) {
	s := span{stream: l.cfg.Stream, filters: []string{filter}, from: 1, until: until}
	return l.replay(ctx, s, func(_ jetstream.Msg, seq uint64) { fn(seq) })
}

// OwnerSubject is where the tenant's owner message lives.
func OwnerSubject(l *Log, tenant string) string { return l.ownerSubject(tenant) }

// Mend puts entries into the table that the log has at the given sequences.
func Mend(ctx context.Context, l *Log, tenant string, states map[presence.UserID]presence.State, at map[presence.UserID]uint64) (int, error) {
	places := map[presence.UserID]place{}
	for user, sequence := range at {
		places[user] = place{revision: states[user].Revision, sequence: sequence}
	}
	return l.putBack(ctx, tenant, states, places)
}

// Put copies the log's message at from into a user's entry, if that is at expect.
func Put(ctx context.Context, l *Log, tenant string, user presence.UserID, from, expect uint64) (bool, error) {
	return l.put(ctx, l.cfg.entry(tenant, string(user)), from, expect)
}

// Send writes an event without an owner message before it.
func Send(ctx context.Context, l *Log, e *presence.Event) error {
	m, err := eventMessage(l.cfg.Prefix, e)
	if err == nil {
		_, err = l.send(ctx, "", []*nats.Msg{m})
	}
	return err
}

// HideUsers cuts subjects off before a user's id.
var HideUsers = hideUsers

// Hear gives the connection an error as NATS would, at that time.
func Hear(c *Connection, err error, at time.Time) { c.hear(err, at) }
