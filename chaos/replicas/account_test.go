//go:build replicas

package replicas_test

import (
	"time"

	"presenced/audit"
	"presenced/presence"
)

// account is what a process was told about everybody, and whether it surely dealt
// with it. The excuse for an answer that the log does not show is narrow: either
// the process cannot be proved to have read it, or the process never asked for the
// same people again in the same reign.
//
// The first is decided by the connection. A client that reads an answer to its end
// keeps the connection, for the next request; one that gives an answer up, however
// much of it was sent, closes the connection. So no clock has to say who was too
// late. The second holds because sweeps do not overlap, and the next one begins
// only after every event of the one before is known to be in the log.
func (l *life) account(of map[presence.UserID]string) map[presence.UserID][]audit.Told {
	told := make(map[presence.UserID][]audit.Told)
	requests := l.front.all()
	for i, q := range requests {
		if q.whole.IsZero() || len(q.told) == 0 {
			continue
		}
		dealt := l.dealt(q, requests[i+1:], of[presence.UserID(q.ids[0])])
		for _, a := range q.told {
			told[a.User] = append(told[a.User], audit.Told{Process: l.name, Presence: a.Presence, Asked: q.asked, Dealt: dealt})
		}
	}
	return told
}

// closing is how long it may take until we hear that a connection was closed.
const closing = 5 * time.Second

func (l *life) dealt(q request, later []request, tenant string) bool {
	reign := l.tap.reign(tenant, q.asked)
	turns, closed := q.wire.state()
	for _, next := range later {
		if next.ids[0] != q.ids[0] {
			continue
		}
		read := turns > q.turn || closed.IsZero() || closed.After(next.asked.Add(closing))
		return read && reign > 0 && l.tap.reign(tenant, next.asked) == reign
	}
	return turns > q.turn && l.released(tenant, reign)
}

// released reports whether the reign was the process's last and it gave the tenant up
// of its own will, which it does only once what it read is written.
func (l *life) released(tenant string, reign uint64) bool {
	c, ok := l.tap.last(tenant)
	if !ok || !c.Released || c.Epoch != reign || l.termed.IsZero() || !l.IsOver() || l.ProcessState.ExitCode() != 0 {
		return false
	}
	_, failed := l.journal.SaidOf(tenant, "stopped without giving the tenant up")
	return !failed
}
