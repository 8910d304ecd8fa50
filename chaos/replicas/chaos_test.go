//go:build replicas

package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/audit"
	"presenced/trial"
)

// TestOneServer is the promise with two and then three replicas on one nats-server,
// TestCluster on three of them.
func TestOneServer(t *testing.T) { t.Parallel(); chaos(t, 1) }
func TestCluster(t *testing.T)   { t.Parallel(); chaos(t, 3) }

// step is a fault and its moment.
type step struct {
	fault
	at  time.Duration
	rng *rand.Rand // of its own: what a fault does depends on no other
}

// schedule spreads faults over d. Every eighth is an outage, because while one lasts
// nothing else has much to hit.
func schedule(rng *rand.Rand, servers int, d time.Duration) []step {
	const pace = 2300 * time.Millisecond
	long, short := outages(), mishaps(servers)
	rng.Shuffle(len(long), func(i, j int) { long[i], long[j] = long[j], long[i] })
	rng.Shuffle(len(short), func(i, j int) { short[i], short[j] = short[j], short[i] })
	var steps []step
	for i := 0; time.Duration(i)*pace < d-time.Second; i++ {
		deck := &short
		if i%8 == 1 {
			deck = &long
		}
		f := (*deck)[0]
		*deck = append((*deck)[1:], f)
		at := time.Duration(i)*pace + trial.Between(rng, 0, pace/2)
		steps = append(steps, step{f, at, rand.New(rand.NewPCG(rng.Uint64(), 0))})
	}
	return steps
}

func chaos(t *testing.T, servers int) {
	rng := dice(t)
	list := []*tenant{
		{name: "red", rate: "{requests: 1500, per: 30s}", allowed: 1200, endpoint: "bulk", every: "1s"},
		{name: "green", rate: "{requests: 1500, per: 30s}", allowed: 1200, endpoint: "bulk", every: "1s"},
		{name: "blue", rate: "{requests: 130, per: 30s, share: 1}", allowed: 130, endpoint: "bulk", every: "1s"},
	}
	r := newRig(t, servers, *people, list...)
	r.join(t)
	r.join(t)
	r.direct = r.log(t)
	r.settle(t, time.Time{}) // everybody is seen once
	changing, stopChanging := context.WithCancel(t.Context())
	var flipping sync.WaitGroup
	flips := rand.New(rand.NewPCG(rng.Uint64(), 0))
	flipping.Go(func() { r.tenants.flip(changing, t, flips, 700*time.Millisecond) })

	// A machine that has other things to do gets half as much time again.
	done := r.run(t, schedule(rng, servers, *chaosFor*3/2))
	stopChanging()
	flipping.Wait()
	r.tenants.Heal()
	begin := time.Now()
	r.settle(t, begin)
	t.Logf("everybody was asked for and written %v after the last fault", time.Since(begin).Round(time.Millisecond))
	r.each(func(l *life) {
		if l.IsOver() {
			return
		}
		l.termed = time.Now()
		if !l.stop(patience) {
			t.Errorf("%s still runs %v after SIGTERM", l.name, patience)
		}
	})
	v := r.conclude(t)
	t.Logf("%d faults:\n%s", len(done), strings.Join(done, "\n"))
	if least := int(15 * chaosFor.Minutes()); len(done) < least || v.Changes < eventsDue()/50 || v.Served < v.Changes/2 {
		t.Errorf("%d faults, %d change events and %d that had to be: that proves nothing", len(done), v.Changes, v.Served)
	}
}

// eventsDue is how many change events a run goes on for: 50,000 a minute, so that
// the two have 100,000. A machine that is busy has fewer, and still proves something.
func eventsDue() int { return int(50_000 * chaosFor.Minutes()) }

// run does what the schedule says, until the time is over and the log has events
// enough, and returns what came of it.
func (r *rig) run(t *testing.T, steps []step) (done []string) {
	ctx, cancel := context.WithTimeout(t.Context(), *chaosFor*3/2)
	defer cancel()
	begin := time.Now()
	enough := func() bool { return time.Since(begin) >= *chaosFor && r.written(ctx) > eventsDue()*6/5 }
	var mu sync.Mutex
	var acting sync.WaitGroup
	for i, s := range steps {
		rest(ctx, time.Until(begin.Add(s.at)))
		if ctx.Err() != nil || enough() {
			break
		}
		acting.Go(func() {
			at := time.Now()
			what := s.do(ctx, r, s.rng)
			mu.Lock()
			defer mu.Unlock()
			if what != "" {
				done = append(done, fmt.Sprintf("%s (%.1f s) %s: %s", at.UTC().Format("15:04:05.000"), at.Sub(begin).Seconds(), s.name, what))
			}
		})
		if i == len(steps)/3 {
			r.join(t)
		}
	}
	cancel()
	acting.Wait()
	return done
}

// written is where the log ends; 0 if nobody knows now.
func (r *rig) written(ctx context.Context) int {
	asking, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stream, err := r.js.Stream(asking, streamName)
	if err != nil {
		return 0
	}
	return int(stream.CachedInfo().State.LastSeq)
}

// conclude reads what was written and judges it.
func (r *rig) conclude(t *testing.T) audit.Verdict {
	t.Helper()
	s := r.read(t, r.direct)
	ev := r.evidence(s)
	v := audit.Judge(ev)
	lives := 0
	r.each(func(l *life) {
		lives++
		if l.tap.broken != nil {
			t.Errorf("%s: %v", l.name, l.tap.broken)
		}
		for _, line := range l.journal.Complaints() {
			if line.Msg != "reign ended, standing by" { // for want of a log that can be read: that is what is done to it
				t.Errorf("%s complains: %s", l.name, line)
			}
		}
	})
	for _, text := range r.casualties() {
		t.Errorf("ended by itself: %s", text)
	}
	over := overLimit(r.tenants.Stats(), r.tenants.list)
	for _, text := range over {
		t.Error(text)
	}
	t.Logf("%d replicas in %d lives, %d change events, %d snapshots, %d events about tenants, %d epochs", len(r.all()), lives, v.Changes, v.Snapshots, s.news, r.epochs())
	t.Logf("%d changes had to be told, %d more may have been and are not; missing %d, invented %d, duplicates %d, broken %d, lost %d, deposed %d, torn %d; requests at most %s",
		v.Served, v.Excused, v.Missing, v.Invented, v.Duplicates, v.Broken, v.Lost, v.Deposed, v.Torn, r.busiest())
	if v.Violations() > 0 {
		t.Errorf("%d violations:\n%s", v.Violations(), strings.Join(v.Finding, "\n"))
	}
	if n := r.restless(s); n > 0 {
		t.Errorf("%d people who never changed have no event or several, want one each", n)
	}
	if v.Violations() == 0 && v.Changes > 0 {
		selfCheck(t, ev)
	}
	if t.Failed() {
		t.Logf("owners:\n%s", r.owners())
	}
	return v
}
