package presence

import (
	"fmt"
	"strings"
)

// Subject is where the event is published under the configured prefix:
//
//	<prefix>.<tenant>.user.<id>.change.<availability>.<activity>
//	<prefix>.<tenant>.user.<id>.snapshot.<availability>.<activity>
//	<prefix>.<tenant>.user.<id>.left
//
// The values are in it so that the server can filter by them.
func (e Event) Subject(prefix string) string {
	s := prefix + "." + e.Tenant + ".user." + string(e.User) + "." + string(e.Kind)
	if e.Kind == KindLeft || e.After == nil {
		return s
	}
	return s + "." + e.After.Availability + "." + e.After.Activity
}

// Subject is a parsed subject of an event about a user.
type Subject struct {
	Tenant       string
	User         UserID
	Kind         Kind
	Availability string // empty for left
	Activity     string // empty for left
}

// ParseSubject is the inverse of [Event.Subject]. It refuses every subject that
// Subject cannot have made.
func ParseSubject(prefix, subject string) (Subject, error) {
	rest, ok := strings.CutPrefix(subject, prefix+".")
	if !ok {
		return Subject{}, fmt.Errorf("parse subject %q: prefix is not %q", subject, prefix)
	}
	t := strings.Split(rest, ".")
	if len(t) < 4 || t[1] != "user" || !IsTenant(t[0]) {
		return Subject{}, fmt.Errorf("parse subject %q: want %s.<tenant>.user.<id>.<kind>", subject, prefix)
	}
	id, err := ParseUserID(t[2])
	if err != nil || string(id) != t[2] {
		return Subject{}, fmt.Errorf("parse subject %q: user is no lower-case GUID", subject)
	}
	s := Subject{Tenant: t[0], User: id, Kind: Kind(t[3])}
	switch {
	case s.Kind == KindLeft && len(t) == 4:
		return s, nil
	case (s.Kind == KindChange || s.Kind == KindSnapshot) && len(t) == 6 && isWord(t[4]) && isWord(t[5]):
		s.Availability, s.Activity = t[4], t[5]
		return s, nil
	}
	return Subject{}, fmt.Errorf("parse subject %q: want change or snapshot with two values, or left", subject)
}
