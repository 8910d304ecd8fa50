package presence

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// ContentType is the Content-Type header of every event: CloudEvents 1.0, JSON,
// structured mode.
//
// Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
const ContentType = "application/cloudevents+json"

// Kind is the token of an event's subject after the user id.
type Kind string

// The kinds of events about a user.
const (
	KindChange   Kind = "change"   // the presence became this
	KindSnapshot Kind = "snapshot" // first sight, a field that is new, or state rebuilt: nothing is known to have changed
	KindLeft     Kind = "left"     // no longer on the roster
)

// Reason says why an event was written.
type Reason string

// The reasons.
const (
	ReasonChange    Reason = "change"
	ReasonSnapshot  Reason = "snapshot"
	ReasonStateLost Reason = "state_lost" // the last-known state was damaged; revisions start anew above the highest
	ReasonLeft      Reason = "left"
)

// Event is one thing that became known about one user: the only form in which
// presenced tells it, in the log and in the table alike.
type Event struct {
	Kind     Kind
	Tenant   string
	User     UserID
	Revision uint64    // counts up by one per user for ever
	Changed  []string  // which fields of after differ from before; changes only
	Before   *Past     // in a snapshot only if a field is new; else nil there
	After    *Presence // nil when the user left
	Observed Observed
	Gap      bool // the change happened somewhere in a span longer than twice the interval
	Reason   Reason
}

// Past is a presence that held until it was replaced, and since when it was known.
type Past struct {
	Presence
	Since time.Time `json:"since"`
}

// Observed is the span in which a change happened: after NotBefore, the last time
// that the old state was confirmed (zero: nothing was known), and not after At.
// Graph gives no better.
type Observed struct {
	NotBefore time.Time `json:"notBefore,omitzero"`
	At        time.Time `json:"at"`
}

// ID is unique among all events of all tenants.
func (e Event) ID() string {
	return e.Tenant + "/" + string(e.User) + "/" + strconv.FormatUint(e.Revision, 10)
}

// State is the state that the event leaves behind. Confirmed is the event's own
// time: nothing later is on record.
func (e Event) State() State {
	s := State{Revision: e.Revision, Since: e.Observed.At, Confirmed: e.Observed.At}
	switch {
	case e.Kind == KindLeft:
		s.Left = true
		if e.Before != nil {
			s.Presence = e.Before.Presence
		}
	case e.After != nil:
		s.Presence = *e.After
	}
	return s
}

// Past is the state that the event replaced, as far as a checksum needs it: the
// zero State for who had none.
func (e Event) Past() State {
	switch {
	case e.Before != nil:
		return State{Presence: e.Before.Presence, Revision: e.Revision - 1, Since: e.Before.Since}
	case e.Reason == ReasonSnapshot && e.Revision > 1:
		return State{Revision: e.Revision - 1, Left: true}
	}
	return State{}
}

// envelope is the CloudEvents form, shared by all events. Extensions of the
// specification are not used.
type envelope[D any] struct {
	SpecVersion     string    `json:"specversion"`
	Type            string    `json:"type"`
	Source          string    `json:"source"`
	Subject         string    `json:"subject,omitempty"`
	ID              string    `json:"id"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            D         `json:"data"`
}

type eventData struct {
	Tenant   string    `json:"tenant"`
	User     UserID    `json:"user"`
	Revision uint64    `json:"revision"`
	Changed  []string  `json:"changed,omitempty"`
	Before   *Past     `json:"before,omitempty"`
	After    *Presence `json:"after,omitempty"`
	Observed Observed  `json:"observed"`
	Gap      bool      `json:"gap"`
	Reason   Reason    `json:"reason"`
}

func typeOf(kind Kind) string { return "presenced.presence." + string(kind) + ".v1" }

// kindOf is the kind that typeOf gave this type; "" if none.
func kindOf(typ string) Kind {
	for _, kind := range []Kind{KindChange, KindSnapshot, KindLeft} {
		if typ == typeOf(kind) {
			return kind
		}
	}
	return ""
}

// MarshalJSON gives the CloudEvents object of docs/events.md.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(envelope[eventData]{
		SpecVersion: "1.0", Type: typeOf(e.Kind), Source: "/tenants/" + e.Tenant, Subject: string(e.User),
		ID: e.ID(), Time: e.Observed.At, DataContentType: "application/json",
		Data: eventData{e.Tenant, e.User, e.Revision, e.Changed, e.Before, e.After, e.Observed, e.Gap, e.Reason},
	})
}

// ParseEvent reads an event back from the log or the table. Keys that a newer
// version may add are ignored; anything this version would not have written is
// refused, so that a foreign message never becomes somebody's state.
func ParseEvent(payload []byte) (Event, error) {
	if e, ok := parseCanonical(payload); ok {
		return e, nil
	}
	return parseJSON(payload)
}

func parseJSON(payload []byte) (Event, error) {
	var env envelope[eventData]
	if err := json.Unmarshal(payload, &env); err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	d := env.Data
	e := Event{
		Tenant: d.Tenant, User: d.User, Revision: d.Revision, Changed: d.Changed,
		Before: d.Before, After: d.After, Observed: d.Observed, Gap: d.Gap, Reason: d.Reason,
	}
	e.Kind = kindOf(env.Type)
	if err := e.check(); err != nil {
		return Event{}, fmt.Errorf("parse event of type %q: %w", env.Type, err)
	}
	if env.SpecVersion != "1.0" || !e.hasID(env.ID) {
		return Event{}, fmt.Errorf("parse event: id %q and specversion %q do not fit its data", env.ID, env.SpecVersion)
	}
	return e, nil
}

func (e Event) check() error {
	switch id, err := ParseUserID(string(e.User)); {
	case err != nil:
		return err
	case id != e.User:
		return fmt.Errorf("user id is not in lower case")
	case !IsTenant(e.Tenant):
		return fmt.Errorf("tenant %q is no alias", e.Tenant)
	case e.Revision == 0:
		return fmt.Errorf("revision is 0, want 1 or more")
	case e.Observed.At.IsZero():
		return fmt.Errorf("observed.at is missing")
	}
	switch e.Kind {
	case KindChange, KindSnapshot:
		if e.After == nil || !isWord(e.After.Availability) || !isWord(e.After.Activity) {
			return fmt.Errorf("after is missing or not made of words")
		}
		if e.Kind == KindChange && e.Before == nil {
			return fmt.Errorf("before is missing")
		}
	case KindLeft:
	default:
		return fmt.Errorf("unknown type, want change, snapshot or left in version 1")
	}
	return nil
}
