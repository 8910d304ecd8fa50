package simulation

import (
	"time"

	"presenced/graphsim"
)

// Fault is what is wrong with Graph for a while.
type Fault string

// The faults.
const (
	Slow        Fault = "slow"        // answers take seconds
	Mute        Fault = "mute"        // no answer at all
	Throttled   Fault = "throttled"   // 429 with Retry-After
	Overloaded  Fault = "overloaded"  // 503 with Retry-After
	Broken      Fault = "broken"      // 500, 502, 504
	Denied      Fault = "denied"      // 401, once
	Half        Fault = "half"        // half of the users are missing
	Nobody      Fault = "nobody"      // all are missing
	Unknown     Fault = "unknown"     // PresenceUnknown for all
	Torn        Fault = "torn"        // the body breaks off
	Garbled     Fault = "garbled"     // truncated or trailing JSON
	Contrary    Fault = "contrary"    // two presences for one user, doubles, strangers, upper case
	Stale       Fault = "stale"       // an answer from before
	Unreachable Fault = "unreachable" // no connection
)

var faults = []Fault{Slow, Mute, Throttled, Overloaded, Broken, Denied, Half, Nobody, Unknown, Unknown, Torn, Garbled, Contrary, Stale, Stale, Unreachable}

// inject is the fault of graphsim that does it; empty kind: none does.
func (f Fault) inject(d dice) graphsim.Fault {
	seconds := pick(d.of(1), "1", "3", "7", "20", "0.5", "")
	switch f {
	case Throttled:
		return graphsim.Fault{Kind: graphsim.KindThrottled, RetryAfter: seconds}
	case Overloaded:
		return graphsim.Fault{Kind: graphsim.KindUnavailable, RetryAfter: seconds}
	case Broken:
		return graphsim.Fault{Kind: pick(d.of(2), graphsim.KindInternalError, graphsim.KindBadGateway, graphsim.KindGatewayTimeout, graphsim.KindReset)}
	case Denied:
		return graphsim.Fault{Kind: graphsim.KindUnauthorized}
	case Half:
		return graphsim.Fault{Kind: graphsim.KindMissing}
	case Torn:
		return graphsim.Fault{Kind: graphsim.KindCut}
	case Garbled:
		return graphsim.Fault{Kind: pick(d.of(3), graphsim.KindTruncated, graphsim.KindTrailing, graphsim.KindEmpty, graphsim.KindContentType, graphsim.KindWrongEntity)}
	case Contrary:
		return graphsim.Fault{Kind: pick(d.of(4), graphsim.KindConflict, graphsim.KindDuplicate, graphsim.KindExtra, graphsim.KindIDCase)}
	}
	return graphsim.Fault{}
}

// delay is how long an answer under the fault takes, beside the network.
func (f Fault) delay(d dice) time.Duration {
	switch f {
	case Slow:
		return d.of(5).between(time.Second, 25*time.Second)
	case Mute:
		return time.Hour
	}
	return 0
}
