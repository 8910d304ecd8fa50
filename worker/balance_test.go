package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
	"presenced/worker"
)

// hub carries announcements in memory. Deaf is what becomes of them when they are
// all lost.
type hub struct {
	mu   sync.Mutex
	ears []chan presence.Announcement
	deaf bool
}

func (h *hub) say(a presence.Announcement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ear := range h.ears {
		if !h.deaf {
			select {
			case ear <- a:
			default:
			}
		}
	}
}

// voice is one replica's side of a hub.
type voice struct {
	hub *hub
	ear chan presence.Announcement
}

func (h *hub) join() voice {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := voice{h, make(chan presence.Announcement, 64)}
	h.ears = append(h.ears, v.ear)
	return v
}

func (v voice) Announce(a presence.Announcement) error { v.hub.say(a); return nil }
func (v voice) Heard() <-chan presence.Announcement    { return v.ear }

// cluster is several replicas on the same tenants, in fake time.
type cluster struct {
	*world
	hub     *hub
	tenants map[string]*tenantModel
	sources map[string]*fakeSource
	running map[string]func()
}

func newCluster(t *testing.T, tenants int) *cluster {
	t.Helper()
	c := &cluster{world: newWorld(t, 2), hub: &hub{}, tenants: map[string]*tenantModel{}, sources: map[string]*fakeSource{}, running: map[string]func(){}}
	for i := range tenants {
		name := fmt.Sprintf("tenant-%d", i)
		c.tenants[name], c.sources[name] = &tenantModel{}, newSource(2, "Available")
	}
	return c
}

// names are the tenants, all of them if none is given.
func (c *cluster) names(some ...string) []string {
	if len(some) > 0 {
		return some
	}
	var all []string
	for name := range c.tenants {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// run starts a replica for some tenants, or for all.
func (c *cluster) run(replica string, some ...string) {
	balance := worker.NewBalance(replica, c.hub.join(), c.boot, rand.Float64, zap.NewNop())
	var tenants []*worker.Tenant
	for _, name := range c.names(some...) {
		cfg := c.config
		cfg.Tenant, cfg.Replica, cfg.Balance = name, replica, balance
		tenants = append(tenants, worker.New(cfg, c.sources[name], &fakeBudget{boot: c.boot}, &fakeJournal{tenantModel: c.tenants[name], replica: replica}, c.observer, zap.NewNop()))
	}
	ctx, stop := context.WithCancel(context.Background())
	speaking, hush := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { balance.Run(speaking) })
	ended.Go(func() {
		defer hush()
		if err := worker.Run(ctx, tenants); err != nil {
			c.t.Error(err)
		}
	})
	c.running[replica] = func() { stop(); ended.Wait() }
	c.after(100 * time.Millisecond)
}

func (c *cluster) stopAll() {
	for _, stop := range c.running {
		stop()
	}
}

// owners counts the tenants of each replica; "" are those that nobody has.
func (c *cluster) owners() map[string]int {
	n := map[string]int{}
	for _, m := range c.tenants {
		n[m.ownedBy()]++
	}
	return n
}

func (m *tenantModel) ownedBy() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner.Released {
		return ""
	}
	return m.owner.Replica
}

// vacancy lets time pass and returns how long any tenant was without an owner at
// most, and how often tenants were taken.
func (c *cluster) vacancy(d time.Duration) (longest time.Duration, taken int) {
	const step = 100 * time.Millisecond
	vacant := map[string]time.Duration{}
	before := c.epochs()
	for range d / step {
		c.after(step)
		for name, m := range c.tenants {
			if m.ownedBy() != "" {
				vacant[name] = 0
				continue
			}
			vacant[name] += step
			longest = max(longest, vacant[name])
		}
	}
	return longest, int(c.epochs() - before)
}

// epochs is how often any tenant was taken.
func (c *cluster) epochs() (n uint64) {
	for _, m := range c.tenants {
		m.mu.Lock()
		n += m.owner.Epoch
		m.mu.Unlock()
	}
	return n
}

func TestTenantsSpreadOverReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 6)
		c.run("a")
		if n := c.owners(); n["a"] != 6 {
			t.Fatalf("owners = %v, want all with the only replica", n)
		}
		c.after(time.Minute)
		before := c.epochs()
		c.run("b")
		c.run("c")
		longest, _ := c.vacancy(29 * time.Second)
		if moves := c.epochs() - before; moves != 1 {
			t.Errorf("%d tenants changed hands in the first 30 s, want 1", moves)
		}
		more, _ := c.vacancy(10 * time.Minute)
		if n := c.owners(); n["a"] != 2 || n["b"] != 2 || n["c"] != 2 {
			t.Errorf("owners = %v, want two each", n)
		}
		if moves := c.epochs() - before; moves != 4 {
			t.Errorf("%d tenants changed hands, want 4", moves)
		}
		if longest = max(longest, more); longest > 2*time.Second {
			t.Errorf("a tenant was without an owner for %s", longest)
		}
		c.stopAll()
	})
}

