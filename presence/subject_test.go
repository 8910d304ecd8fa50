package presence_test

import (
	"regexp"

	"presenced/presence"
)

// subjectForm is every subject of an event about a user, as docs/events.md shows them.
var subjectForm = regexp.MustCompile(`^presence\.([a-z0-9-]{1,32})\.user\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})` +
	`\.(?:(left)|(change|snapshot)\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64}))$`)

// read is what a subject says of its event; false: no event has it.
func read(subject string) (presence.Event, bool) {
	m := subjectForm.FindStringSubmatch(subject)
	if m == nil {
		return presence.Event{}, false
	}
	e := presence.Event{Tenant: m[1], User: presence.UserID(m[2]), Kind: presence.Kind(m[3] + m[4])}
	if m[3] == "" {
		e.After = &presence.Presence{Availability: m[5], Activity: m[6]}
	}
	return e, true
}
