package simulation

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// story is what happens in a run, line by line. It is always told, and kept until
// the end: a run that is looked at goes the way of one that is not, and nobody in
// a bubble waits for a terminal.
type story struct {
	mu    sync.Mutex // guards what follows
	lines []string
}

// tell adds a line. In it stands what the dice of the runtime show: where two runs
// part unseen, these part at once.
func (s *story) tell(at time.Duration, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%14.9f %08x %s", at.Seconds(), rand.Uint32(), text))
}

func (s *story) end() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}
