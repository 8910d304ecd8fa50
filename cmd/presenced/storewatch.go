package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"presenced/board"
	"presenced/natsembed"
)

// How the store is watched.
const (
	storeEvery    = time.Second      // a check
	storeSlow     = 5 * time.Second  // a check that takes longer is told
	storePatience = 10 * time.Second // with a store that takes no writes, until the process ends
)

// ioError is a store that is lost, or has taken no writes for too long.
type ioError struct{ error }

func (e ioError) Unwrap() error { return e.error }

// storeWatch asks the embedded server's store again and again whether it takes
// writes. See docs/adr/0012-exit-74.md.
type storeWatch struct {
	check   func() error
	metrics *board.Metrics
	log     *zap.Logger

	mu      sync.Mutex
	asked   time.Time // the check that is under way began; zero: none is
	failing time.Time // the first of the checks in a row that failed; zero: the last one did not
	err     error     // of the last one
}

// run returns an ioError once waiting is pointless, and nil when ctx ends.
func (w *storeWatch) run(ctx context.Context) error {
	tick := time.NewTicker(storeEvery)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look checks once. What a check says of a store that is being closed is no news.
func (w *storeWatch) look(ctx context.Context) error {
	w.begin(time.Now())
	err := w.check()
	if ctx.Err() != nil {
		return nil
	}
	return w.judge(err, time.Now())
}

func (w *storeWatch) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = now
}

func (w *storeWatch) judge(err error, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = time.Time{}
	w.metrics.StoreWritable(err == nil)
	switch {
	case err == nil && !w.failing.IsZero():
		w.log.Info("the store takes writes again", zap.Duration("after", now.Sub(w.failing)))
		w.failing = time.Time{}
	case err != nil && w.failing.IsZero():
		w.log.Error("the store takes no writes", zap.Error(err))
		w.failing = now
	}
	w.err = err
	switch {
	case errors.Is(err, natsembed.ErrStoreGone), errors.Is(err, natsembed.ErrStoreDamaged):
		return ioError{err}
	case err != nil && now.Sub(w.failing) >= storePatience:
		return ioError{fmt.Errorf("the store has taken no writes for %s: %w", now.Sub(w.failing).Round(time.Second), err)}
	}
	return nil
}

// state is why the store is not to be relied on; nil if it is.
func (w *storeWatch) state(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if !w.asked.IsZero() && now.Sub(w.asked) > storeSlow {
		return fmt.Errorf("a small write to the store has taken %s so far", now.Sub(w.asked).Round(time.Second))
	}
	return nil
}
