package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"presenced/graphclient"
	"presenced/presence"
	"presenced/publisher"
	"presenced/simulation/network"
	"presenced/worker"
)

// process is one presenced from its start to its end, wired as the command wires
// it.
type process struct {
	world   *world
	slot, n int
	name    string
	rosters [][]presence.UserID
	dice    dice
	ctx     context.Context
	cancel  func()
	done    chan struct{} // run has returned
	dead    chan struct{} // killed

	mu     sync.Mutex // guards what follows
	killed time.Time  // zero: it was not
	links  []*network.Link
	frozen time.Time // until then
	dials  uint64
	conn   *publisher.Connection

	troubles map[int][]time.Time // when the log could not be reached, by tenant
}

func newProcess(w *world, slot, n int) *process {
	ctx, cancel := context.WithCancel(context.Background())
	return &process{world: w, slot: slot, n: n, name: fmt.Sprintf("r%d.%d", slot, n), dice: w.dice.of(forProcess, uint64(slot), uint64(n)),
		troubles: map[int][]time.Time{}, ctx: ctx, cancel: cancel, done: make(chan struct{}), dead: make(chan struct{})}
}

var _ nats.InProcessConnProvider = (*process)(nil)

// InProcessConn implements nats.InProcessConnProvider: it dials.
func (p *process) InProcessConn() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killed.IsZero() {
		return nil, errors.New("the process is dead")
	}
	if time.Now().Before(p.frozen) {
		return nil, errors.New("no route to host")
	}
	p.dials++
	d := p.dice.of(forNetwork, p.dials)
	now := time.Now()
	l := network.New(func(up bool, at time.Time) time.Duration {
		if at.Equal(now) {
			return 0 // nats.go holds its lock while it shakes hands, and no time can pass in a bubble meanwhile
		}
		k := d.of(moment(at))
		if up {
			k = k.of(1)
		}
		if k.of(2).chance(0.01) {
			return k.of(3).between(5*time.Millisecond, 400*time.Millisecond)
		}
		return k.between(100*time.Microsecond, 3*time.Millisecond)
	})
	p.links = append(p.links, l)
	p.world.pending.Go(func() { p.world.nats.Serve(l.Server) })
	return l.Client, nil
}

// link is the newest connection.
func (p *process) link() *network.Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 {
		return network.New(func(bool, time.Time) time.Duration { return 1 })
	}
	return p.links[len(p.links)-1]
}

func (p *process) run() {
	defer close(p.done)
	defer p.cancel()
	conn, err := publisher.Connect(publisher.ConnectionConfig{
		Name: p.name, Server: p,
		Options: []nats.Option{nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return p.dice.of(forReconnect, uint64(attempts)).between(500*time.Millisecond, time.Second)
		})},
	}, zap.NewNop())
	if err != nil {
		p.world.graph.fault("connect: %v", err)
		return
	}
	defer conn.Close()
	p.mu.Lock()
	p.conn = conn
	p.mu.Unlock()
	log := p.open(conn)
	if log == nil {
		return
	}
	replicas, err := publisher.NewReplicas(conn)
	if err != nil {
		p.world.graph.fault("replicas: %v", err)
		return
	}
	random := func() float64 { return p.dice.of(forBalance, moment(time.Now())).share() }
	balance := worker.NewBalance(p.name, replicas, p.clock, random, zap.NewNop())
	speaking, hush := context.WithCancel(context.Background())
	var spoken sync.WaitGroup
	defer spoken.Wait()
	defer hush()
	spoken.Go(func() { balance.Run(speaking) })
	var tenants []*worker.Tenant
	for i := range p.world.plan.Tenants {
		t, err := p.tenant(i, log, balance)
		if err != nil {
			p.world.graph.fault("tenant: %v", err)
			return
		}
		tenants = append(tenants, t)
	}
	if err := worker.Run(p.ctx, tenants); err != nil && p.alive() {
		p.world.graph.fault("run: %v", err)
	}
}

