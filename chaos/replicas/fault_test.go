//go:build replicas

package replicas_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"presenced/graphsim"
	"presenced/trial"
)

// fault is one thing that is done to the rig. It undoes itself after a while, at the
// latest when ctx ends, and says what it did; empty: there was nothing to do it to.
type fault struct {
	name string
	do   func(ctx context.Context, r *rig, rng *rand.Rand) string
}

// outages take a tenant's owner away for longer than a challenger waits.
func outages() []fault {
	const s = time.Second
	return []fault{
		{"kill -9 of an owner", killOwner},
		{"SIGSTOP of an owner, longer than the challenge", pauseOwner(16*s, 20*s)},
		{"an owner's writes held back and delivered late", onWire(up, hold, 15*s, 18*s)},
		{"SIGSTOP of an owner, longer than its deadline", pauseOwner(10*s, 13*s)},
		{"an owner's writes lost", onWire(up, swallow, 12*s, 16*s)},
	}
}

// mishaps are over soon.
func mishaps(servers int) []fault {
	const s = time.Second
	list := []fault{
		{"SIGTERM of an owner", termOwner},
		{"SIGTERM of an owner", termOwner},
		{"kill -9 of a replica that stands by", killStandby},
		{"connections of an owner cut", cutOwner},
		{"connections of an owner cut", cutOwner},
		{"connections of everybody cut", cutAll},
		{"an owner's writes held back", onWire(up, hold, 2*s, 6*s)},
		{"replies to an owner held back", onWire(down, hold, 2*s, 6*s)},
		{"replies to an owner lost", onWire(down, swallow, 2*s, 5*s)},
		{"another replica takes over by force", force},
		{"another replica takes over by force", force},
		{"nats-server killed, the leader", killServers(1, true)},
		{"nats-server stopped, the leader", pauseServer(s/2, 4*s, true)},
		{"slow disk", slowDisk},
		{"slow Graph", slowGraph},
		{"Graph hangs", graphFault(graphsim.Fault{Kind: graphsim.KindHang, Count: 2, Delay: 3 * s})},
		{"Graph hangs until it is given up", graphFault(graphsim.Fault{Kind: graphsim.KindHang, Count: 1})},
		{"Graph says 429", graphFault(graphsim.Fault{Kind: graphsim.KindThrottled, Count: 2, RetryAfter: "1"})},
		{"Graph says 503", graphFault(graphsim.Fault{Kind: graphsim.KindUnavailable, Count: 4})},
		{"Graph says 500", graphFault(graphsim.Fault{Kind: graphsim.KindInternalError, Count: 6})},
		{"Graph resets connections", graphFault(graphsim.Fault{Kind: graphsim.KindReset, Count: 6})},
		{"answers cut short", graphFault(graphsim.Fault{Kind: graphsim.KindTruncated, Count: 4})},
		{"answers without half of the people", graphFault(graphsim.Fault{Kind: graphsim.KindMissing, Count: 4})},
	}
	if servers > 1 {
		list = append(list,
			fault{"nats-server killed, a follower", killServers(1, false)},
			fault{"nats-server stopped, a follower", pauseServer(s, 6*s, false)},
			fault{"majority of the nats-servers killed", killServers(2, true)},
		)
	}
	return list
}

// seize finds the owner of a tenant, or any replica that runs, and keeps other
// faults from it until release is called; nil: none is free.
func (r *rig) seize(rng *rand.Rand, wantOwner bool) (p *replica, l *life, release func()) {
	name := r.tenants.list[rng.IntN(len(r.tenants.list))].name
	owner := r.owner(name)
	order := r.all()
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	if owner != nil && wantOwner {
		order = append([]*replica{owner}, order...)
	}
	for _, p := range order {
		if !wantOwner && p == owner || !p.mu.TryLock() {
			continue
		}
		if l := r.now(p); l != nil && l.runs() {
			return p, l, p.mu.Unlock
		}
		p.mu.Unlock()
	}
	return nil, nil, func() {}
}

func killOwner(ctx context.Context, r *rig, rng *rand.Rand) string {
	return r.killReplica(ctx, rng, true)
}

func killStandby(ctx context.Context, r *rig, rng *rand.Rand) string {
	return r.killReplica(ctx, rng, false)
}

func (r *rig) killReplica(ctx context.Context, rng *rand.Rand, owner bool) string {
	away := trial.Between(rng, 500*time.Millisecond, 3*time.Second)
	p, l, release := r.seize(rng, owner)
	defer release()
	if p == nil {
		return ""
	}
	l.kill()
	rest(ctx, away)
	r.begin(r.t, p)
	return fmt.Sprintf("%s, back after %v", l.name, away.Round(time.Millisecond))
}

func pauseOwner(from, to time.Duration) func(context.Context, *rig, *rand.Rand) string {
	return func(ctx context.Context, r *rig, rng *rand.Rand) string {
		d := trial.Between(rng, from, to)
		p, l, release := r.seize(rng, true)
		defer release()
		if p == nil {
			return ""
		}
		l.pause()
		rest(ctx, d)
		l.goOn()
		return fmt.Sprintf("%s, for %v", l.name, d.Round(time.Millisecond))
	}
}

