package worker

import (
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

// patience bounds one chunk, its wait for the budget included: longer than what a
// window and a predecessor's charge can take, so that only a pause that Graph asked
// for is longer. A schedule of rare sweeps may wait for an interval.
const patience = 2 * time.Minute

// sweep is one pass over a roster under way. The tenant's goroutine reads answers
// and keeps the report; the sweep's own goroutines only ask.
type sweep struct {
	report  presence.Sweep
	chunks  int           // of the roster
	answers chan answered // closed after the last chunk's
	stop    func()        // starts no further chunk
	late    int           // the first place in the order whose chunk failed; chunks: none did
	mute    bool          // what it brings is used, but it says nothing of what we can see
}

// answered is what became of one chunk.
type answered struct {
	place   int // in the sweep's order
	answers []presence.Answer
	err     error
}

// startSweep asks for every chunk at its own moment within spread, beginning with
// the chunk first, and sends what comes back. A moment is the same in every sweep:
// a user is asked in equal steps of time, and tenants and chunks do not come all at
// once. The sweep ends when its last chunk does, each after patience at the latest,
// or when ctx ends.
func (t *Tenant) startSweep(ctx context.Context, first int, spread, patience time.Duration) *sweep {
	chunks := slices.Collect(slices.Chunk(t.cfg.Users, t.cfg.Chunk))
	launch, stop := context.WithCancel(ctx)
	s := &sweep{
		report:  presence.Sweep{Started: time.Now(), Users: len(t.cfg.Users)},
		chunks:  len(chunks),
		late:    len(chunks),
		answers: make(chan answered, len(chunks)), // nobody ever blocks on a reader that left
		stop:    stop,
	}
	go func() {
		defer close(s.answers)
		defer stop()
		var asking sync.WaitGroup
		defer asking.Wait()
		slots := make(chan struct{}, maxInFlight)
		for place, m := range moments(t.cfg.Tenant, len(chunks), first, spread) {
			if !sleepUntil(launch, s.report.Started.Add(m.offset)) {
				return
			}
			select {
			case slots <- struct{}{}:
			case <-launch.Done():
				return
			}
			asking.Go(func() {
				defer func() { <-slots }()
				a := t.ask(ctx, chunks[m.chunk], patience)
				a.place = place
				s.answers <- a
			})
		}
	}()
	return s
}

// ask asks for one chunk. A panic is an answer too: it must not take the other
// tenants down.
func (t *Tenant) ask(ctx context.Context, chunk []presence.UserID, patience time.Duration) (a answered) {
	defer t.catch(&a.err)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a.answers, a.err = t.source.Presences(ctx, chunk)
	return a
}

// moment is when a chunk is asked for, from the start of the sweep.
type moment struct {
	chunk  int
	offset time.Duration
}

// moments spreads n chunks evenly, the chunk first at the head, and shifts each by
// a stable share of its step.
func moments(tenant string, n, first int, spread time.Duration) []moment {
	ms := make([]moment, n)
	for i := range ms {
		chunk := (first + i) % n
		h := fnv.New32a()
		io.WriteString(h, tenant+"/"+strconv.Itoa(chunk))
		shift := float64(h.Sum32()) / (1 << 32)
		ms[i] = moment{chunk, time.Duration((float64(i) + shift) / float64(n) * float64(spread))}
	}
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
		s.late = min(s.late, a.place)
		r.Cause = worse(r.Cause, causeOf(a.err))
	}
}

// finish completes the report once every chunk is in.
func (s *sweep) finish() presence.Sweep {
	s.report.Took = time.Since(s.report.Started)
	s.report.Unanswered = s.report.Users - s.report.Known - s.report.Unknown
	return s.report
}

// covered reports whether every chunk was asked for.
func (s *sweep) covered() bool { return s.report.Requests == s.chunks }
