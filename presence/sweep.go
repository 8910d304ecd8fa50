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
	Left       int
}

// Source is what the sweep says of how much we can see.
func (s Sweep) Source() SourceState {
	switch {
	case s.Failed == 0:
		return SourceUp
	case s.Failed < s.Requests:
		return SourceDegraded
	default:
		return SourceDown
	}
}