func termOwner(ctx context.Context, r *rig, rng *rand.Rand) string {
	away := trial.Between(rng, 0, 2*time.Second)
	p, l, release := r.seize(rng, true)
	defer release()
	if p == nil {
		return ""
	}
	if !r.term(l) {
		r.t.Errorf("%s still runs %v after SIGTERM", l.name, patience)
		l.kill()
	}
	rest(ctx, away)
	r.begin(r.t, p)
	return fmt.Sprintf("%s, back after %v", l.name, away.Round(time.Millisecond))
}

func cutOwner(_ context.Context, r *rig, rng *rand.Rand) string {
	p, l, release := r.seize(rng, true)
	defer release()
	if p == nil {
		return ""
	}
	for _, proxy := range l.proxies {
		proxy.cut()
	}
	return l.name
}

func cutAll(_ context.Context, r *rig, _ *rand.Rand) string {
	r.each(func(l *life) {
		for _, proxy := range l.proxies {
			proxy.cut()
		}
	})
	return "all"
}

// onWire does something to one direction between an owner and NATS.
func onWire(direction int, g gate, from, to time.Duration) func(context.Context, *rig, *rand.Rand) string {
	return func(ctx context.Context, r *rig, rng *rand.Rand) string {
		d := trial.Between(rng, from, to)
		p, l, release := r.seize(rng, true)
		defer release()
		if p == nil {
			return ""
		}
		for _, proxy := range l.proxies {
			proxy.set(direction, g)
		}
		rest(ctx, d)
		for _, proxy := range l.proxies {
			proxy.set(direction, open)
		}
		return fmt.Sprintf("%s, for %v", l.name, d.Round(time.Millisecond))
	}
}

// killServers kills so many, the leader first or last, and starts them again.
func killServers(n int, leaderFirst bool) func(context.Context, *rig, *rand.Rand) string {
	return func(ctx context.Context, r *rig, rng *rand.Rand) string {
		away := trial.Between(rng, 300*time.Millisecond, 3*time.Second)
		names := ""
		for _, s := range r.servers(ctx, rng, leaderFirst) {
			if n > 0 && s.busy.TryLock() {
				n--
				defer s.busy.Unlock()
				defer s.start()
				s.child.kill()
				names += s.name + " "
			}
		}
		if names == "" {
			return ""
		}
		rest(ctx, away)
		return fmt.Sprintf("%sfor %v", names, away.Round(time.Millisecond))
	}
}

// servers are all of them, the leader first or last, the others in any order.
func (r *rig) servers(ctx context.Context, rng *rand.Rand, leaderFirst bool) []*natsServer {
	leader := r.nats.leader(ctx, r.js)
	order := append([]*natsServer(nil), r.nats.servers...)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	var first, last []*natsServer
	for _, s := range order {
		if (s == leader) == leaderFirst {
			first = append(first, s)
		} else {
			last = append(last, s)
		}
	}
	return append(first, last...)
}

func pauseServer(from, to time.Duration, leader bool) func(context.Context, *rig, *rand.Rand) string {
	return func(ctx context.Context, r *rig, rng *rand.Rand) string {
		d := trial.Between(rng, from, to)
		for _, s := range r.servers(ctx, rng, leader) {
			if s.busy.TryLock() {
				defer s.busy.Unlock()
				s.pause()
				rest(ctx, d)
				s.goOn()
				return fmt.Sprintf("%s, for %v", s.name, d.Round(time.Millisecond))
			}
		}
		return ""
	}
}

// slowDisk stops a server for a moment again and again: from outside that is what
// a disk looks like whose syncs take half a second.
func slowDisk(ctx context.Context, r *rig, rng *rand.Rand) string {
	for _, s := range r.servers(ctx, rng, true) {
		if !s.busy.TryLock() {
			continue
		}
		defer s.busy.Unlock()
		for range 8 {
			s.pause()
			rest(ctx, trial.Between(rng, 200*time.Millisecond, 600*time.Millisecond))
			s.goOn()
			rest(ctx, trial.Between(rng, 10*time.Millisecond, 100*time.Millisecond))
		}
		return s.name
	}
	return ""
}

func slowGraph(ctx context.Context, r *rig, rng *rand.Rand) string {
	lag := trial.Between(rng, 300*time.Millisecond, 2*time.Second)
	r.graph.slow(lag)
	rest(ctx, trial.Between(rng, 2*time.Second, 5*time.Second))
	r.graph.slow(0)
	return fmt.Sprintf("answers take %v", lag.Round(time.Millisecond))
}

func graphFault(f graphsim.Fault) func(context.Context, *rig, *rand.Rand) string {
	return func(ctx context.Context, r *rig, _ *rand.Rand) string {
		f.On, f.For = string(graphsim.EndpointBulk), 10*time.Second
		if err := r.tenants.Inject(f); err != nil {
			r.t.Error(err)
		}
		return fmt.Sprintf("%d requests", f.Count)
	}
}
