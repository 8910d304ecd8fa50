package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
)

// Load reads the tenant's last-known state as it was when own was written, the
// owner message that Acquire returned; nobody but us can have changed it since. It is
// not intact if the states do not add up to the summary on record, even after
// reading the whole log: some of them are then missing or old.
//
// First the table, then the log from where the table is complete, up to own. The
// table alone is never enough: the server fills it a moment after the log. And an
// empty answer is never the end, because a server under stress gives those too;
// only reaching own is.
//
// A connection, a server or a leader that is lost for a while makes it longer; a
// missing right ends it at once, anything else after half a minute without progress.
func (c *Chain) Load(ctx context.Context, own presence.Owner) (presence.Loaded, error) {
	var l presence.Loaded
	for _, way := range []way{tail, whole, bare} {
		var err error
		places := map[presence.UserID]place{}
		if l, err = c.log.load(ctx, c.cfg.Tenant, own, way, places); err != nil {
			return presence.Loaded{}, fmt.Errorf("load state of tenant %s: %w", c.cfg.Tenant, err)
		}
		if l.Intact && way != tail {
			c.log.mend(ctx, c.cfg.Tenant, l.States, places)
		}
		if l.Intact {
			return l, nil
		}
	}
	// Another owner's writes do not add up with our summary, and that is no damage.
	now, err := c.Owner(ctx)
	if err != nil {
		return presence.Loaded{}, fmt.Errorf("load state of tenant %s: %w", c.cfg.Tenant, err)
	}
	if now.Replica != own.Replica || now.Epoch != own.Epoch {
		return presence.Loaded{}, fmt.Errorf("load state of tenant %s: %w", c.cfg.Tenant, deposedBy(now))
	}
	return l, nil
}

// way is what a load reads. Each is slower and trusts less than the one before.
type way int

const (
	tail  way = iota // the table, and what the log has behind it
	whole            // the table, and the log from its beginning: what the table lost, or the log by age, the other has
	bare             // every message of the log, without its index by subject; the table may hold foreign entries
)

// short is the length of a span, in messages, up to which it is read whole: the
// server takes longer to find those of two subjects among a million.
const short = 50_000

// plenty bounds the memory that an owner message can make us take.
const plenty = 4_000_000

// load notes in places where in the log it met each user's newest event.
func (l *Log) load(ctx context.Context, tenant string, own presence.Owner, how way, places map[presence.UserID]place) (presence.Loaded, error) {
	loaded := presence.Loaded{States: make(map[presence.UserID]presence.State, max(0, min(own.Summary.Users, plenty))), Source: own.Summary.Source}
	var since uint64
	if how != bare {
		complete, err := l.loadTable(ctx, tenant, loaded.States)
		if err != nil {
			return loaded, fmt.Errorf("read table: %w", err)
		}
		if how == tail {
			since = complete
		}
	}
	expect := own.Summary
	log := span{stream: l.cfg.Stream, from: min(since, own.Summary.AsOf) + 1, until: own.Sequence}
	if how != bare && log.until > log.from+short {
		log.filters = []string{l.cfg.Prefix + "." + tenant + ".>", l.ownerSubject(tenant)}
	}
	reached, err := l.replay(ctx, log, func(m jetstream.Msg, seq uint64) {
		if state, ok := strings.CutPrefix(m.Subject(), l.cfg.Prefix+"."+tenant+".source."); ok && seq > own.Summary.AsOf {
			loaded.Source = presence.SourceState(state)
		}
		e, ok := remember(loaded.States, tenant, m, func(e presence.Event) string { return e.Subject(l.cfg.Prefix) })
		if ok && e.Revision >= places[e.User].revision {
			places[e.User] = place{revision: e.Revision, sequence: seq}
		}
		if ok && seq > own.Summary.AsOf {
			expect = expect.Replace(e.User, e.Past(), e.State())
		}
	})
	if err != nil {
		return loaded, fmt.Errorf("read log: %w", err)
	}
	if reached < own.Sequence {
		return loaded, fmt.Errorf("read log: %w", l.removed(ctx))
	}
	switch err := l.same(ctx); { // numbers of another log of its name mean nothing
	case errors.Is(err, ErrReplaced):
		return loaded, fmt.Errorf("read log: %w", l.removed(ctx))
	case err != nil:
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

// loadTable reads the table and returns the log sequence up to which what was read
// is complete; 0 if that cannot be told, and the whole log has to be read.
//
// The server copies the log in order, so an entry from sequence n of the log has
// all earlier ones before it. Who came after the newest entry at the start of the
// reading proves nothing: entries before it may have been read before they changed.
func (l *Log) loadTable(ctx context.Context, tenant string, states map[presence.UserID]presence.State) (since uint64, err error) {
	filter := l.cfg.entry(tenant, "*")
	newest, err := l.last(ctx, l.cfg.table(), filter)
	if err != nil || newest == nil {
		return 0, err
	}
	s := span{stream: l.cfg.table(), filters: []string{filter}, from: 1, until: newest.Sequence}
	_, err = l.replay(ctx, s, func(m jetstream.Msg, seq uint64) {
		remember(states, tenant, m, func(e presence.Event) string { return l.cfg.entry(tenant, string(e.User)) })
		if seq <= newest.Sequence {
			since = max(since, sourceSequence(m.Headers().Get("Nats-Stream-Source"), l.cfg.Stream))
		}
	})
	return since, err
}

// remember keeps the user's newest event; ok if the message is an event of the tenant
// in its own place. What is none of ours is passed over: it cannot be anybody's state,
// and the checksum tells if it replaced one.
func remember(states map[presence.UserID]presence.State, tenant string, m jetstream.Msg, place func(presence.Event) string) (e presence.Event, ok bool) {
	e, err := presence.ParseEvent(m.Data())
	if err != nil || e.Tenant != tenant || m.Subject() != place(e) {
		return e, false
	}
	if e.Revision > states[e.User].Revision {
		states[e.User] = e.State()
	}
	return e, true
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
