package network

import (
	"net"
	"time"
)

// Latency is how long what is written at a moment takes in one direction. It may
// depend on nothing else. Where it is zero, the writes of one instant may arrive
// in parts.
type Latency func(toServer bool, at time.Time) time.Duration

// Link is a connection between a client and a server. All methods are safe for
// concurrent use.
type Link struct {
	Client, Server net.Conn
	up, down       *lane
}

// New returns a link with both ends open.
func New(latency Latency) *Link {
	l := &Link{up: newLane(func(t time.Time) time.Duration { return latency(true, t) }),
		down: newLane(func(t time.Time) time.Duration { return latency(false, t) })}
	l.Client = &end{in: l.down, out: l.up}
	l.Server = &end{in: l.up, out: l.down}
	return l
}

// Cut breaks the link now. Of what is on its way to the server or to the client
// the given shares (0 to 1) still arrive, to the byte.
func (l *Link) Cut(toServer, toClient float64) {
	l.up.cut(toServer)
	l.down.cut(toClient)
}

// Stall holds everything back until the moment given, in both directions. What
// was sent arrives then.
func (l *Link) Stall(until time.Time) {
	l.up.stall(until)
	l.down.stall(until)
}

// Silence loses, from now on, what is sent to the server, to the client or both,
// and tells neither of them.
func (l *Link) Silence(toServer, toClient bool) {
	if toServer {
		l.up.silence()
	}
	if toClient {
		l.down.silence()
	}
}