func (p *process) open(conn *publisher.Connection) *publisher.Log {
	for p.ctx.Err() == nil {
		opening, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		log, _, err := publisher.Open(opening, conn, publisher.Config{
			Prefix: prefix, Stream: stream, History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageCreate})
		cancel()
		if err == nil {
			return log
		}
		if errors.Is(err, publisher.ErrUnfit) {
			p.world.graph.fault("open: %v", err)
		}
		select {
		case <-p.ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (p *process) tenant(i int, log *publisher.Log, balance *worker.Balance) (*worker.Tenant, error) {
	plan := p.world.plan.Tenants[i]
	// Chance depends on the moment alone, not on who else asked before.
	random := func() float64 { return p.dice.of(forChance, uint64(i), moment(time.Now())).share() }
	schedule, err := worker.ParseSchedule([]string{"@every " + plan.Interval.String()})
	if err != nil {
		return nil, err
	}
	app := p.world.graph.sim.Tenants()[i]
	way := &route{process: p, tenant: i}
	tokens := graphclient.NewTokens(graphclient.TokensConfig{Cloud: cloud, TenantID: app.ID, ClientID: app.ClientID, Transport: way, Random: random},
		graphclient.ClientSecret{Read: func() (string, error) { return app.ClientSecret, nil }})
	budget, err := graphclient.NewBudget(graphclient.BudgetConfig{Requests: plan.Limit, Share: 1, Boot: p.clock})
	if err != nil {
		return nil, err
	}
	client, err := graphclient.New(graphclient.Config{Tenant: plan.Name, Cloud: cloud, Endpoint: plan.Endpoint, Transport: way, Random: random}, tokens, budget, nil, zap.NewNop())
	if err != nil {
		return nil, err
	}
	chain := publisher.NewChain(log, publisher.ChainConfig{Tenant: plan.Name, Replica: p.name, Embedded: p.world.plan.Embedded})
	return worker.New(worker.Config{
		Tenant: plan.Name, Replica: p.name, Embedded: p.world.plan.Embedded, Users: p.rosters[i], Chunk: plan.Chunk,
		UnknownAfter: plan.UnknownAfter, Schedule: schedule, Timeout: 20 * time.Second, Boot: p.boot, Random: random, Balance: balance,
	}, client, budget, chain, &observer{process: p, tenant: i}, p.log()), nil
}

// log is a logger that keeps nothing; that a worker recovered from a panic is a
// fault of the run.
func (p *process) log() *zap.Logger {
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.ErrorLevel)
	return zap.New(zapcore.RegisterHooks(core, func(e zapcore.Entry) error {
		p.world.say("%s says: %s", p.name, e.Message)
		if strings.Contains(e.Message, "panic") || strings.Contains(e.Message, "starts over") {
			p.world.graph.fault("%s: %s", p.name, e.Message)
		}
		return nil
	}))
}

// clock is the process's boot clock: it began long ago, and runs at a rate of its
// own.
func (p *process) clock() time.Duration {
	d := p.dice.of(forBoot)
	rate := 1 + (d.of(1).share()-0.5)/1000
	return d.between(time.Minute, 100*time.Hour) + time.Duration(rate*float64(time.Since(p.world.begun)))
}

// boot is the clock as a goroutine reads it that may be frozen just before or just
// after.
func (p *process) boot() time.Duration {
	p.mu.Lock()
	wait := time.Until(p.frozen)
	p.mu.Unlock()
	if wait <= 0 {
		return p.clock()
	}
	early := p.clock()
	select {
	case <-time.After(wait):
	case <-p.dead:
	}
	if p.dice.of(forPause, moment(time.Now())).chance(0.5) {
		return early
	}
	return p.clock()
}

// pause freezes the process as far as the world can tell: its connections stand
// still, and it stops where it reads its clock.
func (p *process) pause(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = until
	for _, l := range p.links {
		l.Stall(until)
	}
}

// thawed is when the process is no longer frozen.
func (p *process) thawed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.frozen), 0)
}

// kill ends the process here and now. What it does from now on has no effect.
func (p *process) kill(d dice) {
	p.mu.Lock()
	p.killed = time.Now()
	for _, l := range p.links {
		l.Cut(d.of(40).share(), 0)
	}
	conn := p.conn
	p.mu.Unlock()
	close(p.dead)
	p.cancel()
	if conn != nil {
		p.world.pending.Go(conn.Close)
	}
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed.IsZero()
}

// stop is SIGTERM.
func (p *process) stop() { p.cancel() }

// gone is closed when the process is no more: at once when it was killed.
func (p *process) gone() <-chan struct{} {
	if p.alive() {
		return p.done
	}
	return p.dead
}
