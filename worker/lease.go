package worker

import (
	"time"

	"presenced/presence"
)

// The times of ownership. A challenger waits 1.5 times as long as an owner dares
// to ask, so clocks may run 50 % apart; see docs/adr/0002-ownership-chain.md.
const (
	heartbeat     = 3 * time.Second  // an idle owner writes this often
	ownerDeadline = 10 * time.Second // after sending the last acked write an owner asks Graph no more
	challengeWait = 15 * time.Second // an owner message that stood this long has lost its owner
	settleGrace   = 2 * time.Second  // for what is on the network when a process dies
	retries       = 8                // requests reserved at most beside those that are due
)

// standing is an owner message and how long we have watched it stand.
type standing struct {
	owner   presence.Owner
	since   time.Duration // boot clock at our first sight of it
	open    time.Duration // since when we have seen it vacant; 0: it is not
	charged bool          // our budget counts its requests
	removed bool          // there was an owner message before, and now there is none
}

// see updates the watch with what was read now.
func (s standing) see(o presence.Owner, now time.Duration) standing {
	if s.owner.Sequence == o.Sequence && s.since != 0 {
		return s
	}
	return standing{owner: o, since: max(now, 1), removed: o.Sequence == 0 && s.owner.Sequence > 0}
}

// vacant reports whether replica may take the tenant over: nobody has it, its
// owner gave it up, it is our own from an acquire whose ack was lost, or its owner
// is dead. A live one writes every few seconds; one that lived inside the embedded
// server died with it, as the lock on the store proves.
func (s standing) vacant(now time.Duration, replica string, embedded bool) bool {
	o := s.owner
	return o.Sequence == 0 || o.Released || o.Replica == replica ||
		o.Embedded && embedded || now-s.since >= challengeWait
}

// charge is how a predecessor's requests count against our budget: how much older
// than written its completions are, and from when on the rest is completed.
//
// After a challenge the old owner has asked nothing since its deadline, and a
// request that it sent just before has timed out timeout later. One that released the
// tenant had asked nothing since then; what it had given up may be on its way yet.
func (s standing) charge(now time.Duration, embedded bool, timeout time.Duration) (aged, settle time.Duration) {
	watched := now - s.since
	switch {
	case s.owner.Released && s.owner.Ledger.InFlight > 0:
		return watched, max(timeout-watched, 0) + settleGrace
	case s.owner.Released, s.owner.Embedded && embedded:
		return watched, settleGrace
	}
	return watched, max(ownerDeadline+timeout-watched, 0) + settleGrace
}

// ledger is what the predecessor left; one that cannot be read, or that somebody has
// removed, may have used up everything.
func (s standing) ledger() presence.Ledger {
	if s.removed || s.owner.Sequence > 0 && s.owner.Replica == "" {
		return presence.Ledger{Reserved: 1 << 30}
	}
	return s.owner.Ledger
}
