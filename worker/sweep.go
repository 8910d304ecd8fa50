package worker

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"presenced/presence"
)

// maxInFlight bounds how many chunks of a tenant are asked for at the same time.
const maxInFlight = 16

// sweep is one pass over a roster under way. The tenant's goroutine reads answers
// and keeps the report; the sweep's own goroutines only ask.
type sweep struct {
	report  presence.Sweep
	answers chan answered // closed after the last chunk's
	stop    func()        // starts no further chunk
}

// answered is what became of one chunk.
type answered struct {
	asked   int
	answers []presence.Answer
	err     error
}

// startSweep asks for every chunk at its own moment within spread and sends what
// comes back. A moment is the same in every sweep: a user is asked in equal steps
// of time, and tenants and chunks do not come all at once. ctx bounds the whole
// sweep.
func startSweep(ctx context.Context, source Source, tenant string, users []presence.UserID, size int, spread time.Duration) *sweep {
	chunks := slices.Collect(slices.Chunk(users, size))
	launch, stop := context.WithCancel(ctx)
	s := &sweep{
		report:  presence.Sweep{Started: time.Now(), Users: len(users)},
		answers: make(chan answered, len(chunks)), // nobody ever blocks on a reader that left
		stop:    stop,
	}
	go func() {
		defer close(s.answers)
		defer stop()
		var asking sync.WaitGroup
		defer asking.Wait()
		slots := make(chan struct{}, maxInFlight)
		for _, m := range moments(tenant, len(chunks), spread) {
			if !sleepUntil(launch, s.report.Started.Add(m.offset)) {
				return
			}
			select {
			case slots <- struct{}{}:
			case <-launch.Done():
				return
			}
			chunk := chunks[m.chunk]
			asking.Go(func() {
				defer func() { <-slots }()
				answers, err := source.Presences(ctx, chunk)
				s.answers <- answered{asked: len(chunk), answers: answers, err: err}
			})
		}
	}()
	return s
}

// moment is when a chunk is asked for, from the start of the sweep.
type moment struct {
	chunk  int
	offset time.Duration
}

// moments spreads n chunks evenly and shifts each by a stable share of its step.
func moments(tenant string, n int, spread time.Duration) []moment {
	ms := make([]moment, n)
	for i := range ms {
		h := fnv.New32a()
		io.WriteString(h, tenant+"/"+strconv.Itoa(i))
		shift := float64(h.Sum32()) / (1 << 32)
		ms[i] = moment{i, time.Duration((float64(i) + shift) / float64(n) * float64(spread))}
	}
	slices.SortFunc(ms, func(a, b moment) int { return cmp.Compare(a.offset, b.offset) })
	return ms
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err() == nil
	}
	return sleep(ctx, d)
}

// sleep waits for d; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// count adds a chunk's outcome to the report.
func (s *sweep) count(a answered) {
	r := &s.report
	r.Requests++
	for _, answer := range a.answers {
		if answer.Presence.IsUnknown() {
			r.Unknown++
		} else {
			r.Known++
		}
	}
	if a.err != nil {
		r.Failed++
		r.Cause = worse(r.Cause, causeOf(a.err))
	}
}

// finish completes the report once every chunk is in.
func (s *sweep) finish() presence.Sweep {
	s.report.Took = time.Since(s.report.Started)
	s.report.Unanswered = s.report.Users - s.report.Known - s.report.Unknown
	return s.report
}
