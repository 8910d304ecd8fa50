package worker

import (
	"time"

	"presenced/presence"
)

// ledger is the budget's, with no more reserved than the sweeps of two heartbeats
// need: a successor has to count it all as used.
func (t *Tenant) ledger() presence.Ledger {
	l := t.budget.Ledger()
	tick := t.cfg.Schedule.Next(time.Now())
	interval := max(t.cfg.Schedule.Next(tick).Sub(tick), time.Second)
	sweeps := 1 + int((2*heartbeat+interval-1)/interval)
	requests := (len(t.cfg.Users) + t.cfg.Chunk - 1) / t.cfg.Chunk
	l.Reserved = min(l.Reserved, sweeps*requests+retries)
	return l
}
