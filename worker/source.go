package worker

import (
	"context"
	"time"

	"presenced/presence"
)

// Source is where presences come from; graphclient.Client is one.
type Source interface {
	// Presences asks for one chunk. Users without an answer are not in the result;
	// that is no error by itself. An error is a *presence.BlindError and may come
	// with some answers. Safe for concurrent use.
	Presences(ctx context.Context, users []presence.UserID) ([]presence.Answer, error)
}

// Budget is the tenant's request budget as far as ownership is concerned;
// graphclient.Budget is one. Safe for concurrent use.
type Budget interface {
	// Reserve is what the next owner message says of our requests, and of n more, or
	// fewer, that may leave. At once no more than those may, whatever has been permitted.
	Reserve(n int) presence.Ledger

	// Charge counts a predecessor's ledger as ours. Its completions are at least
	// aged older than they say; what was in flight or reserved counts as completing
	// settle from now.
	Charge(l presence.Ledger, aged, settle time.Duration)

	// Permit says that l is on record: until the boot-clock time until, l.Reserved
	// requests more than l.Sent may leave. Nothing leaves without a permit.
	Permit(l presence.Ledger, until time.Duration)
}

// Journal is where changes go; publisher.Chain is one. It belongs to one
// goroutine, but for Load, which may run beside Append.
type Journal interface {
	// Owner reads the tenant's newest owner message; zero if there is none, but for
	// the ledger that is to be charged all the same. One that cannot be read has a
	// Sequence and no Replica.
	Owner(ctx context.Context) (presence.Owner, error)

	// Acquire takes the tenant over from the owner seen; presence.ErrDeposed if
	// somebody else was quicker.
	Acquire(ctx context.Context, seen presence.Owner, l presence.Ledger) (presence.Owner, error)

	// Load reads the state as of our owner message.
	Load(ctx context.Context, own presence.Owner) (presence.Loaded, error)

	// Append writes a batch, all or nothing. After presence.ErrDeposed the tenant is
	// lost; after any other error the same batch must be appended again.
	Append(ctx context.Context, b presence.Batch) error
}

// Observer is told what happens, for metrics and views. Its methods are called by
// the tenants' goroutines and must not block.
type Observer interface {
	Reigns(tenant string, epoch uint64) // epoch 0: no longer
	Loaded(tenant string, users int, took time.Duration, intact bool)
	Swept(tenant string, s presence.Sweep)
	Skipped(tenant string)                                                         // a sweep was due while another was under way
	Appended(tenant string, events []*presence.Event, took time.Duration)          // acked
	Troubled(tenant string, err error)                                             // the log could not be read or written, and is tried again
	SourceChanged(tenant string, state presence.SourceState, cause presence.Cause) // acked
}
