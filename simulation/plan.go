package simulation

import (
	"fmt"
	"slices"
	"time"

	"presenced/graphclient"
)

// Plan is a run before it begins: who watches whom, and what goes wrong when.
type Plan struct {
	Seed     uint64
	Replicas int
	Embedded bool // the one replica has the NATS server in its process
	Tenants  []TenantPlan
	Acts     []Act         // in order of time
	Storm    time.Duration // from then on nothing more goes wrong, and nobody's life changes
	Length   time.Duration
}

// TenantPlan is one tenant of a run.
type TenantPlan struct {
	Name         string
	People       int
	Endpoint     graphclient.Endpoint
	Chunk        int
	Interval     time.Duration
	Limit        int // requests in 30 s
	UnknownAfter int
	Pace         time.Duration // mean time between two changes of one person
}

// Act is one thing that goes wrong.
type Act struct {
	At      time.Duration
	What    Deed
	Replica int
	Tenant  int
	For     time.Duration
	Share   float64 // of what is on its way, of requests that are hit
	Fault   Fault   // of Graph
	dice    dice
}

// Deed is a kind of act.
type Deed string

// The deeds.
const (
	Kill     Deed = "kill"     // a process ends at once and starts again after For
	Stop     Deed = "stop"     // SIGTERM; it starts again after For
	Pause    Deed = "pause"    // a process is frozen
	Cut      Deed = "cut"      // its NATS connection breaks, at any byte
	Stall    Deed = "stall"    // its NATS connection stands still
	Silence  Deed = "silence"  // its NATS connection is half-open
	Outage   Deed = "outage"   // the NATS server is killed and starts again
	Thief    Deed = "thief"    // somebody takes a tenant over by force
	Mishap   Deed = "mishap"   // requests or replies of NATS are lost, late or refused
	Lag      Deed = "lag"      // the table falls behind
	Trouble  Deed = "trouble"  // Graph has a Fault
	Reroster Deed = "reroster" // from the next start on, other people are watched
)

// Draw makes the plan of a seed.
func Draw(seed uint64) Plan {
	d := dice(mix(seed)).of(forPlan)
	p := Plan{Seed: seed, Replicas: pick(d.of(1), 1, 2, 2, 2, 3, 3), Storm: d.of(2).between(5*time.Minute, 8*time.Minute)}
	p.Length = p.Storm + quiet
	p.Embedded = p.Replicas == 1 && d.of(3).chance(0.6)
	for i := range pick(d.of(4), 1, 1, 1, 2, 2, 3) {
		p.Tenants = append(p.Tenants, drawTenant(i, d.of(5, uint64(i))))
	}
	calm := pick(d.of(6), 6, 10, 16, 25) // mean seconds between two acts
	at := time.Duration(0)
	for i := uint64(0); ; i++ {
		a := drawAct(p, d.of(forActs, i))
		at += a.dice.of(1).between(time.Second, 2*time.Duration(calm)*time.Second)
		if a.At = at; at+a.For > p.Storm {
			break
		}
		p.Acts = append(p.Acts, a)
	}
	slices.SortStableFunc(p.Acts, func(a, b Act) int { return int(a.At - b.At) })
	return p
}

// quiet is how long a run goes on after the last fault, for everything to recover.
const quiet = 150 * time.Second

func drawTenant(i int, d dice) TenantPlan {
	t := TenantPlan{
		Name: fmt.Sprintf("t%d", i), People: 1 + d.of(1).below(6),
		Endpoint: pick(d.of(2), graphclient.EndpointBulk, graphclient.EndpointBulk, graphclient.EndpointUser, graphclient.EndpointCommunications),
		Interval: time.Duration(pick(d.of(3), 5, 5, 10, 15, 30)) * time.Second, UnknownAfter: 1 + d.of(4).below(3),
		Pace: time.Duration(pick(d.of(5), 10, 20, 60)) * time.Second,
	}
	t.Chunk = 1
	if t.Endpoint == graphclient.EndpointBulk {
		t.Chunk = pick(d.of(6), 2, 3, 650)
	}
	requests := (t.People + t.Chunk - 1) / t.Chunk
	demand := requests * int((30*time.Second+t.Interval-1)/t.Interval)
	t.Limit = demand + demand/4 + 2 + d.of(7).below(6)
	return t
}

func drawAct(p Plan, d dice) Act {
	a := Act{
		What: pick(d.of(10), Kill, Kill, Kill, Stop, Stop, Pause, Pause, Cut, Cut, Cut, Stall, Silence, Outage, Thief, Thief,
			Mishap, Mishap, Mishap, Mishap, Mishap, Lag, Trouble, Trouble, Trouble, Trouble, Trouble, Trouble, Reroster),
		Replica: d.of(11).below(p.Replicas), Tenant: d.of(12).below(len(p.Tenants)), Share: d.of(13).share(), dice: d,
	}
	switch a.What {
	case Kill, Stop:
		a.For = pick(d.of(14), d.of(15).between(100*time.Millisecond, 2*time.Second), d.of(16).between(2*time.Second, 40*time.Second))
	case Pause, Stall, Silence, Outage:
		a.For = pick(d.of(14), d.of(15).between(100*time.Millisecond, 6*time.Second), d.of(16).between(6*time.Second, 50*time.Second))
	case Lag:
		a.For = d.of(14).between(5*time.Second, 40*time.Second)
	case Trouble:
		a.Fault = pick(d.of(17), faults...)
		a.For = d.of(14).between(time.Second, 40*time.Second)
		a.Share = pick(d.of(18), 0.3, 1)
	}
	return a
}
