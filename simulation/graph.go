package simulation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"presenced/graphclient"
	"presenced/graphsim"
	"presenced/presence"
)

var cloud = graphclient.Cloud{LoginURL: "http://127.0.0.1:1", GraphURL: "http://127.0.0.1:2"}

// graph is the simulated Graph, what goes wrong on the way to it, and the record
// of what it was asked and what it served whole.
type graph struct {
	world  *world
	sim    *graphsim.Server
	people [][]presence.UserID // by tenant
	terms  terms

	mu       sync.Mutex // guards what follows
	troubles []trouble
	denied   map[int]bool
	bodies   map[string][][]byte // earlier answers, by tenant and question
	arrivals [][]time.Time       // presence requests, by tenant
	departed []departure
	answers  []answer // all of them
	faults   []string // that are seen while the run goes on
}

type trouble struct {
	Act
	until time.Time
}

// departure is a presence request that left.
type departure struct {
	process *process
	tenant  int
	at      time.Time
}

// answer is what a process was told of one user, whole.
type answer struct {
	process              *process
	tenant               int
	user                 presence.UserID
	availability, action string
	stamp                string
	at                   time.Time
}

func newGraph(w *world) (*graph, error) {
	cfg := graphsim.Config{Seed: w.plan.Seed, Limit: 1 << 20, Script: life(w.plan, w.dice), Frozen: true}
	for _, t := range w.plan.Tenants {
		cfg.Tenants = append(cfg.Tenants, graphsim.TenantConfig{Users: t.People})
	}
	sim, err := graphsim.New(cfg)
	if err != nil {
		return nil, err
	}
	g := &graph{world: w, sim: sim, denied: map[int]bool{}, bodies: map[string][][]byte{}, arrivals: make([][]time.Time, len(cfg.Tenants))}
	for _, t := range sim.Tenants() {
		var ids []presence.UserID
		for _, u := range sim.Users(t.ID) {
			ids = append(ids, presence.UserID(u.ID))
		}
		g.people = append(g.people, ids)
	}
	return g, nil
}

func (g *graph) fault(format string, args ...any) {
	g.world.say("FAULT "+format, args...)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, fmt.Sprintf(format, args...))
}

func (g *graph) trouble(a Act, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.troubles = append(g.troubles, trouble{a, until})
}

// fate is the fault that a request meets; empty: none.
func (g *graph) fate(tenant int, d dice) Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.troubles = slices.DeleteFunc(g.troubles, func(t trouble) bool { return now.After(t.until) })
	for _, t := range g.troubles {
		if t.Tenant != tenant || !d.of(50, uint64(len(t.Fault))).chance(t.Share) {
			continue
		}
		if t.Fault == Half && g.world.plan.Tenants[tenant].Chunk == 1 {
			continue // one missing of one is a 404, after which Graph is not asked for minutes
		}
		if t.Fault == Denied {
			if g.denied[tenant] {
				continue
			}
			g.denied[tenant] = true // a second one would stop the tenant for minutes
		}
		return t.Fault
	}
	return ""
}

// reply is an answer on its way back.
type reply struct {
	status int
	header http.Header
	body   []byte
	torn   bool // the connection breaks where the body ends
	reset  bool // there is no answer
}

// Header implements http.ResponseWriter.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *reply) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, p...)
	return len(p), nil
}

// arrive has the simulated Graph answer a request at this moment.
func (g *graph) arrive(q *question, f Fault, d dice) (r *reply) {
	r = &reply{header: http.Header{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.presence {
		g.arrivals[q.tenant] = append(g.arrivals[q.tenant], time.Now())
	}
	if inject := f.inject(d); inject.Kind != "" && q.presence {
		inject.Tenant, inject.Count = g.sim.Tenants()[q.tenant].ID, 1
		if err := g.sim.Inject(inject); err != nil {
			g.faults = append(g.faults, err.Error())
		}
	}
	func() {
		defer func() {
			p := recover()
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				r.torn, r.reset = true, len(r.body) == 0
			} else if p != nil {
				panic(p)
			}
		}()
		g.sim.ServeHTTP(r, q.request())
	}()
	r.WriteHeader(http.StatusOK)
	if q.presence && r.status == http.StatusOK && !r.torn {
		g.alter(q, f, d, r)
	}
	g.world.say("Graph answers t%d %s: %d, %d bytes", q.tenant, q.path, r.status, len(r.body))
	return r
}

// alter is what graphsim has no fault for.
func (g *graph) alter(q *question, f Fault, d dice, r *reply) {
	key := fmt.Sprint(q.tenant, q.path, string(q.body))
	before := g.bodies[key]
	if f == "" {
		g.bodies[key] = append(before[max(len(before)-5, 0):], r.body)
	}
	switch f {
	case Stale:
		if len(before) > 0 {
			r.body = before[d.of(60).below(len(before))]
		}
	case Unknown:
		r.body = unknown(r.body)
	case Nobody:
		if q.bulk {
			r.body = []byte(`{"value":[]}`)
		}
	}
}

// question is a request on its way.
type question struct {
	tenant         int
	presence, bulk bool
	method, url    string
	path           string
	header         http.Header
	body           []byte
	asked          []presence.UserID
}

func (q *question) request() *http.Request {
	r, err := http.NewRequest(q.method, q.url, bytes.NewReader(q.body))
	if err != nil {
		panic(err) // it was a request before
	}
	r.Header = q.header
	return r
}

// deliver takes note of an answer that a living process has read to its end.
func (g *graph) deliver(p *process, q *question, r *reply) {
	if !p.alive() || !q.presence || r.status != http.StatusOK || r.torn {
		return
	}
	told := read(r, q)
	g.terms.mu.Lock()
	defer g.terms.mu.Unlock()
	t := g.terms.current(p, q.tenant)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range told {
		a.process, a.tenant, a.at = p, q.tenant, time.Now()
		g.world.say("%s t%d told %.4s %s/%s %s", p.name, q.tenant, a.user, a.availability, a.action, a.stamp)
		g.answers = append(g.answers, a)
		if t != nil {
			t.answers = append(t.answers, a)
		}
	}
}

// body is a response's body; its end is the moment that counts.
type body struct {
	io.Reader
	end func()
	err error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		if b.err != nil {
			return n, b.err
		}
		if b.end != nil {
			b.end()
			b.end = nil
		}
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error { return nil }
