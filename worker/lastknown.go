package worker

import (
	"cmp"
	"slices"
	"time"

	"presenced/presence"
)

// lastKnown is what a tenant's owner remembers of its users: for each the newest
// event in the log. One goroutine owns it. A state moves only by settle, after the
// log has the event.
type lastKnown struct {
	rule         presence.Rule
	unknownAfter int // answers in a row that must say unknown before it is believed

	states  map[presence.UserID]presence.State
	unknown map[presence.UserID]int // how many in a row said so, of those not yet believed
	summary presence.Summary        // of states; Confirmed is as of the last sweep's end
}

// change is an event that is due, and the state that holds once it is in the log.
type change struct {
	event  *presence.Event
	before presence.State
	after  presence.State
}

// newLastKnown takes over what was loaded, the map included. States that do not add
// up are not believed from now on: who is answered next starts anew, with a snapshot
// that says so. They stay, for those who are to leave.
func newLastKnown(tenant string, unknownAfter int, roster []presence.UserID, loaded presence.Loaded, past presence.Summary) *lastKnown {
	k := &lastKnown{
		unknownAfter: unknownAfter,
		states:       loaded.States,
		unknown:      make(map[presence.UserID]int),
		summary:      presence.Summary{Confirmed: past.Confirmed, Source: loaded.Source, Roster: len(roster)},
	}
	if loaded.Intact {
		k.summary.Floor = past.Floor
		k.summary.Users, k.summary.Checksum = loaded.Found.Users, loaded.Found.Checksum
		k.summary.Revision = max(past.Revision, past.Floor, loaded.Found.Revision)
	} else {
		// Above all of them, and events that are lost may have had one more.
		k.summary.Floor = max(past.Revision, highest(loaded.States)) + 1
		k.summary.Revision = k.summary.Floor
	}
	k.rule = presence.Rule{Tenant: tenant, Floor: k.summary.Floor}
	for user, s := range k.states {
		if s.Confirmed.Before(past.Confirmed) {
			s.Confirmed = past.Confirmed // a sweep later than the event confirmed it
			k.states[user] = s
		}
	}
	return k
}

func highest(states map[presence.UserID]presence.State) (revision uint64) {
	for _, s := range states {
		revision = max(revision, s.Revision)
	}
	return revision
}

// leavers are the events of those who have a state but are not on the roster.
func (k *lastKnown) leavers(roster []presence.UserID, now time.Time) []change {
	watched := make(map[presence.UserID]struct{}, len(roster))
	for _, user := range roster {
		watched[user] = struct{}{}
	}
	var due []change
	for user, last := range k.states {
		if _, stays := watched[user]; !stays && last.Seen() {
			e, next := k.rule.Leave(user, last, now)
			due = append(due, change{e, last, next})
		}
	}
	slices.SortFunc(due, func(a, b change) int { return cmp.Compare(a.event.User, b.event.User) })
	return due
}

// compare turns answers into the changes that are due. Answers that confirm what
// is known take effect at once; a change only by settle.
func (k *lastKnown) compare(answers []presence.Answer) []change {
	var due []change
	for _, a := range answers {
		before := k.states[a.User]
		last := k.rule.Trusted(before)
		if a.Presence.IsUnknown() && !(last.Seen() && last.Presence.IsUnknown()) {
			k.unknown[a.User]++
			if k.unknown[a.User] < k.unknownAfter {
				continue
			}
		} else {
			delete(k.unknown, a.User)
		}
		e, next := k.rule.Diff(before, a)
		switch {
		case e != nil:
			due = append(due, change{e, before, next})
		case last.Seen():
			k.states[a.User] = next // same revision: the checksum stays
		}
	}
	return due
}

// settle makes the changes last-known: they are in the log.
func (k *lastKnown) settle(due []change) {
	for _, c := range due {
		k.put(c.event.User, c.before, c.after)
		delete(k.unknown, c.event.User)
	}
}

func (k *lastKnown) put(user presence.UserID, before, after presence.State) {
	k.summary = k.summary.Replace(user, before, after)
	k.states[user] = after
}

// confirm moves the time at which every seen user's state was confirmed or later.
// It stands still while one of them gets no answer, so that after a restart the
// span of a change is never told shorter than it was.
func (k *lastKnown) confirm() {
	var oldest time.Time
	for _, s := range k.states {
		if s.Seen() && (oldest.IsZero() || s.Confirmed.Before(oldest)) {
			oldest = s.Confirmed
		}
	}
	k.summary.Confirmed = oldest
}
