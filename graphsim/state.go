package graphsim

import "slices"

// state is a pair of availability and activity that the model can produce. Greater states win when sessions are
// aggregated: DoNotDisturb > Busy > Available > Away > Offline.
type state uint8

const (
	offline state = iota
	offWork
	away
	beRightBack
	availableInactive
	available
	availableOutOfOffice
	busy
	inAMeeting
	inAConferenceCall
	inACall
	doNotDisturb
	focusing
	presenting
	presenceUnknown
)

// pair is what Graph writes for a state.
type pair struct{ availability, activity string }

// pair returns the documented words for s.
func (s state) pair() pair {
	switch s {
	case offWork:
		return pair{"Offline", "OffWork"}
	case away:
		return pair{"Away", "Away"}
	case beRightBack:
		return pair{"BeRightBack", "BeRightBack"}
	case availableInactive:
		return pair{"Available", "AvailableInactive"}
	case available:
		return pair{"Available", "Available"}
	case availableOutOfOffice:
		return pair{"Available", "OutOfOffice"}
	case busy:
		return pair{"Busy", "Busy"}
	case inAMeeting:
		return pair{"Busy", "InAMeeting"}
	case inAConferenceCall:
		return pair{"Busy", "InAConferenceCall"}
	case inACall:
		return pair{"Busy", "InACall"}
	case doNotDisturb:
		return pair{"DoNotDisturb", "DoNotDisturb"}
	case focusing:
		return pair{"DoNotDisturb", "Focusing"}
	case presenting:
		return pair{"DoNotDisturb", "Presenting"}
	case presenceUnknown:
		return pair{"PresenceUnknown", "PresenceUnknown"}
	default:
		return pair{"Offline", "Offline"}
	}
}

// layer says where a span of a day comes from, which decides how it is aggregated.
type layer uint8

const (
	session   layer = iota // a signed-in device
	calendar               // a meeting or call; shows only while there is a session
	preferred              // what the user picked by hand; beats the rest while there is a session
)

// span is a stretch of a day, in seconds after midnight, during which something speaks for a state.
type span struct {
	from, to int32
	layer    layer
	state    state
}

// step is one change in a day: from this second after midnight on, the user is in this state.
type step struct {
	at    int32
	state state
}

// aggregate turns overlapping spans into the steps that Graph would show. The first step is at 0 and neighbours differ.
func aggregate(spans []span) []step {
	edges := []int32{0}
	for _, s := range spans {
		edges = append(edges, s.from, s.to)
	}
	slices.Sort(edges)
	var steps []step
	for _, at := range slices.Compact(edges) {
		if at >= secondsPerDay {
			break
		}
		if s := stateAt(spans, at); len(steps) == 0 || steps[len(steps)-1].state != s {
			steps = append(steps, step{at, s})
		}
	}
	return steps
}

// stateAt applies the precedence of Graph: preferred over the highest of the rest, nothing without a session
// (https://learn.microsoft.com/graph/cloud-communications-manage-presence-state, read 2026-11-23).
func stateAt(spans []span, at int32) state {
	var best, picked state
	var signedIn, hasPicked bool
	for _, s := range spans {
		if at < s.from || at >= s.to {
			continue
		}
		switch s.layer {
		case session:
			signedIn = true
			best = max(best, s.state)
		case calendar:
			best = max(best, s.state)
		case preferred:
			hasPicked = true
			picked = max(picked, s.state)
		}
	}
	switch {
	case !signedIn:
		return offline
	case hasPicked:
		return picked
	default:
		return best
	}
}
