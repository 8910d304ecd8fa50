package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"presenced/graphclient"
	"presenced/presence"
	"presenced/worker"
)

const tenant = "contoso"

func userID(i int) presence.UserID {
	return presence.UserID(fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i))
}

func users(n int) []presence.UserID {
	ids := make([]presence.UserID, n)
	for i := range ids {
		ids[i] = userID(i)
	}
	return ids
}

// tenantModel is a log and an owner message in memory: what a Journal promises,
// and nothing else. Several journals may share one.
type tenantModel struct {
	mu     sync.Mutex
	seq    uint64
	owner  presence.Owner
	events []presence.Event
	seqs   []uint64 // of the events
	news   []presence.SourceEvent
	story  []string // events and news in their order
	writes int      // batches, heartbeats too
	times  []time.Time
	away   error // NATS is: no call of any replica goes through; nil: it is there
}

// cut takes NATS away from every replica, or gives it back with nil.
func (m *tenantModel) cut(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

func (m *tenantModel) told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.story)
}

// fakeJournal is one replica's journal on a tenantModel.
type fakeJournal struct {
	*tenantModel
	replica string
	last    presence.Owner
	fail    func() error // asked before each append; nil: never fails; set by failWith
	damage  func(map[presence.UserID]presence.State)
	slow    time.Duration // for Load
	ack     time.Duration // how long the reply to an acquire is under way
	loads   int           // how many there were
	broken  func() error  // asked by each Load; nil: never fails
	blind   error         // of each Owner; nil: it can be read
	refuse  int           // how many more calls of Acquire fail
}

func (j *fakeJournal) Owner(context.Context) (presence.Owner, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.blind != nil {
		return presence.Owner{}, j.blind
	}
	return j.owner, j.away
}

func (j *fakeJournal) Acquire(ctx context.Context, seen presence.Owner, l presence.Ledger) (own presence.Owner, err error) {
	defer func() {
		if err == nil && !j.acked(ctx) {
			own, err = presence.Owner{}, ctx.Err()
		}
	}()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away != nil {
		return presence.Owner{}, j.away
	}
	if j.refuse > 0 {
		j.refuse--
		return presence.Owner{}, errors.New("the server was too busy")
	}
	if seen.Sequence != j.owner.Sequence {
		return presence.Owner{}, presence.ErrDeposed
	}
	j.seq++
	j.owner = presence.Owner{Sequence: j.seq, Replica: j.replica, Epoch: seen.Epoch + 1, Ledger: l, Summary: seen.Summary}
	if j.owner.Summary.AsOf == 0 {
		j.owner.Summary.AsOf = seen.Sequence
	}
	j.last = j.owner
	return j.owner, nil
}

func (j *fakeJournal) Load(ctx context.Context, own presence.Owner) (presence.Loaded, error) {
	if j.slow > 0 {
		select {
		case <-time.After(j.slow):
		case <-ctx.Done():
			return presence.Loaded{}, ctx.Err()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loads++
	if j.broken != nil {
		if err := j.broken(); err != nil {
			return presence.Loaded{}, err
		}
	}
	l := presence.Loaded{States: map[presence.UserID]presence.State{}, Source: own.Summary.Source, Intact: true}
	want, got := own.Summary, presence.Summary{Floor: own.Summary.Floor}
	for i, e := range j.events {
		l.States[e.User] = e.State()
		if j.seqs[i] > own.Summary.AsOf {
			want = want.Replace(e.User, e.Past(), e.State())
		}
	}
	for _, n := range j.news {
		l.Source = n.After
	}
	for user, s := range l.States {
		got = got.Replace(user, presence.State{}, s)
	}
	if want.Checksum != got.Checksum || want.Users != got.Users {
		return presence.Loaded{}, fmt.Errorf("the log adds up to %+v, on record is %+v", got, want)
	}
	l.Expected, l.Found = want, got
	if j.damage != nil {
		j.damage(l.States)
		l.Intact = false
	}
	return l, nil
}

func (j *fakeJournal) failWith(fail func() error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = fail
}

func (j *fakeJournal) Append(_ context.Context, b presence.Batch) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		if err := j.fail(); err != nil {
			return err
		}
	}
	if j.away != nil {
		return j.away
	}
	if j.owner.Sequence != j.last.Sequence {
		return presence.ErrDeposed
	}
	if len(b.Events) > presence.MaxBatch || b.Source != nil && len(b.Events) == presence.MaxBatch {
		return errors.New("batch too large")
	}
	j.seq++
	j.owner.Sequence, j.owner.Released, j.owner.Ledger, j.owner.Summary = j.seq, b.Release, b.Ledger, b.Summary
	j.last = j.owner
	for _, e := range b.Events {
		j.seq++
		j.events, j.seqs = append(j.events, *e), append(j.seqs, j.seq)
		j.story = append(j.story, short(*e))
	}
	if b.Source != nil {
		j.seq++
		j.news = append(j.news, *b.Source)
		j.story = append(j.story, shortNews(*b.Source))
	}
	j.writes++
	j.times = append(j.times, time.Now())
	return nil
}

