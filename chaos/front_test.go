package chaos_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// front is what one daemon knows as Graph. Each daemon has its own: once a dead
// one's front is closed, no answer to it can still be on its way into the records.
type front struct {
	sim http.Handler
	web *httptest.Server

	mu       sync.Mutex
	asked    []time.Time // when each request for presences arrived
	answered []time.Time // when each answer had been written
}

func newFront(sim http.Handler) *front {
	f := &front{sim: sim}
	f.web = httptest.NewServer(f)
	return f
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/getPresencesByUserId") {
		f.sim.ServeHTTP(w, r)
		return
	}
	f.note(&f.asked)
	f.sim.ServeHTTP(w, r)
	f.note(&f.answered)
}

func (f *front) note(times *[]time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*times = append(*times, time.Now())
}

// asks and answers are how many there were so far.
func (f *front) asks() int    { return f.count(&f.asked) }
func (f *front) answers() int { return f.count(&f.answered) }

func (f *front) count(times *[]time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(*times)
}

// silence is the longest time in which nobody was asked for.
func (f *front) silence() (longest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.asked); i++ {
		longest = max(longest, f.asked[i].Sub(f.asked[i-1]))
	}
	return longest
}
