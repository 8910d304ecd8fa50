package trial

import (
	"context"
	"time"
)

// Eventually asks again and again until cond holds; false if ctx ends first. The
// processes on trial are real, so that fake time cannot wait for them.
func Eventually(ctx context.Context, every time.Duration, cond func() bool) bool {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
