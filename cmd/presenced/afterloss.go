package main

import (
	"context"
	"errors"
	"math"

	"presenced/presence"
	"presenced/publisher"
)

// afterLoss is the chain of a tenant whose log lost its end on disk. What is left
// adds up, because it is the log of an earlier moment: only the store's mark tells
// that consumers were told more. So the state that is loaded is not believed, and
// revisions go on above any that may have been given out, until the log itself says
// so: an owner message whose floor is above them all.
type afterLoss struct {
	*publisher.Chain
	lost uint64 // messages, at most; 0: none, or the log says it
	told func() // the log says it; called once

	unkept func() // the log keeps no owner message any more; nil: no matter

	past uint64 // no revision that was given out is above
}

// Owner implements worker.Journal. The newest ledger may be among what is lost, so
// that all of the limit counts as used. So may be the newest owner: where none is
// left, it died with the server; one that lives elsewhere is left alone.
func (c *afterLoss) Owner(ctx context.Context) (presence.Owner, error) {
	o, err := c.Chain.Owner(ctx)
	if err == nil && c.lost > 0 {
		o.Embedded = o.Embedded || o.Sequence == 0
		o.Ledger = presence.Ledger{Reserved: math.MaxInt32}
	}
	return o, err
}

// Acquire implements worker.Journal.
func (c *afterLoss) Acquire(ctx context.Context, seen presence.Owner, ledger presence.Ledger) (presence.Owner, error) {
	own, err := c.Chain.Acquire(ctx, seen, ledger)
	if errors.Is(err, publisher.ErrUnkept) && c.unkept != nil {
		c.unkept()
	}
	own.Summary.Revision += c.lost // no user can have had more events than that
	c.past = own.Summary.Revision
	return own, err
}

// Load implements worker.Journal.
func (c *afterLoss) Load(ctx context.Context, own presence.Owner) (presence.Loaded, error) {
	loaded, err := c.Chain.Load(ctx, own)
	if c.lost > 0 {
		loaded.Intact = false
	}
	return loaded, err
}

// Append implements worker.Journal. What is written beside a load, or to give the
// tenant up when that failed, has the floor from before.
func (c *afterLoss) Append(ctx context.Context, b presence.Batch) error {
	err := c.Chain.Append(ctx, b)
	if err == nil && c.lost > 0 && b.Summary.Floor > c.past {
		c.lost = 0
		c.told()
	}
	return err
}
