package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// loadPatience is how long an owner tries to load. Then it gives the tenant up:
// another replica may have what this one lacks.
const loadPatience = time.Minute

type loadResult struct {
	presence.Loaded
	err error
}

// load reads the state that we took over, and keeps the tenant ours meanwhile. A
// load that fails is tried again in the same reign, so that epochs do not count
// tries.
func (r *reign) load(ctx context.Context, own presence.Owner) error {
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan loadResult, 1)
	try := func() { go func() { done <- r.loadOnce(loading, own) }() }
	waits := r.waits(500*time.Millisecond, 10*time.Second)
	var again <-chan time.Time // nil: a try is under way
	start := time.Now()
	for try(); ; {
		r.alive()
		select {
		case l := <-done:
			var p *panicked
			switch wait := waits.next(); {
			case l.err == nil:
				r.takeOver(own, l.Loaded, time.Since(start))
				return nil
			case errors.As(l.err, &p), ctx.Err() != nil, time.Since(start)+wait > loadPatience:
				return errors.Join(l.err, r.giveUp(own))
			default:
				r.trouble(l.err)
				again = time.After(wait)
			}
		case <-again:
			again = nil
			try()
		case <-ctx.Done():
			if again == nil {
				<-done
			}
			return errors.Join(ctx.Err(), r.giveUp(own))
		case <-r.beat.C:
			if err := r.write(presence.Batch{Summary: own.Summary}); err != nil {
				cancel()
				if again == nil {
					<-done
				}
				return err
			}
		}
	}
}

func (r *reign) loadOnce(ctx context.Context, own presence.Owner) (l loadResult) {
	defer r.catch(&l.err)
	l.Loaded, l.err = r.journal.Load(ctx, own)
	return l
}

// giveUp releases a tenant whose state cannot be loaded. Nothing was asked.
func (r *reign) giveUp(own presence.Owner) error {
	if r.work.Err() != nil {
		return nil
	}
	if err := r.write(presence.Batch{Summary: own.Summary, Release: true}); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// takeOver makes what was loaded last-known.
func (r *reign) takeOver(own presence.Owner, l presence.Loaded, took time.Duration) {
	r.known = newLastKnown(r.cfg.Tenant, r.cfg.UnknownAfter, r.cfg.Users, l, own.Summary)
	if !l.Intact {
		r.log.Error("last-known state is damaged: every user gets a new snapshot", zap.Uint64("log_sequence", own.Sequence), zap.Uint64("on_record_as_of", own.Summary.AsOf),
			zap.Int("users_found", l.Found.Users), zap.Int("users_expected", l.Expected.Users), zap.Uint64("revision_found", l.Found.Revision), zap.Uint64("revision_expected", l.Expected.Revision))
	}
	r.report(func(s *Status) { s.Trouble = nil })
	r.observer.Loaded(r.cfg.Tenant, len(l.States), took, l.Intact)
}
