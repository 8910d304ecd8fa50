package presence

import (
	"time"
)

// Rule is how a tenant's answers are compared.
type Rule struct {
	Tenant   string        // alias, a subject token
	GapAfter time.Duration // a change seen longer than this after its before was confirmed is marked as a gap
	Floor    uint64        // states up to this revision were damaged once and are not believed; 0: none
}

// Trusted is the state to compare with: the last-known one, or none if it dates
// from before the damage. Its revision is one that no event id used is above, so
// that no id ever comes twice.
func (r Rule) Trusted(last State) State {
	if last.Revision <= r.Floor {
		return State{Revision: r.Floor, Left: true}
	}
	return last
}

// Diff compares an answer with the last-known state. It returns the event that
// is due, or nil when there is nothing to tell, and the state that holds once the
// event is in the log (for nil: at once).
//
// An answer that has a field which the state lacks, because it is collected from
// now on, is a snapshot with a before: nothing is known to have changed, but the
// field is part of the state. The other way round there is no event: a field that
// is not collected any more leaves the state with the next one.
//
// An answer older than the state by Graph's own sequence number is refused: no
// event, state as it was. The times of an event never go back behind the state's,
// whatever the clock did.
func (r Rule) Diff(last State, a Answer) (*Event, State) {
	lost := r.Floor > 0 && last.Revision <= r.Floor
	last = r.Trusted(last)
	if last.Seen() && older(a.Presence.SequenceNumber, last.Presence.SequenceNumber) {
		return nil, last
	}
	a.Asked, a.At = latest(toWire(a.Asked), last.Confirmed), latest(toWire(a.At), last.Confirmed, last.Since)
	next := State{Presence: a.Presence, Revision: last.Revision + 1, Since: a.At, Confirmed: a.Asked}
	if !last.Seen() {
		reason := ReasonSnapshot
		if lost {
			reason = ReasonStateLost
		}
		return r.event(a, KindSnapshot, reason, next), next
	}
	changed := last.Presence.changed(a.Presence)
	if len(changed) == 0 {
		if last.Presence.lacks(a.Presence) { // or the first real change of the new field would go unseen
			e := r.event(a, KindSnapshot, ReasonSnapshot, next)
			e.Before = past(last)
			return e, next
		}
		same := last
		same.Confirmed = a.Asked
		if a.Presence.SequenceNumber != "" {
			same.Presence.SequenceNumber = a.Presence.SequenceNumber
		}
		return nil, same
	}
	e := r.event(a, KindChange, ReasonChange, next)
	e.Changed = changed
	e.Before = past(last)
	e.Observed.NotBefore = last.Confirmed
	e.Gap = a.At.Sub(last.Confirmed) > r.GapAfter
	return e, next
}

// Leave is the event of a user who is no longer on the roster, and the state that
// holds once it is in the log. The revision lives on: a user who comes back goes
// on counting.
func (r Rule) Leave(user UserID, last State, at time.Time) (*Event, State) {
	at = latest(toWire(at), last.Confirmed, last.Since)
	next := State{Presence: last.Presence, Revision: max(last.Revision, r.Floor) + 1, Since: at, Left: true, Confirmed: at}
	return &Event{
		Kind: KindLeft, Tenant: r.Tenant, User: user, Revision: next.Revision,
		Before: past(last), Observed: Observed{At: at}, Reason: ReasonLeft,
	}, next
}

func (r Rule) event(a Answer, kind Kind, reason Reason, next State) *Event {
	after := next.Presence
	return &Event{
		Kind: kind, Tenant: r.Tenant, User: a.User, Revision: next.Revision,
		After: &after, Observed: Observed{At: next.Since}, Reason: reason,
	}
}

// changed names the fields that differ. A field that one side did not collect is
// no difference: switching collection on or off is not news about a person.
func (p Presence) changed(q Presence) []string {
	var names []string
	if p.Availability != q.Availability {
		names = append(names, "availability")
	}
	if p.Activity != q.Activity {
		names = append(names, "activity")
	}
	if differ(p.StatusMessage, q.StatusMessage) {
		names = append(names, "statusMessage")
	}
	if differ(p.OutOfOffice, q.OutOfOffice) {
		names = append(names, "outOfOffice")
	}
	if differ(p.WorkLocation, q.WorkLocation) {
		names = append(names, "workLocation")
	}
	return names
}

// lacks reports whether q has a field that p does not.
func (p Presence) lacks(q Presence) bool {
	return p.StatusMessage == nil && q.StatusMessage != nil ||
		p.OutOfOffice == nil && q.OutOfOffice != nil ||
		p.WorkLocation == nil && q.WorkLocation != nil
}

func differ[T comparable](p, q *T) bool { return p != nil && q != nil && *p != *q }

// older compares Graph's version stamps, which sort bytewise; without both there
// is no order to tell.
func older(s, t string) bool { return s != "" && t != "" && s < t }

func past(s State) *Past { return &Past{Presence: s.Presence, Since: s.Since} }

// latest is the latest of the times.
func latest(t time.Time, floors ...time.Time) time.Time {
	for _, f := range floors {
		if t.Before(f) {
			t = f
		}
	}
	return t
}

// toWire is the time as an event carries it: UTC, whole microseconds, without the
// process's own clock, so that a state read back equals the state written and
// times compare as consumers will see them.
func toWire(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
