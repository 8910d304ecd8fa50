package presence

import (
	"errors"
	"time"
)

// ErrDeposed is the refusal of a write by a replica that no longer owns the
// tenant. Nothing was written; whatever is remembered of the tenant is stale.
var ErrDeposed = errors.New("deposed: another replica owns the tenant")

// MaxBatch is how many events fit in one batch beside the owner message, by
// JetStream's bound of 1,000 messages on an atomic batch.
//
// Source: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md
const MaxBatch = 999

// Owner is the owner message of a tenant, the first message of every batch:
// lease, heartbeat, fencing token, idempotency key, read barrier and rate
// hand-over in one. See docs/adr/0002-ownership-chain.md.
type Owner struct {
	Sequence uint64 `json:"-"` // where it stands in the log; 0: there is none

	Replica  string `json:"replica"`            // who; unique for each start of a process
	Epoch    uint64 `json:"epoch"`              // how often the tenant changed hands
	N        uint64 `json:"n"`                  // counts this epoch's writes, tried ones too
	Released bool   `json:"released,omitempty"` // the owner is gone of its own will
	Embedded bool   `json:"embedded,omitempty"` // the owner lives in the server's process

	Ledger  Ledger  `json:"ledger"`
	Summary Summary `json:"summary"`
}

// Summary is what an owner message says of the tenant's last-known state as the
// log held it before the message. The events that follow are not in it: a log that
// lost its end may hold only the first of them, and they are as good as any.
type Summary struct {
	AsOf      uint64      `json:"asOf,omitempty"`     // the summary holds as of this sequence of the log; 0: of the message itself
	Confirmed time.Time   `json:"confirmed,omitzero"` // every seen user was confirmed at this time or later
	Roster    int         `json:"roster"`             // watched users
	Users     int         `json:"users"`              // users that have a state above the floor, those who left included
	Revision  uint64      `json:"revision"`           // highest revision any user ever had
	Floor     uint64      `json:"floor,omitempty"`    // of the tenant's Rule
	Checksum  Checksum    `json:"checksum,string"`    // over all states
	Source    SourceState `json:"source,omitempty"`
}

// Replace is the summary after a user's state went from before to after. States
// at or below the floor do not count.
func (s Summary) Replace(user UserID, before, after State) Summary {
	if before.Revision <= s.Floor {
		before = State{}
	}
	if after.Revision <= s.Floor {
		after = State{}
	}
	if before.Revision == 0 && after.Revision > 0 {
		s.Users++
	}
	s.Revision = max(s.Revision, after.Revision)
	s.Checksum = s.Checksum.Replace(user, before, after)
	return s
}

// Loaded is a tenant's last-known state as the log holds it.
type Loaded struct {
	States map[UserID]State
	Source SourceState // what was said last of the source
	Intact bool        // the states add up to the summary on record

	Found    Summary // of States, above the floor of the summary on record
	Expected Summary // what was on record, for people who look into what does not add up
}

// Ledger is when a tenant's requests completed, as a successor needs it: counts
// by age, so that no two clocks have to agree.
type Ledger struct {
	Completed []int  `json:"completed,omitempty"` // index: age in whole seconds, rounded down
	InFlight  int    `json:"inFlight,omitempty"`  // sent, not completed
	Reserved  int    `json:"reserved,omitempty"`  // may still be sent without another word
	Held      int    `json:"held,omitempty"`      // seconds, rounded up, in which Graph asked for silence
	Sent      uint64 `json:"-"`                   // total sent when it was taken; what Reserved counts from
}

// Batch is what one append writes, all of it or nothing: the owner message, then
// the events in order.
type Batch struct {
	Events  []*Event     // at most MaxBatch, one less with Source
	Source  *SourceEvent // nil: nothing to say
	Ledger  Ledger
	Summary Summary // before the events
	Release bool    // the last batch of this owner
}
