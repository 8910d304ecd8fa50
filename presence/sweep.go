package presence

import "time"

// Sweep is how one pass over a roster went.
type Sweep struct {
	Started    time.Time
	Took       time.Duration
	Users      int   // on the roster
	Known      int   // answered with a presence
	Unknown    int   // answered with PresenceUnknown
	Unanswered int   // not answered
	Requests   int   // chunks asked for
	Failed     int   // chunks without an answer
	Cause      Cause // why chunks failed, the worst of them
	Changes    int
	Snapshots  int
}

// Answered reports whether the sweep saw anybody, or had nobody to ask for.
func (s Sweep) Answered() bool { return s.Known+s.Unknown > 0 || s.Users == 0 }

// Source is what the sweep says of how much we can see. A person without an answer
// is no blindness, see docs/adr/0004-three-outcomes.md; nobody with one is.
func (s Sweep) Source() SourceState {
	switch {
	case !s.Answered():
		return SourceDown
	case s.Failed == 0:
		return SourceUp
	case s.Failed < s.Requests:
		return SourceDegraded
	default:
		return SourceDown
	}
}
