package presence

import (
	"fmt"
	"time"
)

// Answer is one presence that Graph really gave: known, or explicitly unknown
// ([Presence.IsUnknown]). A user without an Answer was not answered at all, which
// changes nothing and never looks like Offline.
type Answer struct {
	User     UserID
	Presence Presence
	Asked    time.Time // when the request left
	At       time.Time // when the answer had arrived; what it says was true in between
}

// Cause says why a tenant cannot be seen.
type Cause string

// The causes of blindness.
const (
	CauseNone         Cause = ""
	CauseThrottled    Cause = "throttled"    // Graph or Entra asked us to wait
	CauseUnauthorized Cause = "unauthorized" // no token, or Graph refused it twice
	CauseForbidden    Cause = "forbidden"    // a permission is missing; Presence.Read.All as a rule
	CauseUnreachable  Cause = "unreachable"  // network, server errors, answers that cannot be read
	CauseNATS         Cause = "nats"         // Graph may be fine: the log cannot be written
)

// Permanent reports whether asking again soon is pointless, because a person has
// to change something first.
func (c Cause) Permanent() bool { return c == CauseUnauthorized || c == CauseForbidden }

// BlindError is a source's refusal or silence, with the cause that a worker
// decides on. Err holds the details for people.
type BlindError struct {
	Cause Cause
	Err   error
}

// Error implements error.
func (e *BlindError) Error() string { return fmt.Sprintf("%s: %v", e.Cause, e.Err) }

// Unwrap gives the details.
func (e *BlindError) Unwrap() error { return e.Err }
