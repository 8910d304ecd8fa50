package simulation

import (
	"fmt"
	"slices"
	"time"

	"presenced/presence"
)

// told is an event that had to come of an answer, in short, and when.
type told struct {
	text string
	at   time.Time
}

// memory is what a reign knows of a user, by the rules of docs/guarantees.md.
type memory struct {
	words, stamp string
	known        bool
	unknowns     int
}

// reigns checks for each reign that its events are exactly those that its answers
// call for. What may be missing at the end is what it had been told when it died
// or was deposed and had not had the time to write.
func (j *judge) reigns(t *tenantLog) {
	written := map[uint64]map[presence.UserID][]string{}
	for _, e := range t.events {
		if written[e.epoch] == nil {
			written[e.epoch] = map[presence.UserID][]string{}
		}
		written[e.epoch][e.User] = append(written[e.epoch][e.User], brief(e.Event))
	}
	for _, term := range j.terms {
		if term.tenant != t.index {
			continue
		}
		due := j.due(t, term)
		for user, events := range written[term.epoch] {
			j.compare(t, term, user, due[user], events)
			delete(due, user)
		}
		for user, events := range due {
			j.compare(t, term, user, events, nil)
		}
		delete(written, term.epoch)
	}
	for epoch, users := range written {
		j.fault("events of %d users of %s in epoch %d, in which nobody reigned", len(users), t.plan.Name, epoch)
	}
}

func brief(e presence.Event) string {
	if e.After == nil {
		return string(e.Kind)
	}
	return fmt.Sprintf("%s %s", e.Kind, words(*e.After))
}

// due is what a reign had to write, by user.
func (j *judge) due(t *tenantLog, term *term) map[presence.UserID][]told {
	due := map[presence.UserID][]told{}
	known := map[presence.UserID]*memory{}
	for _, e := range t.events { // the log as it was before
		if e.epoch >= term.epoch {
			break
		}
		m := &memory{}
		if e.After != nil {
			*m = memory{words: words(*e.After), stamp: e.After.SequenceNumber, known: true}
		}
		known[e.User] = m
	}
	roster := term.process.rosters[t.index]
	for user, m := range known {
		if m.known && !slices.Contains(roster, user) {
			due[user] = []told{{string(presence.KindLeft), term.from}}
			m.known = false
		}
	}
	for _, a := range term.answers {
		m := known[a.user]
		if m == nil {
			m = &memory{}
			known[a.user] = m
		}
		if kind := m.hear(a, t.plan.UnknownAfter); kind != "" {
			due[a.user] = append(due[a.user], told{fmt.Sprintf("%s %s", kind, a.words()), a.at})
		}
	}
	return due
}

// hear takes an answer in and returns the kind of event that it calls for.
func (m *memory) hear(a answer, unknownAfter int) presence.Kind {
	if a.availability == presence.Unknown && !(m.known && m.words == a.words()) {
		if m.unknowns++; m.unknowns < unknownAfter {
			return ""
		}
	}
	if a.availability != presence.Unknown {
		m.unknowns = 0
	}
	switch {
	case m.known && a.stamp != "" && a.stamp < m.stamp:
		return "" // older than what is known
	case m.known && m.words == a.words():
		if a.stamp != "" {
			m.stamp = a.stamp
		}
		return ""
	}
	kind := presence.KindChange
	if !m.known {
		kind = presence.KindSnapshot
	}
	*m = memory{words: a.words(), stamp: a.stamp, known: true}
	return kind
}

func (j *judge) compare(t *tenantLog, term *term, user presence.UserID, due []told, events []string) {
	where := fmt.Sprintf("%s, epoch %d of %s (%s)", t.plan.Name, term.epoch, term.process.name, user[:4])
	for i, got := range events {
		if i >= len(due) {
			j.fault("%s: event %d is %q, and nothing called for it", where, i, got)
			return
		}
		if got != due[i].text {
			j.fault("%s: event %d is %q, want %q of %s", where, i, got, due[i].text, j.clock(due[i].at))
			return
		}
	}
	if len(due) > len(events) && !j.excused(t, term, due[len(events)]) {
		d := due[len(events)]
		j.fault("%s: event %d is missing: %q of %s", where, len(events), d.text, j.clock(d.at))
	}
}

