package worker

import (
	"testing"
	"time"
	"unsafe"

	"go.uber.org/zap"
)

// set is the same moment by a wall clock that was ahead of ours by some seconds when
// it was read. Package time does not let the two readings of a time be told apart.
func set(t time.Time, ahead int64) time.Time {
	wall := (*uint64)(unsafe.Pointer(&t)) // bit 63: it has both; bits 30 to 62: seconds
	*wall += uint64(ahead << 30)
	return t
}

// A clock that is set back leaves the next sweep on the schedule's own moments, and
// one by @every where it was.
func TestRealign(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for spec, onGrid := range map[string]bool{"*/5 * * * *": true, "@every 5m": false} {
		s, err := ParseSchedule([]string{spec})
		if err != nil {
			t.Fatal(err)
		}
		r := &reign{Tenant: &Tenant{cfg: Config{Schedule: s}, log: zap.NewNop()}}
		for _, ahead := range []int64{0, 2, 3600, -3600} {
			was := s.Next(now)
			r.next = set(was, ahead)
			if got := r.realign(); got != (ahead != 0) {
				t.Errorf("%s, %d s ahead: realign() = %t", spec, ahead, got)
			}
			if interval := r.interval(r.next); interval != 5*time.Minute {
				t.Errorf("%s, %d s ahead: a sweep then has %v for itself, want 5 min", spec, ahead, interval)
			}
			if by := moved(r.next, time.Now()); by.Abs() > time.Second {
				t.Errorf("%s, %d s ahead: next by a clock that is %v away", spec, ahead, by)
			}
			if away := r.next.Sub(was); away > time.Millisecond && !(onGrid && (away-5*time.Minute).Abs() < time.Millisecond) || away < -time.Second {
				t.Errorf("%s, %d s ahead: next is %v after %v", spec, ahead, away, was)
			}
		}
	}
}
