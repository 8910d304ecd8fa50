package simulation

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"presenced/presence"
	"presenced/simulation/natsmodel"
)

// world is a run under way. It lives in one synctest bubble.
type world struct {
	plan  Plan
	dice  dice
	begun time.Time
	nats  *natsmodel.Server
	graph *graph
	story story

	mu      sync.Mutex // guards what follows
	slots   []*process // the process of each replica; nil: it is down
	started int        // processes so far
	all     []*process
	mishaps map[int]*mishap // by replica
	lagging time.Time       // the table stands still until then
	rosters [][]presence.UserID
	pending sync.WaitGroup // restarts and connections
}

// mishap is what goes wrong with requests of a replica for a while.
type mishap struct {
	natsmodel.Mischief
	until  time.Time
	chance float64
	dice   dice
	writes bool // only with owner messages
}

// Run carries the plan out and returns what there is to judge. It has to be
// called in a synctest bubble, and returns when all goroutines are done.
func Run(plan Plan) (*Record, error) {
	w := &world{plan: plan, dice: dice(mix(plan.Seed)), begun: time.Now(),
		slots: make([]*process, plan.Replicas), mishaps: map[int]*mishap{}}
	w.nats = natsmodel.New(w.lag, w.meddle)
	var err error
	if w.graph, err = newGraph(w); err != nil {
		return nil, err
	}
	for i := range plan.Tenants {
		w.rosters = append(w.rosters, w.roster(i, 0))
	}
	for slot := range w.slots {
		time.Sleep(w.dice.of(forProcess, uint64(slot)).between(time.Millisecond, time.Second))
		w.start(slot)
	}
	for i, act := range plan.Acts {
		w.sleepTo(act.At)
		w.perform(uint64(i), act)
	}
	w.sleepTo(plan.Length)
	r := w.record()
	w.end()
	r.close(w)
	return r, nil
}

const (
	prefix = "presence"
	stream = "PRESENCE"
)

func (w *world) say(format string, args ...any) {
	w.story.tell(time.Since(w.begun), fmt.Sprintf(format, args...))
}

func (w *world) sleepTo(at time.Duration) { time.Sleep(time.Until(w.begun.Add(at))) }

// end stops every process, lets them give up their tenants, and waits.
func (w *world) end() {
	w.mu.Lock()
	running := append([]*process(nil), w.slots...)
	w.mu.Unlock()
	for _, p := range running {
		if p != nil {
			p.stop()
		}
	}
	for _, p := range running {
		if p != nil {
			<-p.done
		}
	}
	time.Sleep(5 * time.Second) // the table follows
	w.nats.Stop(0)
	w.pending.Wait()
}

// perform makes one act happen.
func (w *world) perform(i uint64, a Act) {
	w.say("act %s replica=%d tenant=%d for=%s share=%.2f %s", a.What, a.Replica, a.Tenant, a.For, a.Share, a.Fault)
	w.mu.Lock()
	p := w.slots[a.Replica]
	w.mu.Unlock()
	until := time.Now().Add(a.For)
	switch a.What {
	case Outage:
		w.outage(a.For, a.dice)
		return
	case Thief:
		w.steal(w.plan.Tenants[a.Tenant].Name)
		return
	case Mishap:
		w.arm(a)
		return
	case Lag:
		w.mu.Lock()
		w.lagging = until
		w.mu.Unlock()
		return
	case Trouble:
		w.graph.trouble(a, until)
		return
	case Reroster:
		w.mu.Lock()
		w.rosters[a.Tenant] = w.roster(a.Tenant, i+1)
		w.mu.Unlock()
		return
	}
	if p == nil {
		return
	}
	switch a.What {
	case Kill:
		w.down(p, a)
		p.kill(a.dice)
		if w.plan.Embedded {
			w.nats.Stop(a.dice.of(20).below(4))
		}
	case Stop:
		w.down(p, a)
		p.stop()
	case Pause:
		p.pause(until)
	case Cut:
		p.link().Cut(a.Share, a.dice.of(21).share())
	case Stall:
		p.link().Stall(until)
	case Silence:
		p.link().Silence(a.Share < 0.6, a.Share > 0.4)
	}
}

// down takes a process out of its slot, and starts another in its place later.
func (w *world) down(p *process, a Act) {
	w.mu.Lock()
	w.slots[p.slot] = nil
	w.mu.Unlock()
	w.pending.Go(func() {
		<-p.gone()
		time.Sleep(a.For)
		if w.plan.Embedded {
			w.nats.Start()
		}
		w.start(p.slot)
	})
}

func (w *world) start(slot int) {
	w.mu.Lock()
	w.started++
	p := newProcess(w, slot, w.started)
	w.slots[slot] = p
	w.all = append(w.all, p)
	p.rosters = append(p.rosters, w.rosters...)
	w.mu.Unlock()
	w.say("start %s", p.name)
	w.pending.Go(p.run)
}

func (w *world) outage(d time.Duration, dice dice) {
	w.nats.Stop(dice.of(22).below(4))
	w.pending.Go(func() {
		time.Sleep(d)
		w.nats.Start()
	})
}

// ownerSubject is what the subject of a tenant's owner message begins with; which
// stream it is in follows.
func ownerSubject(tenant string) string { return "presenced.owner." + tenant + "_" }

// steal writes an owner message as a replica would that takes over by force, and
// is never heard of again.
func (w *world) steal(tenant string) {
	var m natsmodel.Message
	for _, other := range w.nats.Messages(stream) {
		if strings.HasPrefix(other.Subject, ownerSubject(tenant)) {
			m = other
		}
	}
	var o presence.Owner
	if json.Unmarshal(m.Data, &o) != nil {
		return
	}
	o.Replica, o.Released, o.N = "thief", false, 1
	o.Epoch++
	if o.Summary.AsOf == 0 {
		o.Summary.AsOf = m.Sequence
	}
	data, err := json.Marshal(o)
	if err != nil {
		return
	}
	w.nats.Publish(m.Subject, map[string]string{"Nats-Rollup": "sub",
		"Nats-Expected-Last-Subject-Sequence": fmt.Sprint(m.Sequence)}, data)
}

// lag is how far the table is behind.
func (w *world) lag(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dice.of(forTable, moment(now)).between(time.Millisecond, 80*time.Millisecond)
	return d + max(w.lagging.Sub(now), 0)
}

func (w *world) arm(a Act) {
	d := a.dice
	m := &mishap{until: time.Now().Add(d.of(30).between(time.Second, 8*time.Second)), chance: pick(d.of(35), 0.5, 1), dice: d, writes: d.of(31).chance(0.6)}
	switch d.of(32).below(5) {
	case 0:
		m.LoseRequest = true
	case 1, 2:
		m.LoseReply = true
	case 3:
		m.Delay = d.of(33).between(100*time.Millisecond, 12*time.Second)
	default:
		m.Refuse = pick(d.of(34), 10023, 10077, 10210, 10176, 10158, 10164)
	}
	w.mu.Lock()
	w.mishaps[a.Replica] = m
	w.mu.Unlock()
}

// meddle is asked by the NATS server about every request.
func (w *world) meddle(client, subject string) natsmodel.Mischief {
	w.say("%s asks %s", client, subject)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.all {
		m := w.mishaps[p.slot]
		if p.name != client || m == nil || time.Now().After(m.until) || m.writes && subject[0] == '$' || !m.dice.of(moment(time.Now()), sum(subject)).chance(m.chance) {
			continue
		}
		w.say("mishap of %s at %s: %+v", client, subject, m.Mischief)
		return m.Mischief
	}
	return natsmodel.Mischief{}
}