// Stopping a replica hands its tenants over within 2 s, whether it is heard or not,
// and however many stand by.
func TestAPlannedHandOverIsQuick(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		deaf  bool
		delay time.Duration // of Graph
		want  time.Duration
	}{
		"heard":                   {want: 300 * time.Millisecond},
		"every announcement lost": {deaf: true, want: 2 * time.Second},
		"Graph hangs":             {delay: time.Hour, want: 1300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 1)
				c.hub.deaf = tc.deaf
				c.sources["tenant-0"].delay = tc.delay
				c.run("a")
				c.run("b")
				c.run("c")
				for round := range 6 {
					owner := c.tenants["tenant-0"].ownedBy()
					c.after(time.Minute)
					stopped := time.Now()
					c.running[owner]()
					_, asked := c.sources["tenant-0"].lastAsked()
					for n := asked; n == asked; _, n = c.sources["tenant-0"].lastAsked() {
						c.after(10 * time.Millisecond)
					}
					took := time.Since(stopped)
					t.Logf("round %d: polled again after %s", round, took)
					if took > tc.want {
						t.Errorf("polled again %s after the order to stop, want %s", took, tc.want)
					}
					delete(c.running, owner)
					c.run(owner)
				}
				if o := c.tenants["tenant-0"].owner; o.Epoch != 7 {
					t.Errorf("epoch %d after six hand-overs, want 7", o.Epoch)
				}
				c.stopAll()
			})
		})
	}
}

// Replicas may have different lists.
func TestBalanceOfDifferentLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		c.run("a")
		c.run("b", "tenant-3")
		c.after(5 * time.Minute)
		if n := c.owners(); n["a"] != 3 || n["b"] != 1 {
			t.Errorf("owners = %v, want a to give b the one it wants", n)
		}
		c.stopAll()
	})
}

// A vacant tenant is left to a replica that owns fewer, but not for long.
func TestNoTenantStaysVacantForHearsay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2)
		c.run("z", "tenant-1")
		c.run("a")
		c.after(10 * time.Second)
		ghost := presence.Announcement{Replica: "ghost", Wanted: c.names()}
		c.hub.say(ghost)
		c.after(time.Second)
		c.running["z"]()
		delete(c.running, "z")
		c.hub.say(ghost)
		begin := time.Now()
		for c.owners()[""] > 0 {
			c.after(100 * time.Millisecond)
		}
		if took := time.Since(begin); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("the tenant was left to a ghost for %s, want about 4s", took)
		}
		c.stopAll()
	})
}

// A replica that wants everything, takes nothing and never falls silent costs a few
// short gaps. So does noise.
func TestForgedAnnouncementsOnlyCostBalance(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(c *cluster, r *rand.Rand) presence.Announcement{
		"a ghost": func(c *cluster, _ *rand.Rand) presence.Announcement {
			return presence.Announcement{Replica: "ghost", Wanted: c.names()}
		},
		"noise": func(c *cluster, r *rand.Rand) presence.Announcement {
			a := presence.Announcement{Replica: []string{"a", "b", "ghost", fmt.Sprint(r.IntN(5000))}[r.IntN(4)]}
			for _, name := range append(c.names(), "other") {
				if r.IntN(2) == 0 {
					a.Owned = append(a.Owned, name)
				}
				if r.IntN(2) == 0 {
					a.Wanted = append(a.Wanted, name)
				}
			}
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 3)
				c.run("a")
				c.run("b")
				ended := make(chan struct{})
				ctx, stop := context.WithCancel(context.Background())
				go func() {
					defer close(ended)
					r := rand.New(rand.NewPCG(1, 2))
					for ctx.Err() == nil {
						c.hub.say(forge(c, r))
						time.Sleep(700 * time.Millisecond)
					}
				}()
				longest, moves := c.vacancy(20 * time.Minute)
				if longest > 8*time.Second {
					t.Errorf("a tenant was without an owner for %s", longest)
				}
				if most := 2 * int(20*time.Minute/(30*time.Second)); moves > most {
					t.Errorf("tenants changed hands %d times in 20 minutes, want %d at most", moves, most)
				}
				if name == "a ghost" && moves > 20 {
					t.Errorf("tenants were offered to a ghost %d times, want it to be seen through", moves)
				}
				stop()
				<-ended
				c.stopAll()
				for name, m := range c.tenants {
					if n := len(m.log()); n != 2 {
						t.Errorf("%s has %d events, want the two snapshots", name, n)
					}
				}
			})
		})
	}
}
