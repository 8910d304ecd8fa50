package worker

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// The times of balance; see docs/adr/0011-balance.md.
const (
	announceEvery = 3 * time.Second
	silentAfter   = 10 * time.Second // a replica not heard of for so long does not count
	courtesy      = 4 * time.Second  // how long a vacant tenant is left to a replica that owns fewer
	releasePause  = 30 * time.Second // between two tenants that a replica gives away, and before it gives away what it took
	releaseMost   = 16 * time.Minute // the same if nobody takes them
)

// Replicas carries announcements between replicas; publisher.Replicas is one. They
// may get lost and may be forged. Safe for concurrent use.
type Replicas interface {
	// Announce tells the others; it must not block.
	Announce(a presence.Announcement) error

	// Heard brings what the others say, our own words too.
	Heard() <-chan presence.Announcement
}

// Balance spreads tenants evenly over the replicas that are heard of, one Balance
// for all tenants of a process. It only ever waits a little, or gives up what we
// own: who owns a tenant is decided by the Journal, whatever was said.
type Balance struct {
	replica  string
	replicas Replicas
	boot     func() time.Duration
	random   func() float64
	log      *zap.Logger
	changed  chan struct{} // there is something to announce

	mu     sync.Mutex // guards what follows
	seats  map[string]*seat
	others neighbours
	given  gift          // the one that nobody has taken yet; zero: none
	gaveAt time.Duration // when the last was, by boot; 0: never
	pause  time.Duration // until the next may be
}

// gift is a tenant that was given away, and for whom.
type gift struct{ tenant, taker string }

// seat is one of our tenants.
type seat struct {
	wanted bool // we would poll it: not told to stop
	owned  bool
	since  time.Duration // boot clock when it became ours
	look   chan struct{} // somebody was heard to give it up
	yield  chan struct{} // it is to be given away
}

// NewBalance returns a balance that hears and says nothing before Run. boot is a
// clock that goes on while the machine sleeps; random, in [0, 1), keeps replicas out
// of step.
func NewBalance(replica string, replicas Replicas, boot func() time.Duration, random func() float64, log *zap.Logger) *Balance {
	return &Balance{
		replica: replica, replicas: replicas, boot: boot, random: random, log: log, changed: make(chan struct{}, 1),
		seats: make(map[string]*seat), others: make(neighbours), pause: releasePause,
	}
}

// Run announces and listens until ctx ends, which should be after the tenants have
// ended; the last announcement is that we leave.
func (b *Balance) Run(ctx context.Context) {
	defer b.announce()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-b.replicas.Heard():
			b.hear(a)
		case <-b.changed:
			b.announce()
		case <-timer.C:
			b.announce()
			b.giveAway()
			timer.Reset(announceEvery - time.Duration(b.random()*float64(announceEvery)/10))
		}
	}
}

func (b *Balance) announce() {
	b.mu.Lock()
	a := presence.Announcement{Replica: b.replica, Owned: b.owned()}
	for tenant, s := range b.seats {
		if s.wanted {
			a.Wanted = append(a.Wanted, tenant)
		}
	}
	b.mu.Unlock()
	slices.Sort(a.Wanted)
	if err := b.replicas.Announce(a); err != nil {
		b.log.Debug("tenants are not spread over replicas", zap.Error(err))
	}
}

// owned are our tenants, sorted.
func (b *Balance) owned() []string {
	var tenants []string
	for _, tenant := range slices.Sorted(maps.Keys(b.seats)) {
		if b.seats[tenant].owned {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}

// hear takes an announcement in, and lets those look who wait for a tenant that
// was given up.
func (b *Balance) hear(a presence.Announcement) {
	if a.Replica == b.replica {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, tenant := range b.others.hear(a, b.boot()) {
		if s := b.seats[tenant]; s != nil {
			poke(s.look)
		}
	}
	if b.given.tenant != "" && slices.Contains(a.Owned, b.given.tenant) {
		b.settle(a.Replica == b.given.taker)
	}
}

// settle ends a gift. One that did not reach whom it was for makes us slower.
func (b *Balance) settle(reached bool) {
	b.given, b.pause = gift{}, min(2*b.pause, releaseMost)
	if reached {
		b.pause = releasePause
	}
}

// giveAway has one tenant given up if another replica should have it.
func (b *Balance) giveAway() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.boot()
	b.others.forget(now, silentAfter)
	if b.gaveAt > 0 && now-b.gaveAt < b.pause {
		return
	}
	tenant, taker := b.others.surplus(b.replica, b.owned())
	if s := b.seats[tenant]; s != nil && s.wanted && now-s.since >= releasePause {
		b.given, b.gaveAt = gift{tenant, taker}, now
		poke(s.yield)
	}
}

// yields reports whether a tenant that has been vacant for so long is left to
// another replica a little longer.
func (b *Balance) yields(tenant string, vacant time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.others.forget(b.boot(), silentAfter)
	return vacant < courtesy && b.others.lighter(tenant, len(b.owned()))
}

// join takes a tenant in.
func (b *Balance) join(tenant string) *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &seat{wanted: true, look: make(chan struct{}, 1), yield: make(chan struct{}, 1)}
	b.seats[tenant] = s
	poke(b.changed)
	return s
}

// leave says that the tenant is no longer wanted; whether it is owned is another
// matter.
func (b *Balance) leave(s *seat) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.wanted = false
	poke(b.changed)
}

// owns says whether the tenant is ours.
func (b *Balance) owns(tenant string, s *seat, owned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.owned = owned
	if owned {
		select {
		case <-s.yield: // meant for the reign before
		default:
		}
		s.since = b.boot()
		if tenant == b.given.tenant { // nobody took it
			b.settle(false)
		}
	}
	poke(b.changed)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // there is one already
	}
}

// silence is the Replicas of a process that is alone.
type silence struct{}

func (silence) Announce(presence.Announcement) error { return nil }
func (silence) Heard() <-chan presence.Announcement  { return nil }