// log is the events so far, in short: "u1/2 change Busy".
func (j *tenantModel) log() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, e := range j.events {
		lines = append(lines, short(e))
	}
	return lines
}

func short(e presence.Event) string {
	var n int
	fmt.Sscanf(string(e.User[:8]), "%x", &n)
	line := fmt.Sprintf("u%d/%d %s", n, e.Revision, e.Reason)
	if e.After != nil {
		line += " " + e.After.Availability
	}
	if e.Gap {
		line += " gap"
	}
	return line
}

func shortNews(n presence.SourceEvent) string {
	return string(n.Before) + ">" + string(n.After) + " " + string(n.Cause)
}

// said is the news so far, in short: "before>after cause".
func (j *tenantModel) said() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, n := range j.news {
		lines = append(lines, shortNews(n))
	}
	return lines
}

// fakeSource answers from a map; a user who is not in it gets no answer.
type fakeSource struct {
	mu     sync.Mutex
	now    map[presence.UserID]string
	seq    map[presence.UserID]string // Graph's version stamp; absent: none is sent
	fail   func(users []presence.UserID) error
	delay  time.Duration
	asked  []time.Time
	during int // requests under way
	most   int
	permit *fakeBudget
}

func newSource(n int, word string) *fakeSource {
	s := &fakeSource{now: map[presence.UserID]string{}, seq: map[presence.UserID]string{}}
	for _, u := range users(n) {
		s.now[u] = word
	}
	return s
}

func (s *fakeSource) set(u presence.UserID, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if word == "" {
		delete(s.now, u)
		return
	}
	s.now[u] = word
}

// with changes the source while it may be asked.
func (s *fakeSource) with(change func(*fakeSource)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *fakeSource) Presences(ctx context.Context, ids []presence.UserID) ([]presence.Answer, error) {
	if s.permit != nil && !s.permit.admit(ctx) {
		return nil, &presence.BlindError{Cause: presence.CauseThrottled, Err: errors.New("no permit")}
	}
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.during++
	s.most = max(s.most, s.during)
	fail, delay := s.fail, s.delay
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.during--
		s.mu.Unlock()
	}()
	asked := time.Now()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, &presence.BlindError{Cause: presence.CauseUnreachable, Err: ctx.Err()}
		}
	}
	if fail != nil {
		if err := fail(ids); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var answers []presence.Answer
	for _, u := range ids {
		if word, ok := s.now[u]; ok {
			answers = append(answers, presence.Answer{User: u, Asked: asked, At: time.Now(), Presence: presence.Presence{Availability: word, Activity: word, SequenceNumber: s.seq[u]}})
		}
	}
	return answers, nil
}

// fakeBudget knows permits only.
type fakeBudget struct {
	mu      sync.Mutex
	boot    func() time.Duration
	until   time.Duration
	charges []presence.Ledger
	settles []time.Duration
}

func (b *fakeBudget) Reserve(n int) presence.Ledger { return presence.Ledger{Reserved: min(n, 400)} }
func (b *fakeBudget) Charge(l presence.Ledger, _, settle time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.charges, b.settles = append(b.charges, l), append(b.settles, settle)
}
func (b *fakeBudget) Permit(_ presence.Ledger, until time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = until
}

