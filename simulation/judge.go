package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"presenced/presence"
	"presenced/simulation/natsmodel"
)

// Judge holds the log against what was served and returns what is wrong, nothing
// if all is right.
func Judge(r *Record) []string {
	j := &judge{Record: r, wrong: slices.Clone(r.faults)}
	for i := range r.Plan.Tenants {
		t := j.readTenant(i)
		j.chain(t)
		j.events(t)
		j.reigns(t)
		j.news(t)
		j.table(t)
		j.limit(i)
		j.leases(t)
		j.progress(t)
	}
	return j.wrong
}

type judge struct {
	*Record
	wrong []string
}

func (j *judge) fault(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

func (j *judge) clock(t time.Time) string { return fmt.Sprintf("%.4f", t.Sub(j.Begun).Seconds()) }

// tenantLog is one tenant's part of the log, in order.
type tenantLog struct {
	index  int
	plan   TenantPlan
	owners []ownerAt
	events []eventAt
	news   []newsAt
}

type ownerAt struct {
	presence.Owner
	natsmodel.Message
}

type eventAt struct {
	presence.Event
	natsmodel.Message
	epoch uint64
}

type newsAt struct {
	state presence.SourceState
	cause presence.Cause
	natsmodel.Message
	epoch uint64
}

// readTenant parses a tenant's messages. What cannot be parsed is wrong.
func (j *judge) readTenant(i int) *tenantLog {
	t := &tenantLog{index: i, plan: j.Plan.Tenants[i]}
	name := t.plan.Name
	for _, m := range j.Log {
		last := ownerAt{}
		if n := len(t.owners); n > 0 {
			last = t.owners[n-1]
		}
		switch {
		case strings.HasPrefix(m.Subject, ownerSubject(name)):
			t.owners = append(t.owners, j.readOwner(m))
		case strings.HasPrefix(m.Subject, prefix+"."+name+".source."):
			t.news = append(t.news, j.readNews(m, last.Epoch))
			j.batched(last, m)
		case strings.HasPrefix(m.Subject, prefix+"."+name+"."):
			e, err := presence.ParseEvent(m.Data)
			if err != nil {
				j.fault("message %d on %s is no event: %v", m.Sequence, m.Subject, err)
				continue
			}
			if want := e.Subject(prefix); want != m.Subject {
				j.fault("event %s stands on %s, want %s", e.ID(), m.Subject, want)
			}
			if deleted := m.Get("KV-Operation") == "DEL"; deleted != (e.Kind == presence.KindLeft) {
				j.fault("event %s of kind %s: KV-Operation DEL is %v", e.ID(), e.Kind, deleted)
			}
			t.events = append(t.events, eventAt{e, m, last.Epoch})
			j.batched(last, m)
		}
	}
	return t
}

// batched checks that a message follows an owner message in its batch.
func (j *judge) batched(owner ownerAt, m natsmodel.Message) {
	const id = "Nats-Batch-Id"
	if m.Get(id) == "" || m.Get(id) != owner.Get(id) {
		j.fault("message %d on %s is not in the batch of owner message %d", m.Sequence, m.Subject, owner.Message.Sequence)
	}
}

// events checks each user's story: no gap, no double, before is what was.
func (j *judge) events(t *tenantLog) {
	last := map[presence.UserID]presence.Event{}
	for _, e := range t.events {
		was, id := last[e.User], e.ID()
		last[e.User] = e.Event
		if e.Revision != was.Revision+1 {
			j.fault("event %s follows revision %d", id, was.Revision)
		}
		if e.Observed.At.Before(was.Observed.At) || e.Observed.NotBefore.After(e.Observed.At) || e.Observed.At.After(e.Stored) {
			j.fault("event %s: its times go back: %v before %v", id, e.Observed, was.Observed.At)
		}
		if e.Reason == presence.ReasonStateLost {
			j.fault("event %s says that state was lost", id)
		}
		if e.Kind == presence.KindSnapshot {
			if was.After != nil {
				j.fault("event %s is a snapshot of who was known", id)
			}
			continue
		}
		if was.After == nil {
			j.fault("event %s of kind %s of who was not known", id, e.Kind)
			continue
		}
		if e.Before == nil || words(e.Before.Presence) != words(*was.After) || !e.Before.Since.Equal(was.Observed.At) {
			j.fault("event %s: before is %v, was %v since %v", id, e.Before, was.After, was.Observed.At)
		}
		if e.Kind == presence.KindChange {
			j.change(t, e)
		}
	}
}

// change checks what a change says of itself.
func (j *judge) change(t *tenantLog, e eventAt) {
	if len(e.Changed) == 0 || words(e.Before.Presence) == words(*e.After) {
		j.fault("event %s: nothing changed", e.ID())
	}
	span := e.Observed.At.Sub(e.Observed.NotBefore)
	if gap := span > 2*t.plan.Interval; gap != e.Gap {
		j.fault("event %s: gap is %v for a span of %v", e.ID(), e.Gap, span)
	}
	var confirmed time.Time // that the old state held
	for _, a := range j.answers {
		if a.tenant == t.index && a.user == e.User && a.words() == words(e.Before.Presence) && !a.at.After(e.Stored) {
			confirmed = a.at
		}
	}
	if e.Observed.NotBefore.After(confirmed) {
		j.fault("event %s: notBefore is %s, and nobody was told so after %s", e.ID(), j.clock(e.Observed.NotBefore), j.clock(confirmed))
	}
}

func words(p presence.Presence) string { return p.Availability + "/" + p.Activity }

func (a answer) words() string { return a.availability + "/" + a.action }

// table checks that it is what the log adds up to.
func (j *judge) table(t *tenantLog) {
	want := map[string]eventAt{}
	for _, e := range t.events {
		want["$KV."+prefix+"."+t.plan.Name+"."+string(e.User)] = e
	}
	got := map[string]string{}
	for _, m := range j.Table {
		if !m.Gone && strings.HasPrefix(m.Subject, "$KV."+prefix+"."+t.plan.Name+".") {
			got[m.Subject] = string(m.Data)
		}
	}
	for key, e := range want {
		if got[key] != string(e.Data) {
			j.fault("table %s holds %.60q, want event %s", key, got[key], e.ID())
		}
		delete(got, key)
	}
	if len(got) > 0 {
		j.fault("table of %s holds %d keys that the log has not", t.plan.Name, len(got))
	}
}

// limit checks every sliding window at Graph.
func (j *judge) limit(tenant int) {
	const window = 30 * time.Second
	at := j.arrivals[tenant]
	first := 0
	for i := range at {
		for at[i].Sub(at[first]) >= window {
			first++
		}
		if n := i - first + 1; n > j.Plan.Tenants[tenant].Limit {
			j.fault("%d requests for %s reached Graph in the 30 s up to %s, want at most %d", n, j.Plan.Tenants[tenant].Name, j.clock(at[i]), j.Plan.Tenants[tenant].Limit)
			return
		}
	}
}

// progress checks that after the storm everything is as if there had been none.
func (j *judge) progress(t *tenantLog) {
	o := j.owners[t.index]
	if n := len(t.owners); n > 0 && !t.owners[n-1].Released {
		j.fault("%s was not given up at the end", t.plan.Name)
	}
	if o.process == nil {
		j.fault("nobody owns %s at the end", t.plan.Name)
		return
	}
	if age := j.Begun.Add(j.Plan.Length).Sub(o.swept); age > 4*t.plan.Interval+5*time.Second {
		j.fault("%s was swept whole %v before the end", t.plan.Name, age)
		return
	}
	if !o.settled {
		return // a planned hand-over just before the end: the new owner waits for the limit, with a roster of its own
	}
	state := map[presence.UserID]presence.Event{}
	for _, e := range t.events {
		state[e.User] = e.Event
	}
	now := map[presence.UserID]string{}
	for _, a := range j.answers {
		if a.tenant == t.index {
			now[a.user] = a.words()
		}
	}
	for _, user := range o.users {
		if e, ok := state[user]; !ok || e.After == nil || words(*e.After) != now[user] {
			j.fault("user %s of %s is %s at the end, the log says %v", user, t.plan.Name, now[user], e.After)
		}
		delete(state, user)
	}
	for user, e := range state {
		if e.Kind != presence.KindLeft {
			j.fault("user %s of %s is not watched at the end, and did not leave", user, t.plan.Name)
		}
	}
}
