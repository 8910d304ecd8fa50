package main

import (
	"context"

	"presenced/presence"
	"presenced/publisher"
)

// afterLoss is the chain of a tenant whose log lost its end on disk. What is left
// adds up, because it is the log of an earlier moment: only the store's mark tells
// that consumers were told more. So the state that is loaded is not believed, and
// revisions go on above any that may have been given out.
type afterLoss struct {
	*publisher.Chain
	lost uint64 // messages, at most; 0 once the loss is dealt with
}

// Acquire implements worker.Journal.
func (c *afterLoss) Acquire(ctx context.Context, seen presence.Owner, ledger presence.Ledger) (presence.Owner, error) {
	own, err := c.Chain.Acquire(ctx, seen, ledger)
	own.Summary.Revision += c.lost // no user can have had more events than that
	return own, err
}

// Load implements worker.Journal.
func (c *afterLoss) Load(ctx context.Context, own presence.Owner) (presence.Loaded, error) {
	loaded, err := c.Chain.Load(ctx, own)
	if err == nil && c.lost > 0 {
		loaded.Intact = false
		c.lost = 0
	}
	return loaded, err
}
