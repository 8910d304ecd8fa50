package graphsim

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Run is a stretch of equal answers about one user.
type Run struct {
	// Availability and Activity are the words on the wire, in whatever case a mode wrote them; null is "".
	Availability string `json:"availability"`
	Activity     string `json:"activity"`
	// Since is the real time at which the presence began in the model. For an id that nobody has it is the zero time.
	Since time.Time `json:"since"`
	// First and Last are the real times at which the first and the last of these answers had been written.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Times is the number of answers.
	Times int `json:"times"`
}

// served is the ledger of answers that were written whole. It is safe for concurrent use.
type served struct {
	mu   sync.Mutex
	runs map[string][]Run // by lower-case user id
}

// showing is what one answer said about one user.
type showing struct {
	id                     string // lower case
	availability, activity string
	since                  time.Time
}

// record takes note of one whole answer.
func (s *served) record(showings []showing, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, show := range showings {
		runs := s.runs[show.id]
		if n := len(runs); n > 0 && runs[n-1].Availability == show.availability && runs[n-1].Activity == show.activity {
			runs[n-1].Last = at
			runs[n-1].Times++
			continue
		}
		s.runs[show.id] = append(runs, Run{show.availability, show.activity, show.since, at, at, 1})
	}
}

// all returns a copy of the ledger so far.
func (s *served) all() map[string][]Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := maps.Clone(s.runs)
	for id := range runs {
		runs[id] = slices.Clone(runs[id])
	}
	return runs
}
