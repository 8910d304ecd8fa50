package graphsim

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Presence is what a user is at one moment.
type Presence struct {
	// Availability and Activity are the words of the documentation, in PascalCase.
	Availability, Activity string
	// Since is the real time at which this presence began.
	Since time.Time
	// Sequence is the version stamp: it sorts as text, and every change of the user has a greater one.
	Sequence string
	// OutOfOffice is true on days of leave.
	OutOfOffice bool
}

// population is everybody, in every tenant, and what happens to them. It is safe for concurrent use.
type population struct {
	now func() time.Time

	mu     sync.Mutex // guards all below
	clock  *clock
	people []*person
	byName map[string]*person // by id, and by lower-case tenant id + " " + user principal name
	sizes  map[string]int     // by tenant id
	script []Step             // not yet applied, in order of time
	start  time.Time
}

// person is one user with the cached day and whatever was set by hand.
type person struct {
	User
	traits   traits
	today    today
	pin      *pin
	released time.Time // when the last pin was lifted
	skipped  uint64    // added to the model's sequence numbers, because of pins
	removed  bool
}

// pin is a presence set by hand. It holds until it is replaced or lifted.
type pin struct {
	pair     pair
	since    time.Time
	sequence uint64
}

func newPopulation(cfg Config) (*population, error) {
	start := cfg.Now()
	p := &population{now: cfg.Now, clock: newClock(cfg, start), byName: map[string]*person{}, sizes: map[string]int{}, start: start}
	for _, tenant := range cfg.Tenants {
		if p.sizes[tenant.ID] > 0 {
			continue
		}
		p.sizes[tenant.ID] = tenant.Users
		for i := range tenant.Users {
			u, t := draw(cfg.Seed, tenant, i)
			someone := &person{User: u, traits: t}
			p.people = append(p.people, someone)
			p.byName[u.ID] = someone
			p.byName[principal(tenant.ID, u.UserPrincipalName)] = someone
		}
	}
	p.script = slices.Clone(cfg.Script.Presence)
	sort.SliceStable(p.script, func(i, j int) bool { return p.script[i].At < p.script[j].At })
	for i, s := range p.script {
		if p.find(s.User) == nil {
			return nil, fmt.Errorf("script: presence %d: user: got %q, want an id, a user principal name or a number below %d", i, s.User, len(p.people))
		}
	}
	return p, nil
}

func principal(tenantID, upn string) string { return tenantID + " " + strings.ToLower(upn) }

// look returns what each id is now; the boolean is false for ids that nobody in the tenant has. Empty tenant: any.
func (p *population) look(tenantID string, ids []string) ([]Presence, []bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.catchUp()
	sim := p.clock.at(now)
	found, known := make([]Presence, len(ids)), make([]bool, len(ids))
	for i, id := range ids {
		u := p.byName[strings.ToLower(id)]
		if u == nil || u.removed || (tenantID != "" && u.TenantID != tenantID) {
			continue
		}
		found[i], known[i] = p.present(u, sim), true
		if found[i].Since.After(now) {
			found[i].Since = now // by rounding
		}
	}
	return found, known
}

// present says what u is at a simulated time that is not before the last pin. The mutex is held.
func (p *population) present(u *person, sim time.Time) Presence {
	u.turnTo(date(sim))
	if u.pin != nil {
		return Presence{u.pin.pair.availability, u.pin.pair.activity, u.pin.since, stamp(u.pin.sequence), u.today.onLeave}
	}
	c := u.live(sim)
	words, since := c.state.pair(), p.clock.realOf(c.at)
	if since.Before(u.released) {
		since = u.released
	}
	return Presence{words.availability, words.activity, since, stamp(c.sequence + u.skipped), u.today.onLeave}
}

// catchUp applies the scripted changes that are due, each at its own time, and returns the present. The mutex is held.
func (p *population) catchUp() time.Time {
	now := p.now()
	for len(p.script) > 0 && !p.start.Add(p.script[0].At).After(now) {
		s := p.script[0]
		p.script = p.script[1:]
		p.apply(p.find(s.User), s, p.start.Add(s.At))
	}
	return now
}

// apply makes one change happen at a real time. The mutex is held.
func (p *population) apply(u *person, s Step, wall time.Time) {
	was := p.present(u, p.clock.at(wall))
	words := pair{s.Availability, s.Activity}
	switch {
	case s.Remove:
		u.removed = true
	case u.removed:
		// Nobody comes back: Graph would give a re-created user another id.
	case words == pair{}:
		p.unpin(u, wall)
	case u.pin != nil && u.pin.pair == words:
	case words == pair{was.Availability, was.Activity}:
		u.pin = &pin{words, was.Since, number(was.Sequence)}
	default:
		u.pin = &pin{words, wall, number(was.Sequence) + 1}
	}
}

// unpin gives u back to the model, under sequence numbers beyond those that were shown. The mutex is held.
func (p *population) unpin(u *person, wall time.Time) {
	if u.pin == nil {
		return
	}
	next := u.live(p.clock.at(wall)).sequence + u.skipped
	if next <= u.pin.sequence {
		u.skipped += u.pin.sequence + 1 - next
	}
	u.pin, u.released = nil, wall
}

// set pins a presence from now on, lifts the pin when both words are empty, or removes the user.
func (p *population) set(s Step) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.catchUp()
	u := p.find(s.User)
	if u == nil {
		return fmt.Errorf("setting a presence: user: got %q, want the id of a simulated user", s.User)
	}
	if u.removed {
		return fmt.Errorf("setting a presence: user %q was removed", s.User)
	}
	p.apply(u, s, now)
	return nil
}

// find takes an id, a user principal name or a position in the population. Nil: nobody.
func (p *population) find(name string) *person {
	if u := p.byName[strings.ToLower(name)]; u != nil {
		return u
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(p.people) {
		return p.people[i]
	}
	for _, u := range p.people {
		if strings.EqualFold(u.UserPrincipalName, name) {
			return u
		}
	}
	return nil
}

// turn changes the clock: stopped or running, and jumped forward by some simulated time.
func (p *population) turn(frozen *bool, advance time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.catchUp()
	if advance > 0 {
		p.clock.advance(now, advance)
	}
	if frozen != nil {
		p.clock.freeze(now, *frozen)
	}
}

// simulated returns the simulated time and whether it stands still.
func (p *population) simulated() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock.at(p.catchUp()), p.clock.frozen()
}

// user returns the user with that id or user principal name in a tenant, unless removed.
func (p *population) user(tenantID, name string) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	u := p.byName[strings.ToLower(name)]
	if u == nil {
		u = p.byName[principal(tenantID, name)]
	}
	if u == nil || u.removed || u.TenantID != tenantID {
		return User{}, false
	}
	return u.User, true
}

// size returns how many users a tenant began with.
func (p *population) size(tenantID string) int { return p.sizes[tenantID] }

// everybody returns the users of a tenant, removed ones as zero values: a position always means the same user.
func (p *population) everybody(tenantID string) []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	all := make([]User, 0, p.sizes[tenantID])
	for _, u := range p.people {
		switch {
		case u.TenantID != tenantID:
		case u.removed:
			all = append(all, User{})
		default:
			all = append(all, u.User)
		}
	}
	return all
}

// users returns everybody who was not removed, in a stable order. Empty tenant: of all tenants.
func (p *population) users(tenantID string) []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	var all []User
	for _, u := range p.people {
		if !u.removed && (tenantID == "" || u.TenantID == tenantID) {
			all = append(all, u.User)
		}
	}
	return all
}