// excused reports whether what is due may be missing: the reign ended against its
// will, and it had not begun a write after the answer that went through. The write
// under way when the answer came may have gone through, and one that says that NATS
// could not be reached; the one after them must hold it.
func (j *judge) excused(t *tenantLog, term *term, d told) bool {
	for _, o := range t.owners {
		if o.Epoch == term.epoch && o.Released {
			return false
		}
	}
	later := 0
	for _, at := range term.acked {
		if at.After(d.at) {
			later++
		}
	}
	return later < 3
}

// news checks that what was said of what can be seen of a tenant is what its
// sweeps call for: up at once, less than up after two sweeps or when nobody can
// see the end of it.
func (j *judge) news(t *tenantLog) {
	said := presence.SourceState("")
	for _, term := range j.terms {
		if term.tenant != t.index {
			continue
		}
		var got []presence.SourceState
		var nats []newsAt
		for _, n := range t.news {
			if n.epoch == term.epoch && n.cause == presence.CauseNATS {
				nats = append(nats, n)
			}
			switch {
			case n.epoch < term.epoch:
				said = n.state
			case n.epoch == term.epoch:
				got = append(got, n.state)
			}
		}
		want := j.sayings(t, term, said, nats)
		if len(got) < len(want) || len(got) > len(want)+1 || !slices.Equal(got[:len(want)], want) {
			j.fault("%s, epoch %d of %s: source was said to be %v, want %v", t.plan.Name, term.epoch, term.process.name, got, want)
		}
	}
}

// sayings is what had to be said in a reign. That NATS could not be reached is not
// for its sweeps to say, unless they lacked the permit: it must be true.
func (j *judge) sayings(t *tenantLog, term *term, said presence.SourceState, nats []newsAt) []presence.SourceState {
	var want []presence.SourceState
	outages := func(until time.Time, cause presence.Cause) {
		for ; len(nats) > 0 && nats[0].Stored.Before(until); nats = nats[1:] {
			if cause != presence.CauseNATS && !j.silent(t, nats[0]) && !term.unanswered(2*t.plan.Interval, nats[0].Stored) && !term.process.troubledBefore(t.index, nats[0].Stored) {
				j.fault("%s: news %d says that NATS could not be reached, and it could", t.plan.Name, nats[0].Sequence)
			}
			want, said = append(want, nats[0].state), nats[0].state
		}
	}
	before := presence.SourceState("")
	for _, s := range term.sweeps {
		outages(s.at, s.Cause)
		now := presence.SourceUp
		switch {
		case s.Users > 0 && s.Known+s.Unknown == 0, s.Failed == s.Requests && s.Failed > 0:
			now = presence.SourceDown
			for _, a := range term.answers {
				if a.at.After(s.Started) && a.at.Before(s.Started.Add(s.Took)) {
					j.fault("%s, epoch %d of %s: a sweep at %s says that nothing was answered, and %s was told at %s", t.plan.Name, term.epoch, term.process.name, j.clock(s.Started), a.user[:4], j.clock(a.at))
				}
			}
		case s.Failed > 0:
			now = presence.SourceDegraded
		}
		if now != said && (now == presence.SourceUp || now == before || s.Cause.Permanent()) {
			want = append(want, now)
			said = now
		}
		before = now
	}
	outages(j.Begun.Add(24*time.Hour), presence.CauseNone)
	return want
}

// unanswered reports whether the reign's writes got no ack for so long, not long
// before: what is stored without a word is not known to be.
func (t *term) unanswered(long time.Duration, at time.Time) bool {
	before := t.from
	for _, acked := range t.acked {
		if acked.Sub(before) > long && acked.Before(at) && at.Sub(acked) < time.Minute {
			return true
		}
		before = acked
	}
	return false
}

// troubledBefore reports whether the process could not reach the log not long
// before: it cannot know that others could.
func (p *process) troubledBefore(tenant int, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.troubles[tenant], func(t time.Time) bool { return t.Before(at) && at.Sub(t) < 2*time.Minute })
}

// silent reports whether for longer than two intervals, not long before n, nobody
// wrote for the tenant.
func (j *judge) silent(t *tenantLog, n newsAt) bool {
	for i, o := range t.owners[1:] {
		before := t.owners[i].Stored
		if o.Stored.Sub(before) > 2*t.plan.Interval && !o.Stored.After(n.Stored) && n.Stored.Sub(o.Stored) < time.Minute {
			return true
		}
	}
	return false
}
