package graphsim

import (
	"math/rand/v2"
	"sync"
	"time"
)

// faults is the list of injected faults. It is safe for concurrent use.
type faults struct {
	now func() time.Time

	mu   sync.Mutex // guards all below
	rng  *rand.Rand
	list []*injected
}

// injected is a fault and its history.
type injected struct {
	Fault
	from time.Time
	hits int
}

func newFaults(cfg Config) *faults {
	f := &faults{now: cfg.Now, rng: rand.New(rand.NewPCG(derivedSeed(cfg.Seed, "faults"), 0))}
	for _, fault := range cfg.Script.Faults {
		f.inject(fault)
	}
	return f
}

func (f *faults) inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &injected{Fault: fault, from: f.now().Add(fault.After)})
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// take returns the fault that hits a request, nil for none, and counts the hit.
func (f *faults) take(t target, path, tenant string, ids []string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for _, in := range f.list {
		if !in.active(now) || !in.fits(t, path, tenant, ids) {
			continue
		}
		if in.Probability > 0 && f.rng.Float64() >= in.Probability {
			continue
		}
		in.hits++
		return &in.Fault
	}
	return nil
}

// active reports whether the fault's time has come and not gone, and its count is not used up.
func (in *injected) active(now time.Time) bool {
	return !now.Before(in.from) &&
		(in.For == 0 || now.Before(in.from.Add(in.For))) &&
		(in.Count == 0 || in.hits < in.Count)
}

// FaultState is what became of an injected fault.
type FaultState struct {
	Kind   Kind   `json:"kind"`
	On     string `json:"on,omitempty"`
	Hits   int    `json:"hits"`   // requests hit so far
	Active bool   `json:"active"` // can hit now
}

func (f *faults) states() []FaultState {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	states := make([]FaultState, len(f.list))
	for i, in := range f.list {
		states[i] = FaultState{in.Kind, in.On, in.hits, in.active(now)}
	}
	return states
}