// admit waits for a permit, as the real budget does, for two minutes or until it is
// revoked.
func (b *fakeBudget) admit(ctx context.Context) bool {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		b.mu.Lock()
		until := b.until
		b.mu.Unlock()
		if b.boot() < until {
			return true
		}
		if until == 0 {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

// lastWrite is when the owner message was written last, and how many there were.
func (j *tenantModel) lastWrite() (time.Time, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.times[len(j.times)-1], j.writes
}

// lastAsked is when Graph was asked last, and how often it was.
func (s *fakeSource) lastAsked() (time.Time, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1], len(s.asked)
}

// seen counts what an observer is told.
type seen struct {
	mu       sync.Mutex
	sweeps   []presence.Sweep
	skipped  int
	troubles []string
	intact   []bool
}

func (o *seen) Reigns(string, uint64) {}
func (o *seen) Loaded(_ string, _ int, _ time.Duration, intact bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.intact = append(o.intact, intact)
}
func (o *seen) Swept(_ string, s presence.Sweep) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweeps = append(o.sweeps, s)
}
func (o *seen) swept() []presence.Sweep {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sweeps)
}
func (o *seen) Skipped(string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.skipped++
}
func (o *seen) Appended(string, []*presence.Event, time.Duration) {}
func (o *seen) Troubled(_ string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.troubles = append(o.troubles, err.Error())
}
func (o *seen) SourceChanged(string, presence.SourceState, presence.Cause) {}

// world is a tenant and all it touches, in fake time.
type world struct {
	t        *testing.T
	model    *tenantModel
	journal  *fakeJournal
	source   *fakeSource
	budget   *fakeBudget
	observer *seen
	config   worker.Config
	tenant   *worker.Tenant
	boot     func() time.Duration
	slept    *atomic.Int64 // how far the boot clock is ahead of the monotonic one
	lines    *observer.ObservedLogs

	limit      func()              // makes the two below for the next replica; nil: the fakes serve
	realBudget *graphclient.Budget // of the replica started last
	realSource worker.Source

	stop func() error // ends the tenant, waits for it and returns what Run did
}

// newWorld makes a tenant of n users who are all Available; start runs it.
func newWorld(t *testing.T, n int) *world {
	t.Helper()
	booted, slept := time.Now(), &atomic.Int64{}
	boot := func() time.Duration { return time.Since(booted) + time.Hour + time.Duration(slept.Load()) }
	schedule, err := worker.ParseSchedule([]string{"@every 15s"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, slept: slept, model: &tenantModel{}, source: newSource(n, "Available"), observer: &seen{}, boot: boot,
		budget: &fakeBudget{boot: boot},
		config: worker.Config{Tenant: tenant, Replica: "a", Users: users(n), Chunk: 650, Schedule: schedule, Timeout: 20 * time.Second, Boot: boot},
	}
	w.journal = &fakeJournal{tenantModel: w.model, replica: "a"}
	w.source.permit = w.budget
	return w
}

func (w *world) start() { w.startOn(w.journal) }

func (w *world) startOn(j worker.Journal) {
	core, lines := observerCore()
	w.lines = lines
	var source worker.Source = w.source
	var budget worker.Budget = w.budget
	if w.limit != nil {
		w.limit()
		source, budget = w.realSource, w.realBudget
	}
	w.tenant = worker.New(w.config, source, budget, j, w.observer, zap.New(core))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx, []*worker.Tenant{w.tenant}) }()
	w.stop = func() error { cancel(); return <-done }
	synctest.Wait()
}

// restart is a new process on the same log.
func (w *world) restart(replica string) {
	w.journal = &fakeJournal{tenantModel: w.model, replica: replica}
	w.config.Replica = replica
	w.start()
}

// after lets fake time pass and everything settle.
func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) owner() presence.Owner {
	w.model.mu.Lock()
	defer w.model.mu.Unlock()
	return w.model.owner
}

// underWay is how many requests are not answered yet.
func (s *fakeSource) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.during
}

func observerCore() (zapcore.Core, *observer.ObservedLogs) { return observer.New(zap.DebugLevel) }

func (j *fakeJournal) failLoads(broken func() error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = broken
}

// schedule is how often the tenant is swept.
func (w *world) schedule(spec string) {
	w.t.Helper()
	s, err := worker.ParseSchedule([]string{spec})
	if err != nil {
		w.t.Fatal(err)
	}
	w.config.Schedule = s
}

// acked waits for the reply to an acquire; false if ctx ended first.
func (j *fakeJournal) acked(ctx context.Context) bool {
	if j.ack == 0 {
		return true
	}
	select {
	case <-time.After(j.ack):
		return true
	case <-ctx.Done():
		return false
	}
}
