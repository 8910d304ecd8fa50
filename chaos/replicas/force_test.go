//go:build replicas

package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"presenced/presence"
	"presenced/publisher"
	"presenced/trial"
)

// force takes a tenant over while its owner is alive and well, as a replica would
// whose clock runs wild, and gives it up after a moment, without having written
// anything about anybody. The owner goes on writing until it is refused.
//
// It hands the ledger on as it found it. The old owner's reservation is then
// counted as used, but it may send until it is refused: what the protocol assumes
// of the limit does not hold, so that this is done only to tenants far below theirs.
func force(ctx context.Context, r *rig, rng *rand.Rand) string {
	tenant := r.tenants.list[rng.IntN(2)].name
	keep := trial.Between(rng, 0, 2*time.Second)
	acting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	chain := publisher.NewChain(r.direct, publisher.ChainConfig{Tenant: tenant, Replica: fmt.Sprintf("usurper/%d", rng.Uint64())})
	for acting.Err() == nil {
		seen, err := chain.Owner(acting)
		if err != nil {
			continue // no server: try again
		}
		own, err := chain.Acquire(acting, seen, seen.Ledger)
		if err != nil {
			continue // the owner has written meanwhile
		}
		rest(ctx, keep)
		// The context ends with the run: the tenant has to be given up all the same.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		for last.Err() == nil {
			if err := chain.Append(last, presence.Batch{Release: true, Ledger: seen.Ledger, Summary: own.Summary}); err == nil {
				return fmt.Sprintf("%s in epoch %d, for %v", tenant, own.Epoch, keep.Round(time.Millisecond))
			}
			rest(last, 100*time.Millisecond)
		}
		return fmt.Sprintf("%s in epoch %d, and did not get rid of it", tenant, own.Epoch)
	}
	return ""
}
